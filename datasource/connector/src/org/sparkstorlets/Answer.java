package org.sparkstorlets;

import java.io.InputStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.apache.spark.TaskKilledException;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.vectorized.ColumnarBatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparkstorlets.StorletException.Remedy;

/**
 * The answer to one request. When it breaks off, the request is repeated: a storlet's answer to the same bytes is the
 * same, which is checked, so reading goes on behind the last batch that was handed out.
 */
final class Answer {
  private static final Logger LOG = LoggerFactory.getLogger("spark_storlets");
  private static final long FIRST_PAUSE_MS = 200;
  private static final long LONGEST_PAUSE_MS = 60_000;

  private final Reading reading;
  private final StructType columns;
  private final StoreErrors errors;
  private final RequestWindow window;
  private final StorletsMetrics.Totals totals;
  private final CountDownLatch killed;
  private StoreRequest request;
  private Fetch fetch;
  private volatile StoreConnection connection;
  private TableStream stream;
  private TableStream.Position position = TableStream.Position.START;
  private int tries;
  private boolean renewed;

  Answer(RequestWindow.Turn turn, StorletsInputPartition partition, StructType columns, RequestWindow window,
      StorletsMetrics.Totals totals, CountDownLatch killed) {
    this.request = turn.request();
    this.fetch = turn.fetch();
    this.reading = partition.reading();
    this.errors = new StoreErrors(partition.errors(), request);
    this.columns = columns;
    this.window = window;
    this.totals = totals;
    this.killed = killed;
  }

  /** Goes to the next batch with rows; false only after a good trailer. */
  boolean next() {
    while (true) {
      try {
        if (stream == null) {
          open();
        }
        boolean found = stream.next();
        position = stream.position();
        return found;
      } catch (StorletException e) {
        if (isKilled()) {
          throw new TaskKilledException();
        }
        recover(e);
      }
    }
  }

  private void open() {
    tries++;
    totals.requests++;
    InputStream body;
    if (fetch != null) {
      body = fetch.body();
    } else {
      connection = new StoreConnection(request, reading, errors);
      body = isKilled() ? InputStream.nullInputStream() : connection.open();
    }
    stream = new TableStream(body, columns, errors);
    stream.skipTo(position);
  }

  private void recover(StorletException e) {
    close();
    if (e.remedy() == Remedy.NEW_TOKEN && !renewed) {
      request = request.withToken(Tokens.renewed(reading.login(), request.token(), e));
      renewed = true;
    } else if (e.remedy() == Remedy.REPEAT && tries <= reading.retries()) {
      LOG.warn("Repeating a request, {} of {}: {}", tries, reading.retries(), e.getMessage());
      window.release();
      pause(e.retryAfter());
    } else {
      throw e.afterTries(tries);
    }
    totals.retries++;
  }

  private void pause(int seconds) {
    long grown = FIRST_PAUSE_MS << Math.min(tries, 10);
    // Tasks that failed together should not come back together.
    long spread = ThreadLocalRandom.current().nextLong(grown / 2, grown);
    try {
      boolean ended = killed.await(Math.min(Math.max(spread, 1000L * seconds), LONGEST_PAUSE_MS), TimeUnit.MILLISECONDS);
      if (ended) {
        throw new TaskKilledException();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TaskKilledException();
    }
  }

  private boolean isKilled() {
    return killed.getCount() == 0;
  }

  ColumnarBatch batch() {
    return stream.batch();
  }

  /** The stream that is open; null if there is none. */
  TableStream stream() {
    return stream;
  }

  /** Ends the request, from any thread; who reads the answer gets an exception. */
  void abort() {
    Fetch first = fetch;
    if (first != null) {
      first.abort();
    }
    StoreConnection used = connection;
    if (used != null) {
      used.abort();
    }
  }

  void close() {
    // Closing an unread answer would read the rest of it, so the connection goes first.
    if (stream == null || !stream.complete()) {
      abort();
    }
    if (stream != null) {
      totals.add(stream);
      stream.close();
    }
    stream = null;
    fetch = null;
    connection = null;
  }
}
