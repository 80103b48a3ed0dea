package org.sparkstorlets;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.connector.metric.CustomMetric;
import org.apache.spark.sql.connector.read.Batch;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.PartitionReaderFactory;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.types.StructType;

/**
 * One read of the table, ready to be planned. Being a record it has the equals and hashCode by which Spark
 * recognises that two branches of a query read the same.
 */
record StorletsScan(
    Map<String, String> options,
    StructType table,
    StructType columns,
    Pushed pushed) implements Scan, Batch {

  @Override
  public StructType readSchema() {
    return columns;
  }

  @Override
  public String description() {
    String path = options.getOrDefault("path", options.getOrDefault("paths", ""));
    return "storlets " + path + " columns=[" + String.join(", ", columns.fieldNames()) + "] "
        + pushed.description();
  }

  // The text that a record would make shows every option.
  @Override
  public String toString() {
    return description();
  }

  @Override
  public ColumnarSupportMode columnarSupportMode() {
    return ColumnarSupportMode.SUPPORTED;
  }

  @Override
  public CustomMetric[] supportedCustomMetrics() {
    return StorletsMetrics.all();
  }

  @Override
  public Batch toBatch() {
    return this;
  }

  @Override
  public InputPartition[] planInputPartitions() {
    ObjectNode request = Planner.request("plan", options);
    request.set("schema", Json.parse(table.json()));
    request.set("columns", Json.MAPPER.valueToTree(columns.fieldNames()));
    pushed.addTo(request);
    JsonNode answer = Planner.ask(options, request);
    if (!answer.path("partitions").isArray() || !answer.path("errors").isObject()) {
      throw Planner.broken("the answer to \"plan\" needs \"partitions\" and \"errors\"");
    }
    Reading reading = Reading.of(answer.path("reading"), Tokens.login(options));
    HashMap<String, StoreErrors.Template> errors = StoreErrors.templates(answer.get("errors"));
    List<InputPartition> partitions = new ArrayList<>();
    for (JsonNode partition : answer.get("partitions")) {
      ArrayList<StoreRequest> requests = new ArrayList<>();
      partition.path("requests").forEach(r -> requests.add(StoreRequest.of(r)));
      partitions.add(new StorletsInputPartition(requests, reading, errors));
    }
    return partitions.toArray(InputPartition[]::new);
  }

  @Override
  public PartitionReaderFactory createReaderFactory() {
    return new StorletsPartitionReaderFactory(columns);
  }
}
