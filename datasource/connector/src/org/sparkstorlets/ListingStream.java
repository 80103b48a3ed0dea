package org.sparkstorlets;

import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.PartitionReaderFactory;
import org.apache.spark.sql.connector.read.streaming.MicroBatchStream;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.ReadLimit;
import org.apache.spark.sql.connector.read.streaming.SupportsTriggerAvailableNow;

/**
 * A listing as a stream of new objects: each batch has those that were modified between two moments. An offset is such
 * a moment, so a batch that is run again has the same objects, but for those deleted or written again since. No moment
 * is before the last one, though the proxies' clocks differ and the delay may be set anew: what lies between them would
 * come twice.
 */
final class ListingStream implements MicroBatchStream, SupportsTriggerAvailableNow {
  private final ListingScan scan;
  /** Up to when a run takes objects that ends when it has them, in microseconds. */
  private Long end;

  ListingStream(ListingScan scan) {
    this.scan = scan;
  }

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
  public void prepareForTriggerAvailableNow() {
    end = scan.moment();
  }

  @Override
  public Offset latestOffset(Offset start, ReadLimit limit) {
    return new Moment(Math.max(((Moment) start).microseconds, end == null ? scan.moment() : end));
  }

  @Override
  public Offset latestOffset() {
    throw new UnsupportedOperationException("Spark asks for the latest offset behind another one");
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
