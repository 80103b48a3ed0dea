package org.sparkstorlets;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.apache.spark.TaskContext;

/** Looks now and then whether Spark has killed a task: one that waits for bytes does not see it. */
final class TaskWatch implements AutoCloseable {
  private static final long LOOK_MS = 500;
  private static final ScheduledExecutorService LOOKOUT = Executors.newSingleThreadScheduledExecutor(work -> {
    Thread thread = new Thread(work, "spark_storlets lookout");
    thread.setDaemon(true);
    return thread;
  });

  private final CountDownLatch killed = new CountDownLatch(1);
  private final ScheduledFuture<?> lookout;

  /** Watches the task of this thread; {@code abort} ends what it waits for, from another thread and more than once. */
  TaskWatch(Runnable abort) {
    TaskContext task = TaskContext.get();
    this.lookout =
        LOOKOUT.scheduleWithFixedDelay(() -> look(task, abort), LOOK_MS, LOOK_MS, TimeUnit.MILLISECONDS);
  }

  private void look(TaskContext task, Runnable abort) {
    if (task.isInterrupted()) {
      killed.countDown();
      abort.run();
    }
  }

  boolean isKilled() {
    return killed.getCount() == 0;
  }

  /** Waits; true if the task is killed meanwhile. */
  boolean pause(long milliseconds) throws InterruptedException {
    return killed.await(milliseconds, TimeUnit.MILLISECONDS);
  }

  @Override
  public void close() {
    lookout.cancel(false);
  }
}
