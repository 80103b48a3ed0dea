package org.sparkstorlets;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.connector.expressions.filter.Predicate;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.connector.read.SupportsPushDownRequiredColumns;
import org.apache.spark.sql.connector.read.SupportsPushDownV2Filters;
import org.apache.spark.sql.internal.connector.PredicateUtils;
import org.apache.spark.sql.sources.Filter;
import org.apache.spark.sql.types.StructType;

/**
 * Collects what one query needs of a listing. The planner makes ranges of names of what it can; Spark evaluates every
 * filter again on the rows that arrive.
 */
final class ListingScanBuilder implements SupportsPushDownRequiredColumns, SupportsPushDownV2Filters {
  private final Map<String, String> options;
  private final StructType table;
  private StructType columns;
  private Predicate[] used = new Predicate[0];
  private Pushed pushed = Pushed.NOTHING;
  private Filter[] filters = new Filter[0];

  ListingScanBuilder(Map<String, String> options, StructType table) {
    this.options = options;
    this.table = table;
    this.columns = table;
  }

  @Override
  public Predicate[] pushPredicates(Predicate[] offered) {
    List<JsonNode> expressions = Arrays.stream(offered).map(ExpressionJson::of).toList();
    ObjectNode request = Planner.request("push", options);
    request.set("schema", Json.parse(table.json()));
    request.set("predicates", Json.array(expressions));
    JsonNode answer = Planner.ask(options, request);
    List<Predicate> taken = new ArrayList<>();
    List<JsonNode> takenJson = new ArrayList<>();
    List<String> words = new ArrayList<>();
    for (JsonNode index : answer.path("accepted")) {
      taken.add(offered[index.asInt()]);
      takenJson.add(expressions.get(index.asInt()));
    }
    answer.path("described").forEach(word -> words.add(word.asText()));
    used = taken.toArray(Predicate[]::new);
    pushed = pushed.withPredicates(takenJson, words, Arrays.stream(offered).map(Predicate::toString).toList());
    filters = PredicateUtils.toV1(offered);
    return offered;
  }

  @Override
  public Predicate[] pushedPredicates() {
    return used.clone();
  }

  @Override
  public void pruneColumns(StructType required) {
    columns = required;
  }

  @Override
  public Scan build() {
    return new ListingScan(new StorletsScan.Read(options, table, Partitions.NONE, columns, pushed), List.of(filters));
  }
}
