package org.sparkstorlets;

import java.io.InputStream;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.vectorized.ColumnarBatch;

/**
 * The answer to one request. When it breaks off, the request is repeated: a storlet's answer to the same bytes is the
 * same, which is checked, so reading goes on behind the last batch that was handed out.
 */
final class Answer {
  private final Reading reading;
  private final StructType columns;
  private final StoreErrors errors;
  private final RequestWindow window;
  private final StorletsMetrics.Totals totals;
  private final TaskWatch watch;
  private final Attempts attempts;
  private Fetch fetch;
  private volatile StoreConnection connection;
  private TableStream stream;
  private TableStream.Position position = TableStream.Position.START;

  Answer(RequestWindow.Turn turn, StorletsInputPartition partition, StructType columns, RequestWindow window,
      StorletsMetrics.Totals totals, TaskWatch watch) {
    this.fetch = turn.fetch();
    this.reading = partition.reading();
    this.errors = new StoreErrors(partition.errors(), turn.request());
    this.columns = columns;
    this.window = window;
    this.totals = totals;
    this.watch = watch;
    this.attempts = new Attempts(turn.request(), reading, totals, watch);
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
        close();
        attempts.recover(e, window::release);
      }
    }
  }

  private void open() {
    StoreRequest request = attempts.next();
    InputStream body;
    if (fetch != null) {
      body = fetch.body();
    } else {
      connection = new StoreConnection(request, reading, errors);
      body = watch.isKilled() ? InputStream.nullInputStream() : connection.open();
    }
    stream = new TableStream(body, columns, errors);
    stream.skipTo(position);
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
