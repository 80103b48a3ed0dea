package org.sparkstorlets;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Optional;
import org.apache.arrow.compression.CommonsCompressionFactory;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.vectorized.ArrowColumnVector;
import org.apache.spark.sql.vectorized.ColumnVector;
import org.apache.spark.sql.vectorized.ColumnarBatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The table in one answer: an Arrow stream, then a trailer that proves the stream whole.
 * Whatever cannot be read is reported as an answer cut short.
 */
final class TableStream implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger("spark_storlets");
  private static final RootAllocator ROOT = new RootAllocator();

  private final StructType columns;
  private final StoreErrors errors;
  private final CheckedStream body;
  private final BufferAllocator allocator;
  private final ArrowStreamReader arrow;
  private ColumnarBatch batch;
  private long rows;
  private Trailer trailer;

  TableStream(InputStream body, StructType columns, StoreErrors errors) {
    this.columns = columns;
    this.errors = errors;
    this.body = new CheckedStream(body);
    this.allocator = ROOT.newChildAllocator("storlets", 0, Long.MAX_VALUE);
    this.arrow = reader(this.body, allocator);
  }

  /** How far into an answer something is, and a sum of all the bytes before it. */
  record Position(long bytes, long crc32c) {
    static final Position START = new Position(0, 0);
  }

  /** What the batches up to now have taken of the answer. */
  Position position() {
    return new Position(body.count(), body.crc32c());
  }

  /** Passes over batches that were handed out before. The answer must have the same bytes up to there. */
  void skipTo(Position position) {
    while (body.count() < position.bytes() && load()) {}
    if (!position().equals(position)) {
      throw errors.of("changed", "it has other bytes than before", null);
    }
  }

  /** Goes to the next batch with rows; false only after a good trailer. */
  boolean next() {
    if (trailer != null) {
      return false;
    }
    if (batch == null) {
      bind();
    }
    while (load()) {
      int loaded = root().getRowCount();
      if (loaded > 0) {
        batch.setNumRows(loaded);
        return true;
      }
    }
    finish();
    return false;
  }

  private void bind() {
    Optional<String> mismatch = mismatch(root().getFieldVectors());
    if (mismatch.isPresent()) {
      // A storlet that fails early answers an empty schema, and says why in the trailer.
      while (load()) {}
      finish();
      throw errors.of("schema", mismatch.get(), null);
    }
    ColumnVector[] vectors =
        root().getFieldVectors().stream().map(ArrowColumnVector::new).toArray(ColumnVector[]::new);
    batch = new ColumnarBatch(vectors);
  }

  private Optional<String> mismatch(List<FieldVector> vectors) {
    if (vectors.size() != columns.size()) {
      return Optional.of(vectors.size() + " columns instead of " + columns.size());
    }
    for (int i = 0; i < vectors.size(); i++) {
      FieldVector vector = vectors.get(i);
      StructField wanted = columns.apply(i);
      if (!vector.getName().equals(wanted.name()) || !fits(vector, wanted)) {
        return Optional.of("column " + i + " is " + vector.getField() + " instead of " + wanted.name() + ": "
            + wanted.dataType().simpleString());
      }
    }
    return Optional.empty();
  }

  // A dictionary-encoded vector would pass for its plain indexes.
  private static boolean fits(FieldVector vector, StructField wanted) {
    if (vector.getField().getDictionary() != null) {
      return false;
    }
    try {
      return new ArrowColumnVector(vector).dataType().sameType(wanted.dataType());
    } catch (RuntimeException e) {
      LOG.debug("no Spark type for {}", vector.getField(), e);
      return false;
    }
  }

  private VectorSchemaRoot root() {
    try {
      return arrow.getVectorSchemaRoot();
    } catch (IOException | RuntimeException e) {
      throw cut(StoreErrors.words(e), e);
    }
  }

  private boolean load() {
    try {
      boolean loaded = arrow.loadNextBatch();
      rows += loaded ? arrow.getVectorSchemaRoot().getRowCount() : 0;
      return loaded;
    } catch (IOException | RuntimeException e) {
      throw cut(StoreErrors.words(e), e);
    }
  }

  private void finish() {
    Trailer read;
    try {
      read = Trailer.read(body);
    } catch (IOException e) {
      throw cut(StoreErrors.words(e), e);
    }
    if (read.version() != Trailer.VERSION) {
      throw errors.of("version", "version " + read.version(), null);
    }
    if (read.crc32c() != body.crc32c()) {
      throw errors.of("corrupt", "CRC32C " + body.crc32c() + " instead of " + read.crc32c(), null);
    }
    if (!read.ok()) {
      throw errors.ofStorlet(read.kind(), read.message());
    }
    if (read.rowsReturned() != rows) {
      throw cut(rows + " rows instead of " + read.rowsReturned(), null);
    }
    trailer = read;
    LOG.debug("{} rows in {} bytes", rows, body.count());
  }

  private StorletException cut(String what, Throwable cause) {
    return errors.of("cut", what + ", " + body.count() + " bytes received", cause);
  }

  ColumnarBatch batch() {
    return batch;
  }

  boolean complete() {
    return trailer != null;
  }

  long bytesReceived() {
    return body.count();
  }

  long rowsReturned() {
    return rows;
  }

  long bytesScanned() {
    return trailer == null ? 0 : trailer.bytesScanned();
  }

  long rowsScanned() {
    return trailer == null ? 0 : trailer.rowsScanned();
  }

  long cpuNanos() {
    return trailer == null ? 0 : trailer.cpuNanos();
  }

  /** Frees the memory. Never throws: a failure here would hide the one that ended the reading. */
  @Override
  public void close() {
    try (allocator; arrow) {
      LOG.debug("closing a table stream after {} bytes", body.count());
    } catch (IOException | RuntimeException e) {
      LOG.warn("A table stream did not close cleanly", e);
    }
  }

  // Spark 4.0 has no arrow-compression: the class that names its factory is loaded only where it is there.
  private static ArrowStreamReader reader(CheckedStream body, BufferAllocator allocator) {
    GuardedMessages messages = new GuardedMessages(body, allocator);
    return decompresses() ? Compressed.reader(messages, allocator) : new ArrowStreamReader(messages, allocator);
  }

  /** Whether answers may be compressed. */
  static boolean decompresses() {
    try {
      Class.forName("org.apache.arrow.compression.CommonsCompressionFactory");
      return true;
    } catch (ClassNotFoundException e) {
      return false;
    }
  }

  /** The only user of the optional compression classes. */
  private static final class Compressed {
    static ArrowStreamReader reader(GuardedMessages messages, BufferAllocator allocator) {
      return new ArrowStreamReader(messages, allocator, CommonsCompressionFactory.INSTANCE);
    }
  }
}
