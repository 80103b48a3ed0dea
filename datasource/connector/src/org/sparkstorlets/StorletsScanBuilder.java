package org.sparkstorlets;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.connector.expressions.Expression;
import org.apache.spark.sql.connector.expressions.SortOrder;
import org.apache.spark.sql.connector.expressions.aggregate.Aggregation;
import org.apache.spark.sql.connector.expressions.aggregate.Avg;
import org.apache.spark.sql.connector.expressions.filter.Predicate;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.connector.read.SupportsPushDownAggregates;
import org.apache.spark.sql.connector.read.SupportsPushDownLimit;
import org.apache.spark.sql.connector.read.SupportsPushDownRequiredColumns;
import org.apache.spark.sql.connector.read.SupportsPushDownTopN;
import org.apache.spark.sql.connector.read.SupportsPushDownV2Filters;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;

/** Collects what one query needs: the planner says what of it is done in the store, Spark keeps the rest. */
final class StorletsScanBuilder
    implements SupportsPushDownRequiredColumns, SupportsPushDownV2Filters, SupportsPushDownAggregates,
        SupportsPushDownLimit, SupportsPushDownTopN {
  private final Map<String, String> options;
  private final StructType table;
  private final Partitions partitions;
  private StructType columns;
  private Predicate[] accepted = new Predicate[0];
  private Pushed pushed = Pushed.NOTHING;
  private Expression[] averages = new Expression[0];

  StorletsScanBuilder(Map<String, String> options, StructType table, Partitions partitions) {
    this.options = options;
    this.table = table;
    this.partitions = partitions;
    this.columns = table;
  }

  @Override
  public Predicate[] pushPredicates(Predicate[] offered) {
    List<JsonNode> expressions = Arrays.stream(offered).map(ExpressionJson::of).toList();
    ObjectNode request = request("push");
    request.set("predicates", Json.array(expressions));
    JsonNode answer = Planner.ask(options, request);
    JsonNode indexes = answer.path("accepted");
    if (!indexes.isArray()
        || indexes.size() != answer.path("described").size()
        || indexes.size() != answer.path("exact").size()) {
      throw Planner.broken("the answer to \"push\" needs one description for each accepted predicate");
    }
    List<Predicate> rest = new ArrayList<>(Arrays.asList(offered));
    List<Predicate> taken = new ArrayList<>();
    List<JsonNode> takenJson = new ArrayList<>();
    List<String> takenText = new ArrayList<>();
    for (int i = 0; i < indexes.size(); i++) {
      int index = indexes.get(i).asInt(-1);
      if (index < 0 || index >= offered.length) {
        throw Planner.broken("the answer to \"push\" accepts " + indexes + " of " + offered.length + " predicates");
      }
      // Of what the store only sieves, Spark evaluates the filter again.
      if (answer.path("exact").get(i).asBoolean()) {
        rest.set(index, null);
      }
      taken.add(offered[index]);
      takenJson.add(expressions.get(index));
      takenText.add(answer.path("described").get(i).asText());
    }
    rest.removeIf(p -> p == null);
    accepted = taken.toArray(Predicate[]::new);
    pushed = pushed.withPredicates(takenJson, takenText, rest.stream().map(Predicate::toString).toList());
    return rest.toArray(Predicate[]::new);
  }

  @Override
  public Predicate[] pushedPredicates() {
    return accepted.clone();
  }

  // Asked before Spark splits averages into sums and counts, which do not tell any more what they are for, and after.
  @Override
  public boolean supportCompletePushDown(Aggregation aggregation) {
    Expression[] found =
        Arrays.stream(aggregation.aggregateExpressions()).filter(Avg.class::isInstance).toArray(Expression[]::new);
    averages = found.length > 0 ? found : averages;
    return false;
  }

  @Override
  public boolean pushAggregation(Aggregation aggregation) {
    ObjectNode wanted = Json.MAPPER.createObjectNode();
    wanted.set("groups", ExpressionJson.all(aggregation.groupByExpressions()));
    wanted.set("functions", ExpressionJson.all(aggregation.aggregateExpressions()));
    wanted.set("averages", ExpressionJson.all(averages));
    ObjectNode request = request("aggregate");
    request.set("aggregate", wanted);
    JsonNode answer = Planner.ask(options, request);
    if (!answer.path("accepted").asBoolean()) {
      return false;
    }
    columns = (StructType) DataType.fromJson(answer.path("schema").toString());
    pushed = pushed.withAggregate(wanted);
    return true;
  }

  @Override
  public boolean pushLimit(int limit) {
    return pushRows(new SortOrder[0], limit);
  }

  @Override
  public boolean pushTopN(SortOrder[] orders, int limit) {
    return pushRows(orders, limit);
  }

  private boolean pushRows(SortOrder[] orders, int limit) {
    ObjectNode request = request("rows").put("limit", limit);
    JsonNode order = ExpressionJson.all(orders);
    request.set("order", order);
    JsonNode answer = Planner.ask(options, request);
    if (!answer.path("accepted").asBoolean()) {
      return false;
    }
    pushed = pushed.withRows(order, orders.length == 0 ? null : answer.path("described").asText(), limit);
    return true;
  }

  // Each split has its own first rows.
  @Override
  public boolean isPartiallyPushed() {
    return true;
  }

  @Override
  public void pruneColumns(StructType required) {
    columns = required;
  }

  @Override
  public Scan build() {
    return new StorletsScan(new StorletsScan.Read(options, table, partitions, columns, pushed));
  }

  private ObjectNode request(String operation) {
    ObjectNode request = Planner.request(operation, options);
    request.set("schema", Json.parse(table.json()));
    partitions.addTo(request);
    return request;
  }
}
