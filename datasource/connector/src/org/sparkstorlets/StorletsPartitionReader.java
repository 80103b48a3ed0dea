package org.sparkstorlets;

import org.apache.spark.sql.connector.metric.CustomTaskMetric;
import org.apache.spark.sql.connector.read.PartitionReader;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.vectorized.ColumnarBatch;

/**
 * Reads the answers to the requests of one partition, one after the other. It says that it is at the end only
 * after the last answer has proved to be complete.
 */
final class StorletsPartitionReader implements PartitionReader<ColumnarBatch> {
  private final StorletsInputPartition partition;
  private final StructType columns;
  private final ListedRequests listed; // null if the planner has made the requests
  private final RequestWindow window;
  private final StorletsMetrics.Totals totals = new StorletsMetrics.Totals();
  private final TaskWatch watch = new TaskWatch(this::abort);
  private volatile Answer answer;

  StorletsPartitionReader(StorletsInputPartition partition, StructType columns) {
    this.partition = partition;
    this.columns = columns;
    this.listed = partition.listing() == null ? null : new ListedRequests(partition.listing(), totals, watch);
    this.window = new RequestWindow(
        listed == null ? partition.requests().iterator() : listed, partition.reading(), partition.errors());
  }

  private void abort() {
    if (listed != null) {
      listed.abort();
    }
    Answer current = answer;
    if (current != null) {
      current.abort();
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
        answer = new Answer(turn, partition, columns, window, totals, watch);
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
    watch.close();
    window.release();
    end();
  }
}
