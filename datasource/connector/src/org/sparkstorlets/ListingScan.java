package org.sparkstorlets;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Objects;
import org.apache.spark.sql.connector.metric.CustomMetric;
import org.apache.spark.sql.connector.read.Batch;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.PartitionReaderFactory;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.connector.read.Statistics;
import org.apache.spark.sql.connector.read.SupportsReportStatistics;
import org.apache.spark.sql.connector.read.streaming.MicroBatchStream;
import org.apache.spark.sql.sources.Filter;
import org.apache.spark.sql.types.StructType;

/** One read of a listing, once or as a stream: ranges of names, which the tasks list. */
final class ListingScan implements Batch, SupportsReportStatistics {
  private final StorletsScan.Read read;
  private final List<Filter> filters;
  private Statistics statistics;

  ListingScan(StorletsScan.Read read, List<Filter> filters) {
    this.read = read;
    this.filters = filters;
  }

  @Override
  public StructType readSchema() {
    return read.columns();
  }

  @Override
  public String description() {
    return StorletsScan.description(read);
  }

  @Override
  public String toString() {
    return description();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ListingScan scan && read.equals(scan.read) && filters.equals(scan.filters);
  }

  @Override
  public int hashCode() {
    return Objects.hash(read, filters);
  }

  @Override
  public ColumnarSupportMode columnarSupportMode() {
    return ColumnarSupportMode.SUPPORTED;
  }

  @Override
  public CustomMetric[] supportedCustomMetrics() {
    return StorletsMetrics.all();
  }

  // Asked for several times while one query is planned.
  @Override
  public Statistics estimateStatistics() {
    if (statistics == null) {
      statistics = StorletsScan.guess(Planner.ask(read.options(), request("statistics")));
    }
    return statistics;
  }

  @Override
  public Batch toBatch() {
    return this;
  }

  @Override
  public MicroBatchStream toMicroBatchStream(String checkpointLocation) {
    return new ListingStream(this);
  }

  @Override
  public InputPartition[] planInputPartitions() {
    return plan(request("plan"));
  }

  /** The part of a listing whose objects were modified after the first moment, and not after the last one. */
  InputPartition[] plan(long first, long last) {
    return plan(request("plan").put("modified_after", first).put("modified_upto", last));
  }

  private InputPartition[] plan(ObjectNode request) {
    read.pushed().addTo(request);
    JsonNode answer = Planner.ask(read.options(), request);
    if (!answer.path("partitions").isArray() || !answer.path("errors").isObject()) {
      throw Planner.broken("the answer to \"plan\" of a listing needs \"partitions\" and \"errors\"");
    }
    Reading reading = Reading.of(answer.path("reading"), Tokens.login(read.options()));
    HashMap<String, StoreErrors.Template> errors = StoreErrors.templates(answer.get("errors"));
    List<InputPartition> partitions = new ArrayList<>();
    answer.get("partitions").forEach(p -> partitions.add(ListingPartition.of(p, reading, errors)));
    return partitions.toArray(InputPartition[]::new);
  }

  /** The moment up to which a stream takes objects now, in microseconds. */
  long moment() {
    return Planner.ask(read.options(), request("moment")).path("moment").asLong();
  }

  private ObjectNode request(String operation) {
    return StorletsScan.request(operation, read);
  }

  @Override
  public PartitionReaderFactory createReaderFactory() {
    return new ListingReaderFactory(read.columns(), new ArrayList<>(filters));
  }
}
