package org.sparkstorlets;

import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.PartitionReaderFactory;
import org.apache.spark.sql.connector.read.streaming.MicroBatchStream;
import org.apache.spark.sql.connector.read.streaming.Offset;

/**
 * A listing as a stream of new objects: each batch has those that were modified between two moments. An offset is such
 * a moment, so a batch that is run again has the same objects, but for those deleted or written again since.
 */
record ListingStream(ListingScan scan) implements MicroBatchStream {
  /** Microseconds since 1970. */
  private static final class Moment extends Offset {
    private final long microseconds;

    Moment(long microseconds) {
      this.microseconds = microseconds;
    }

    @Override
    public String json() {
      return Long.toString(microseconds);
    }
  }

  @Override
  public Offset initialOffset() {
    return new Moment(0);
  }

  @Override
  public Offset deserializeOffset(String json) {
    return new Moment(Long.parseLong(json));
  }

  @Override
  public Offset latestOffset() {
    return new Moment(scan.moment());
  }

  @Override
  public InputPartition[] planInputPartitions(Offset start, Offset end) {
    return scan.plan(((Moment) start).microseconds, ((Moment) end).microseconds);
  }

  @Override
  public PartitionReaderFactory createReaderFactory() {
    return scan.createReaderFactory();
  }

  @Override
  public void commit(Offset end) {}

  @Override
  public void stop() {}
}
