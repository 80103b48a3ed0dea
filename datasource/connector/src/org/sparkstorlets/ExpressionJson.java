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
    return json.put("unknown", expression.getClass().getSimpleName());
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

  private static JsonNode all(Expression[] expressions) {
    return Json.array(Arrays.stream(expressions).map(ExpressionJson::of).toList());
  }
}
