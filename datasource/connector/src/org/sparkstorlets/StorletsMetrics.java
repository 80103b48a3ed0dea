package org.sparkstorlets;

import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.sql.connector.metric.CustomMetric;
import org.apache.spark.sql.connector.metric.CustomSumMetric;
import org.apache.spark.sql.connector.metric.CustomTaskMetric;

/** The numbers that Spark shows for a scan. The metric classes are public because its UI makes them by name. */
public final class StorletsMetrics {
  private StorletsMetrics() {}

  static CustomMetric[] all() {
    return new CustomMetric[] {
      new BytesScanned(), new BytesReceived(), new RowsScanned(), new RowsReturned(), new StoreRequests(),
      new StoreRetries(), new StorletCpuTime()
    };
  }

  /** The bytes of the object that the storlets of a scan went through. */
  public static final class BytesScanned extends CustomSumMetric {
    @Override
    public String name() {
      return "bytesScanned";
    }

    @Override
    public String description() {
      return "bytes scanned in the store";
    }
  }

  /** The bytes of the answers, trailers included. */
  public static final class BytesReceived extends CustomSumMetric {
    @Override
    public String name() {
      return "bytesReceived";
    }

    @Override
    public String description() {
      return "bytes received from the store";
    }
  }

  /** The rows that the storlets went through. */
  public static final class RowsScanned extends CustomSumMetric {
    @Override
    public String name() {
      return "rowsScanned";
    }

    @Override
    public String description() {
      return "rows scanned in the store";
    }
  }

  /** The rows that arrived. */
  public static final class RowsReturned extends CustomSumMetric {
    @Override
    public String name() {
      return "rowsReturned";
    }

    @Override
    public String description() {
      return "rows returned by the store";
    }
  }

  /** The requests made. */
  public static final class StoreRequests extends CustomSumMetric {
    @Override
    public String name() {
      return "storeRequests";
    }

    @Override
    public String description() {
      return "requests to the store";
    }
  }

  /** The requests made once more. */
  public static final class StoreRetries extends CustomSumMetric {
    @Override
    public String name() {
      return "storeRetries";
    }

    @Override
    public String description() {
      return "requests repeated";
    }
  }

  /** The time that the storlets computed, in milliseconds. */
  public static final class StorletCpuTime extends CustomSumMetric {
    @Override
    public String name() {
      return "storletCpuTime";
    }

    @Override
    public String description() {
      return "storlets' CPU time in ms";
    }
  }

  /** The value of one metric in one task. */
  private record TaskMetric(String name, long value) implements CustomTaskMetric {}

  /** The sums over the streams that one task has closed. */
  static final class Totals {
    // Listings count from several threads.
    private final AtomicLong requests = new AtomicLong();
    private final AtomicLong retries = new AtomicLong();
    private long bytesScanned;
    private long bytesReceived;
    private long rowsScanned;
    private long rowsReturned;
    private long cpuNanos;

    void request() {
      requests.incrementAndGet();
    }

    void retry() {
      retries.incrementAndGet();
    }

    /** Adds a page of a listing. */
    void add(long bytes, long rows) {
      bytesReceived += bytes;
      rowsReturned += rows;
    }

    /** Adds a stream. Of one that has broken off, the rows come again and are not counted. */
    void add(TableStream stream) {
      bytesScanned += stream.bytesScanned();
      bytesReceived += stream.bytesReceived();
      rowsScanned += stream.rowsScanned();
      rowsReturned += stream.complete() ? stream.rowsReturned() : 0;
      cpuNanos += stream.cpuNanos();
    }

    /** These sums and the numbers of the stream still open, if there is one. */
    CustomTaskMetric[] with(TableStream open) {
      Totals now = new Totals();
      now.bytesScanned = bytesScanned;
      now.bytesReceived = bytesReceived;
      now.rowsScanned = rowsScanned;
      now.rowsReturned = rowsReturned;
      now.cpuNanos = cpuNanos;
      if (open != null) {
        now.add(open);
        now.rowsReturned += open.complete() ? 0 : open.rowsReturned();
      }
      return new CustomTaskMetric[] {
        new TaskMetric("bytesScanned", now.bytesScanned),
        new TaskMetric("bytesReceived", now.bytesReceived),
        new TaskMetric("rowsScanned", now.rowsScanned),
        new TaskMetric("rowsReturned", now.rowsReturned),
        new TaskMetric("storeRequests", requests.get()),
        new TaskMetric("storeRetries", retries.get()),
        new TaskMetric("storletCpuTime", now.cpuNanos / 1_000_000)
      };
    }
  }
}
