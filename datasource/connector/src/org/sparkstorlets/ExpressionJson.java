package org.sparkstorlets;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import org.apache.spark.sql.connector.expressions.Cast;
import org.apache.spark.sql.connector.expressions.Expression;
import org.apache.spark.sql.connector.expressions.Extract;
import org.apache.spark.sql.connector.expressions.GeneralScalarExpression;
import org.apache.spark.sql.connector.expressions.Literal;
import org.apache.spark.sql.connector.expressions.NamedReference;
import org.apache.spark.sql.connector.expressions.NullOrdering;
import org.apache.spark.sql.connector.expressions.SortDirection;
import org.apache.spark.sql.connector.expressions.SortOrder;
import org.apache.spark.sql.connector.expressions.aggregate.Avg;
import org.apache.spark.sql.connector.expressions.aggregate.Count;
import org.apache.spark.sql.connector.expressions.aggregate.CountStar;
import org.apache.spark.sql.connector.expressions.aggregate.Max;
import org.apache.spark.sql.connector.expressions.aggregate.Min;
import org.apache.spark.sql.connector.expressions.aggregate.Sum;
import org.apache.spark.sql.connector.expressions.filter.Predicate;
import org.apache.spark.sql.types.Decimal;
import org.apache.spark.unsafe.types.UTF8String;

/** Writes an expression of Spark as JSON for the planner; what has no form there is marked as unknown. */
final class ExpressionJson {
  private ExpressionJson() {}

  static JsonNode of(Expression expression) {
    ObjectNode json = Json.MAPPER.createObjectNode();
    if (expression instanceof NamedReference reference) {
      String[] names = reference.fieldNames();
      return names.length == 1 ? json.put("col", names[0]) : json.put("unknown", "nested column");
    }
    // Before literals: ALWAYS_TRUE is both.
    if (expression instanceof Predicate predicate) {
      return json.put("pred", predicate.name()).set("args", all(predicate.children()));
    }
    if (expression instanceof GeneralScalarExpression scalar) {
      return json.put("expr", scalar.name()).set("args", all(scalar.children()));
    }
    if (expression instanceof Literal<?> literal) {
      return literal(literal, json);
    }
    if (expression instanceof Cast cast) {
      json.set("cast", of(cast.expression()));
      return json.put("to", cast.dataType().catalogString());
    }
    if (expression instanceof Extract extract) {
      return json.put("extract", extract.field()).set("from", of(extract.source()));
    }
    if (expression instanceof SortOrder order) {
      json.set("key", of(order.expression()));
      return json.put("ascending", order.direction() == SortDirection.ASCENDING)
          .put("nulls_first", order.nullOrdering() == NullOrdering.NULLS_FIRST);
    }
    return aggregate(expression, json);
  }

  private static JsonNode aggregate(Expression expression, ObjectNode json) {
    if (expression instanceof CountStar) {
      return json.put("agg", "COUNT_STAR");
    }
    if (expression instanceof Count count) {
      json.put("agg", "COUNT").put("distinct", count.isDistinct());
    } else if (expression instanceof Sum sum) {
      json.put("agg", "SUM").put("distinct", sum.isDistinct());
    } else if (expression instanceof Avg average) {
      json.put("agg", "AVG").put("distinct", average.isDistinct());
    } else if (expression instanceof Min) {
      json.put("agg", "MIN");
    } else if (expression instanceof Max) {
      json.put("agg", "MAX");
    } else {
      return json.put("unknown", expression.getClass().getSimpleName());
    }
    return json.set("args", all(expression.children()));
  }

  private static JsonNode literal(Literal<?> literal, ObjectNode json) {
    Object value = literal.value();
    String text;
    if (value == null) {
      text = null;
    } else if (value instanceof Decimal decimal) {
      text = decimal.toJavaBigDecimal().toPlainString();
    } else if (value instanceof Number || value instanceof Boolean || value instanceof UTF8String) {
      text = value.toString();
    } else {
      return json.put("unknown", value.getClass().getSimpleName());
    }
    return json.put("lit", text).put("type", literal.dataType().catalogString());
  }

  static JsonNode all(Expression[] expressions) {
    return Json.array(Arrays.stream(expressions).map(ExpressionJson::of).toList());
  }
}
