package org.sparkstorlets;

import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.spark.sql.connector.catalog.SupportsRead;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.read.ScanBuilder;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import scala.jdk.javaapi.CollectionConverters;

/** A table to read, a listing also as a stream: its schema and the properties that it was created with. */
final class StorletsTable implements SupportsRead {
  private static final String SESSION_PREFIX = "spark.datasource.storlets.";

  private final StructType schema;
  private final Partitions partitions;
  private final Map<String, String> properties;

  StorletsTable(StructType given, Partitions partitions, Map<String, String> properties) {
    this.schema = partitions.table(given);
    this.partitions = partitions;
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
    return isListing(options(properties, Map.of()))
        ? EnumSet.of(TableCapability.BATCH_READ, TableCapability.MICRO_BATCH_READ)
        : EnumSet.of(TableCapability.BATCH_READ);
  }

  // CREATE TABLE … OPTIONS (…) puts its options into the properties, the reader puts its own into the scan.
  @Override
  public ScanBuilder newScanBuilder(CaseInsensitiveStringMap scanOptions) {
    Map<String, String> options = options(properties, scanOptions.asCaseSensitiveMap());
    return isListing(options)
        ? new ListingScanBuilder(options, schema)
        : new StorletsScanBuilder(options, schema, partitions);
  }

  private static boolean isListing(Map<String, String> options) {
    return "listing".equals(options.get("storlet"));
  }

  /** Options ignore case. Session confs come first, then the table's, then the scan's; the last one wins. */
  static Map<String, String> options(Map<String, String> table, Map<String, String> scan) {
    Map<String, String> options = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    options.putAll(sessionOptions());
    options.putAll(table);
    options.putAll(scan);
    return Collections.unmodifiableMap(options);
  }

  // Spark itself gives the session confs to a DataFrameReader, but not to a table of a catalog.
  private static Map<String, String> sessionOptions() {
    Map<String, String> options = new HashMap<>();
    CollectionConverters.asJava(SQLConf.get().getAllConfs()).forEach((key, value) -> {
      if (key.startsWith(SESSION_PREFIX)) {
        options.put(key.substring(SESSION_PREFIX.length()), value);
      }
    });
    return options;
  }
}
