package org.sparkstorlets;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.expressions.LiteralValue;
import org.apache.spark.sql.execution.datasources.PartitionPath;
import org.apache.spark.sql.execution.datasources.PartitionSpec;
import org.apache.spark.sql.execution.datasources.PartitioningUtils$;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import scala.Option;
import scala.jdk.javaapi.CollectionConverters;

/**
 * The columns that stand in folders' names, such as year=2020. The planner lists the folders; what they say, Spark's own
 * code finds out, the same as for its file sources: names, types, nulls, escapes, and what does not go together.
 *
 * @param schema the columns; empty if there are none
 * @param folders for each folder its values, as literals for the planner
 */
record Partitions(StructType schema, JsonNode folders) {
  static final Partitions NONE = new Partitions(new StructType(), Json.MAPPER.createObjectNode());

  /** Asks for the folders, and finds the columns in them; types that {@code given} names are as there. */
  static Partitions find(Map<String, String> options, StructType given) {
    JsonNode answer = Planner.ask(options, Planner.request("folders", options));
    List<String> folders = texts(answer.path("folders"));
    ObjectNode values = Json.MAPPER.createObjectNode();
    if (folders.isEmpty()) {
      return NONE;
    }
    List<Path> bases = texts(answer.path("bases")).stream().map(Partitions::path).toList();
    List<Path> paths = folders.stream().map(Partitions::path).toList();
    StructType found = parse(paths, bases, null, options).partitionColumns();
    StructType schema = new StructType(Arrays.stream(found.fields())
        .map(field -> Stream.of(given.fields()).filter(f -> same(f, field)).findFirst().orElse(field))
        .toArray(StructField[]::new));
    PartitionSpec spec = parse(paths, bases, schema, options);
    Map<Path, InternalRow> rows = new HashMap<>();
    for (PartitionPath partition : CollectionConverters.asJava(spec.partitions())) {
      rows.put(partition.path(), partition.values());
    }
    for (int i = 0; i < paths.size(); i++) {
      if (rows.containsKey(paths.get(i))) {
        values.set(folders.get(i), literals(rows.get(paths.get(i)), schema));
      }
    }
    return new Partitions(schema, values);
  }

  /** All columns of a table: those of partitions behind the others, as Spark has them. */
  StructType table(StructType given) {
    List<StructField> fields = new ArrayList<>(Arrays.asList(given.fields()));
    fields.removeIf(field -> Stream.of(schema.fields()).anyMatch(f -> same(f, field)));
    fields.addAll(Arrays.asList(schema.fields()));
    return new StructType(fields.toArray(StructField[]::new));
  }

  void addTo(ObjectNode request) {
    if (!schema.isEmpty()) {
      request.putObject("partitions").<ObjectNode>set("schema", Json.parse(schema.json())).set("folders", folders);
    }
  }

  private static PartitionSpec parse(List<Path> paths, List<Path> bases, StructType types, Map<String, String> options) {
    SQLConf conf = SQLConf.get();
    try {
      return PartitioningUtils$.MODULE$.parsePartitions(
          CollectionConverters.asScala(paths).toSeq(),
          conf.partitionColumnTypeInferenceEnabled(),
          CollectionConverters.asScala(bases).<Path>toSet(),
          Option.apply(types),
          conf.caseSensitiveAnalysis(),
          conf.validatePartitionColumns(),
          options.getOrDefault("timeZone", conf.sessionLocalTimeZone()),
          conf.ignoreInvalidPartitionPaths());
    } catch (Exception | AssertionError e) {
      throw new StorletException("configuration", "The folders' names make no partition columns. Spark says: "
          + e.getMessage() + " Name folders that go together, or set basePath or recursiveFileLookup.", e);
    }
  }

  private static boolean same(StructField one, StructField other) {
    return (boolean) SQLConf.get().resolver().apply(one.name(), other.name());
  }

  private static ArrayNode literals(InternalRow row, StructType schema) {
    ArrayNode literals = Json.MAPPER.createArrayNode();
    for (int i = 0; i < schema.length(); i++) {
      literals.add(ExpressionJson.of(new LiteralValue<>(row.get(i, schema.apply(i).dataType()), schema.apply(i).dataType())));
    }
    return literals;
  }

  // The container counts as a folder, so that a path has no scheme and no host, whose characters are restricted.
  private static Path path(String folder) {
    return new Path(folder);
  }

  private static List<String> texts(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).map(JsonNode::asText).toList();
  }
}
