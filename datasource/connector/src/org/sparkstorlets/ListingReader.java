package org.sparkstorlets;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.OrderedFilters;
import org.apache.spark.sql.connector.metric.CustomTaskMetric;
import org.apache.spark.sql.connector.read.PartitionReader;
import org.apache.spark.sql.execution.vectorized.OnHeapColumnVector;
import org.apache.spark.sql.execution.vectorized.WritableColumnVector;
import org.apache.spark.sql.sources.Filter;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.vectorized.ColumnarBatch;
import org.apache.spark.unsafe.types.UTF8String;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Reads the rows of a range of names. Metadata, where it is selected, is asked for object by object, a few at once, of
 * those that pass the filters.
 */
final class ListingReader implements PartitionReader<ColumnarBatch> {
  private static final String METADATA = "metadata";
  private static final int BATCH_ROWS = 4096;
  // Under a LIMIT the rest of a batch is asked for in vain.
  private static final int BATCH_ROWS_OF_METADATA = 64;
  private static final int HEADS_AT_ONCE = 16;

  private final ListingPartition partition;
  private final StructType columns;
  private final StorletsMetrics.Totals totals = new StorletsMetrics.Totals();
  private final TaskWatch watch = new TaskWatch(this::abort);
  private final ListingPages pages;
  private final boolean withMetadata;
  private final OrderedFilters filters;
  private final Deque<Head> heads = new ArrayDeque<>();
  private ColumnarBatch batch;

  /** An object whose metadata is on its way, if it is selected. */
  private record Head(ListedObject object, HeadFetch fetch) {}

  ListingReader(ListingPartition partition, StructType columns, List<Filter> filters) {
    this.partition = partition;
    this.columns = columns;
    this.pages = new ListingPages(partition, totals, watch);
    this.withMetadata = Arrays.asList(columns.fieldNames()).contains(METADATA);
    this.filters = ordered(filters);
  }

  // Spark's own evaluation of its filters, those that need no metadata; Spark comes back to all of them later.
  private static OrderedFilters ordered(List<Filter> filters) {
    Set<String> known = Set.of(ListedObject.COLUMNS.fieldNames());
    List<Filter> usable = filters.stream().filter(f -> known.containsAll(Arrays.asList(f.references()))).toList();
    return new OrderedFilters(CollectionConverters.asScala(usable).toSeq(), ListedObject.COLUMNS);
  }

  @Override
  public boolean next() {
    int rows = withMetadata ? BATCH_ROWS_OF_METADATA : BATCH_ROWS;
    closeBatch();
    WritableColumnVector[] vectors = OnHeapColumnVector.allocateColumns(rows, columns);
    int found = 0;
    while (found < rows && append(vectors)) {
      found++;
    }
    batch = new ColumnarBatch(vectors, found);
    totals.add(0, found);
    return found > 0;
  }

  private boolean append(WritableColumnVector[] vectors) {
    Head next = nextHead();
    if (next == null) {
      return false;
    }
    for (int i = 0; i < vectors.length; i++) {
      String column = columns.fieldNames()[i];
      if (column.equals(METADATA)) {
        appendMap(vectors[i], next.fetch() == null ? null : next.fetch().metadata());
      } else {
        appendValue(vectors[i], next.object().value(column));
      }
    }
    return true;
  }

  private Head nextHead() {
    if (!withMetadata) {
      ListedObject object = pages.next();
      return object == null ? null : new Head(object, null);
    }
    while (heads.size() < HEADS_AT_ONCE) {
      ListedObject object = nextWanted();
      if (object == null) {
        break;
      }
      HeadFetch fetch = object.isFolder() ? null : new HeadFetch(object, partition, totals, watch);
      synchronized (heads) {
        heads.add(new Head(object, fetch));
      }
    }
    synchronized (heads) {
      return heads.poll();
    }
  }

  private ListedObject nextWanted() {
    ListedObject object = pages.next();
    while (object != null && isFilteredOut(object)) {
      object = pages.next();
    }
    return object;
  }

  private boolean isFilteredOut(ListedObject object) {
    InternalRow row = object.row();
    filters.reset();
    for (int i = 0; i < ListedObject.COLUMNS.size(); i++) {
      if (filters.skipRow(row, i)) {
        return true;
      }
    }
    return false;
  }

  private static void appendValue(WritableColumnVector vector, Object value) {
    if (value == null) {
      vector.appendNull();
    } else if (value instanceof Long number) {
      vector.appendLong(number);
    } else {
      byte[] bytes = ((UTF8String) value).getBytes();
      vector.appendByteArray(bytes, 0, bytes.length);
    }
  }

  private static void appendMap(WritableColumnVector vector, Map<String, String> map) {
    if (map == null) {
      vector.appendNull();
      return;
    }
    vector.appendArray(map.size());
    map.forEach((key, value) -> {
      appendValue(vector.getChild(0), UTF8String.fromString(key));
      appendValue(vector.getChild(1), UTF8String.fromString(value));
    });
  }

  @Override
  public ColumnarBatch get() {
    return batch;
  }

  @Override
  public CustomTaskMetric[] currentMetricsValues() {
    return totals.with(null);
  }

  private void abort() {
    pages.abort();
    synchronized (heads) {
      heads.stream().map(Head::fetch).filter(f -> f != null).forEach(HeadFetch::abort);
    }
  }

  private void closeBatch() {
    if (batch != null) {
      batch.close();
    }
    batch = null;
  }

  @Override
  public void close() {
    watch.close();
    abort();
    closeBatch();
  }
}
