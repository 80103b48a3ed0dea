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
import org.apache.spark.sql.types.StructType;

/** Collects what one query needs: the planner says which filters are evaluated in the store, Spark keeps the others. */
final class StorletsScanBuilder implements SupportsPushDownRequiredColumns, SupportsPushDownV2Filters {
  private final Map<String, String> options;
  private final StructType table;
  private StructType columns;
  private Predicate[] accepted = new Predicate[0];
  private List<JsonNode> predicates = List.of();
  private List<String> described = List.of();

  StorletsScanBuilder(Map<String, String> options, StructType table) {
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
    return keep(offered, expressions, answer.path("accepted"), answer.path("described"));
  }

  private Predicate[] keep(Predicate[] offered, List<JsonNode> expressions, JsonNode indexes, JsonNode texts) {
    if (!indexes.isArray() || indexes.size() != texts.size()) {
      throw Planner.broken("the answer to \"push\" needs one description for each accepted predicate");
    }
    List<Predicate> rest = new ArrayList<>(Arrays.asList(offered));
    List<Predicate> taken = new ArrayList<>();
    List<JsonNode> takenJson = new ArrayList<>();
    List<String> takenText = new ArrayList<>();
    for (int i = 0; i < indexes.size(); i++) {
      int index = indexes.get(i).asInt(-1);
      if (index < 0 || index >= offered.length || rest.get(index) == null) {
        throw Planner.broken("the answer to \"push\" accepts " + indexes + " of " + offered.length + " predicates");
      }
      rest.set(index, null);
      taken.add(offered[index]);
      takenJson.add(expressions.get(index));
      takenText.add(texts.get(i).asText());
    }
    accepted = taken.toArray(Predicate[]::new);
    predicates = List.copyOf(takenJson);
    described = List.copyOf(takenText);
    return rest.stream().filter(p -> p != null).toArray(Predicate[]::new);
  }

  @Override
  public Predicate[] pushedPredicates() {
    return accepted.clone();
  }

  @Override
  public void pruneColumns(StructType required) {
    columns = required;
  }

  @Override
  public Scan build() {
    return new StorletsScan(options, table, columns, predicates, described);
  }
}
