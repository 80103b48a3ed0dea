package org.sparkstorlets;

import java.util.NoSuchElementException;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.PartitionReader;
import org.apache.spark.sql.connector.read.PartitionReaderFactory;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.vectorized.ColumnarBatch;

/** Travels to the executors and makes a reader for each partition there. */
record StorletsPartitionReaderFactory(StructType columns, boolean columnar) implements PartitionReaderFactory {
  private static final String KEEPS_BATCHES = "spark.sql.execution.arrow.pythonUDF.columnarInput.enabled";

  // From Spark 4.2 on, and unless this is switched off, UDFs over Arrow keep the batches that a scan has handed out, while
  // the reader fills the same vectors anew. Rows are copied.
  /** Whether batches can be handed out in this session. */
  static boolean batchesAreUsedAtOnce() {
    try {
      return !Boolean.parseBoolean(SQLConf.get().getConfString(KEEPS_BATCHES));
    } catch (NoSuchElementException e) {
      return true; // an older Spark
    }
  }

  @Override
  public boolean supportColumnarReads(InputPartition partition) {
    return columnar;
  }

  @Override
  public PartitionReader<InternalRow> createReader(InputPartition partition) {
    return new RowReader(createColumnarReader(partition));
  }

  @Override
  public PartitionReader<ColumnarBatch> createColumnarReader(InputPartition partition) {
    return new StorletsPartitionReader((StorletsInputPartition) partition, columns);
  }
}
