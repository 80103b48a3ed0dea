package org.sparkstorlets;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.connector.metric.CustomTaskMetric;
import org.apache.spark.sql.connector.read.PartitionReader;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.vectorized.ColumnarBatch;

/**
 * Reads the answers to the requests of one partition, one after the other. It says that it is at the end only
 * after the last answer has proved to be complete.
 */
final class StorletsPartitionReader implements PartitionReader<ColumnarBatch> {
  private static final long LOOK_MS = 500;

  // A task that waits for bytes does not see that Spark has killed it.
  private static final ScheduledExecutorService LOOKOUT = Executors.newSingleThreadScheduledExecutor(work -> {
    Thread thread = new Thread(work, "spark_storlets lookout");
    thread.setDaemon(true);
    return thread;
  });

  private final StorletsInputPartition partition;
  private final StructType columns;
  private final RequestWindow window;
  private final StorletsMetrics.Totals totals = new StorletsMetrics.Totals();
  private final CountDownLatch killed = new CountDownLatch(1);
  private final ScheduledFuture<?> lookout;
  private volatile Answer answer;

  StorletsPartitionReader(StorletsInputPartition partition, StructType columns) {
    this.partition = partition;
    this.columns = columns;
    this.window = new RequestWindow(partition.requests(), partition.reading(), partition.errors());
    TaskContext task = TaskContext.get();
    this.lookout = LOOKOUT.scheduleWithFixedDelay(() -> look(task), LOOK_MS, LOOK_MS, TimeUnit.MILLISECONDS);
  }

  private void look(TaskContext task) {
    if (task.isInterrupted()) {
      killed.countDown();
      Answer current = answer;
      if (current != null) {
        current.abort();
      }
    }
  }

  @Override
  public boolean next() {
    while (true) {
      if (answer == null) {
        RequestWindow.Turn turn = window.next();
        if (turn == null) {
          return false;
        }
        answer = new Answer(turn, partition, columns, window, totals, killed);
      }
      if (answer.next()) {
        return true;
      }
      end();
    }
  }

  private void end() {
    if (answer != null) {
      answer.close();
    }
    answer = null;
  }

  @Override
  public ColumnarBatch get() {
    return answer.batch();
  }

  @Override
  public CustomTaskMetric[] currentMetricsValues() {
    return totals.with(answer == null ? null : answer.stream());
  }

  @Override
  public void close() {
    lookout.cancel(false);
    window.release();
    end();
  }
}
