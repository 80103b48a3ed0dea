package org.sparkstorlets;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** A request that is made before its turn: the store works on it, and the beginning of its answer waits here. */
final class Fetch {
  /** Bytes that wait in memory; the rest stays in the network until it is read. */
  private static final int AHEAD = 4 << 20;

  // There are as many threads as the tasks' windows take.
  private static final ExecutorService THREADS = Executors.newCachedThreadPool(work -> {
    Thread thread = new Thread(work, "spark_storlets fetch");
    thread.setDaemon(true);
    return thread;
  });

  private final StoreErrors errors;
  private final StoreConnection connection;
  private final Future<InputStream> body;

  Fetch(StoreRequest request, Reading reading, StoreErrors errors) {
    this.errors = errors;
    this.connection = new StoreConnection(request, reading, errors);
    this.body = THREADS.submit(this::fetch);
  }

  private InputStream fetch() {
    InputStream answer = connection.open();
    try {
      byte[] first = answer.readNBytes(AHEAD);
      InputStream beginning = new ByteArrayInputStream(first);
      return first.length < AHEAD ? beginning : new SequenceInputStream(beginning, answer);
    } catch (IOException e) {
      throw errors.of("cut", StoreErrors.words(e) + ", before its first row was read", e);
    }
  }

  /** The answer's body, or the exception that came of the request. */
  InputStream body() {
    try {
      return body.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof StorletException failure) {
        throw failure;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw errors.of("cut", "the task was interrupted", e);
    }
  }

  void abort() {
    connection.abort();
  }
}
