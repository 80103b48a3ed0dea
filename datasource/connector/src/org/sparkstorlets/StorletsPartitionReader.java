package org.sparkstorlets;

import java.util.Iterator;
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
  private final Iterator<StoreRequest> requests;
  private final StorletsMetrics.Totals totals = new StorletsMetrics.Totals();
  private StoreConnection connection;
  private TableStream stream;

  StorletsPartitionReader(StorletsInputPartition partition, StructType columns) {
    this.partition = partition;
    this.columns = columns;
    this.requests = partition.requests().iterator();
  }

  @Override
  public boolean next() {
    while (stream != null || requests.hasNext()) {
      if (stream == null) {
        open(requests.next());
      }
      if (stream.next()) {
        return true;
      }
      close();
    }
    return false;
  }

  private void open(StoreRequest request) {
    StoreErrors errors = new StoreErrors(partition.errors(), request);
    totals.requests++;
    connection = new StoreConnection(request, errors);
    stream = new TableStream(connection.open(), columns, errors);
  }

  @Override
  public ColumnarBatch get() {
    return stream.batch();
  }

  @Override
  public CustomTaskMetric[] currentMetricsValues() {
    return totals.with(stream);
  }

  @Override
  public void close() {
    TableStream ended = stream;
    StoreConnection used = connection;
    stream = null;
    connection = null;
    // Closing an unread answer would read the rest of it, so the connection goes first.
    if (used != null && (ended == null || !ended.complete())) {
      used.disconnect();
    }
    if (ended != null) {
      totals.add(ended);
      ended.close();
    }
  }
}
