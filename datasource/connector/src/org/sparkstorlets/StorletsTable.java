package org.sparkstorlets;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.spark.sql.connector.catalog.SupportsRead;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.read.ScanBuilder;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/** A table to read in batches: its schema and the properties that it was created with. */
final class StorletsTable implements SupportsRead {
  private final StructType schema;
  private final Map<String, String> properties;

  StorletsTable(StructType schema, Map<String, String> properties) {
    this.schema = schema;
    this.properties = properties;
  }

  @Override
  public String name() {
    return "storlets";
  }

  // columns() is built from schema() by Spark, with helpers that are not public.
  @Override
  @SuppressWarnings("deprecation")
  public StructType schema() {
    return schema;
  }

  @Override
  public Set<TableCapability> capabilities() {
    return EnumSet.of(TableCapability.BATCH_READ);
  }

  // CREATE TABLE … OPTIONS (…) puts its options into the properties, the reader puts its own into the scan.
  @Override
  public ScanBuilder newScanBuilder(CaseInsensitiveStringMap scanOptions) {
    return new StorletsScanBuilder(merge(properties, scanOptions.asCaseSensitiveMap()), schema);
  }

  /** Both maps in one whose keys ignore case; the second wins. */
  static Map<String, String> merge(Map<String, String> first, Map<String, String> second) {
    Map<String, String> merged = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    merged.putAll(first);
    merged.putAll(second);
    return Collections.unmodifiableMap(merged);
  }
}
