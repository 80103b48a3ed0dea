package org.sparkstorlets;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.apache.spark.sql.connector.expressions.Expressions;
import org.apache.spark.sql.connector.expressions.NamedReference;
import org.apache.spark.sql.connector.expressions.filter.Predicate;
import org.apache.spark.sql.connector.metric.CustomMetric;
import org.apache.spark.sql.connector.read.Batch;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.PartitionReaderFactory;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.connector.read.Statistics;
import org.apache.spark.sql.connector.read.SupportsReportStatistics;
import org.apache.spark.sql.connector.read.SupportsRuntimeV2Filtering;
import org.apache.spark.sql.types.StructType;

/** One read of the table, ready to be planned; a join may filter it once more before that. */
final class StorletsScan implements Batch, SupportsReportStatistics, SupportsRuntimeV2Filtering {

  /** What is read. By its equals Spark recognises that two branches of a query read the same. */
  record Read(
      Map<String, String> options, StructType table, Partitions partitions, StructType columns, Pushed pushed) {
    // The text that a record would make shows every option.
    @Override
    public String toString() {
      return pushed.description();
    }
  }

  private final Read read;
  private final boolean columnar = StorletsPartitionReaderFactory.batchesAreUsedAtOnce();
  private JsonNode runtime = Json.MAPPER.createArrayNode();
  private Statistics statistics;

  StorletsScan(Read read) {
    this.read = read;
  }

  @Override
  public StructType readSchema() {
    return read.columns();
  }

  @Override
  public String description() {
    return description(read);
  }

  static String description(Read read) {
    String path = read.options().getOrDefault("path", read.options().getOrDefault("paths", ""));
    return "storlets " + path + " columns=[" + String.join(", ", read.columns().fieldNames()) + "] "
        + read.pushed().description();
  }

  @Override
  public String toString() {
    return description();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof StorletsScan scan && read.equals(scan.read);
  }

  @Override
  public int hashCode() {
    return read.hashCode();
  }

  @Override
  public ColumnarSupportMode columnarSupportMode() {
    return columnar ? ColumnarSupportMode.SUPPORTED : ColumnarSupportMode.UNSUPPORTED;
  }

  @Override
  public CustomMetric[] supportedCustomMetrics() {
    return StorletsMetrics.all();
  }

  @Override
  public NamedReference[] filterAttributes() {
    // Neither an aggregate nor the first rows may see fewer rows than they were planned on.
    if (read.pushed().aggregate() != null || read.pushed().limit() != null) {
      return new NamedReference[0];
    }
    return Arrays.stream(read.columns().fieldNames())
        .map(name -> Expressions.column("`" + name.replace("`", "``") + "`"))
        .toArray(NamedReference[]::new);
  }

  @Override
  public void filter(Predicate[] predicates) {
    runtime = ExpressionJson.all(predicates);
  }

  // Asked for several times while one query is planned.
  @Override
  public Statistics estimateStatistics() {
    if (statistics == null) {
      ObjectNode request = request("statistics", read);
      read.pushed().addTo(request);
      statistics = guess(Planner.ask(read.options(), request));
    }
    return statistics;
  }

  static Statistics guess(JsonNode answer) {
    return new Guess(answer.path("bytes").asLong(), answer.path("rows").asLong());
  }

  private record Guess(long bytes, long rows) implements Statistics {
    @Override
    public OptionalLong sizeInBytes() {
      return OptionalLong.of(bytes);
    }

    @Override
    public OptionalLong numRows() {
      return OptionalLong.of(rows);
    }
  }

  @Override
  public Batch toBatch() {
    return this;
  }

  @Override
  public InputPartition[] planInputPartitions() {
    ObjectNode request = request("plan", read);
    read.pushed().addTo(request);
    request.set("runtime", runtime);
    JsonNode answer = Planner.ask(read.options(), request);
    if (!answer.path("partitions").isArray() || !answer.path("errors").isObject()) {
      throw Planner.broken("the answer to \"plan\" needs \"partitions\" and \"errors\"");
    }
    Reading reading = Reading.of(answer.path("reading"), Tokens.login(read.options()));
    HashMap<String, StoreErrors.Template> errors = StoreErrors.templates(answer.get("errors"));
    HashMap<String, StoreErrors.Template> listingErrors = StoreErrors.templates(answer.path("listing_errors"));
    List<InputPartition> partitions = new ArrayList<>();
    for (JsonNode partition : answer.get("partitions")) {
      ArrayList<StoreRequest> requests = new ArrayList<>();
      partition.path("requests").forEach(r -> requests.add(StoreRequest.of(r)));
      StorletsInputPartition.Listing listing =
          StorletsInputPartition.Listing.of(partition.path("listing"), reading, listingErrors);
      partitions.add(new StorletsInputPartition(requests, listing, reading, errors));
    }
    return partitions.toArray(InputPartition[]::new);
  }

  static ObjectNode request(String operation, Read read) {
    ObjectNode request = Planner.request(operation, read.options());
    request.set("schema", Json.parse(read.table().json()));
    read.partitions().addTo(request);
    request.set("columns", Json.MAPPER.valueToTree(read.columns().fieldNames()));
    return request;
  }

  @Override
  public PartitionReaderFactory createReaderFactory() {
    return new StorletsPartitionReaderFactory(read.columns(), columnar);
  }
}
