package org.sparkstorlets;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/**
 * What of a query goes to the store, as the planner's requests carry it, and the words for it.
 *
 * @param predicates what the store evaluates
 * @param described the same, for a person
 * @param left the filters that Spark evaluates, on the rows that arrive
 * @param aggregate groups and functions, or null
 * @param order the keys by which the first rows are taken, or null
 * @param orderDescribed the same, for a person
 * @param limit how many rows are wanted, or null
 */
record Pushed(
    List<JsonNode> predicates,
    List<String> described,
    List<String> left,
    JsonNode aggregate,
    JsonNode order,
    String orderDescribed,
    Integer limit) {

  static final Pushed NOTHING = new Pushed(List.of(), List.of(), List.of(), null, null, null, null);

  Pushed withPredicates(List<JsonNode> taken, List<String> words, List<String> rest) {
    return new Pushed(List.copyOf(taken), List.copyOf(words), List.copyOf(rest), aggregate, order, orderDescribed,
        limit);
  }

  Pushed withAggregate(JsonNode groupsAndFunctions) {
    return new Pushed(predicates, described, left, groupsAndFunctions, order, orderDescribed, limit);
  }

  Pushed withRows(JsonNode keys, String words, int rows) {
    return new Pushed(predicates, described, left, aggregate, keys, words, rows);
  }

  void addTo(ObjectNode request) {
    request.set("predicates", Json.array(predicates));
    request.set("aggregate", aggregate);
    request.set("order", order);
    request.put("limit", limit);
  }

  String description() {
    List<String> parts = new ArrayList<>();
    parts.add("pushed=[" + String.join(", ", described) + "]");
    if (!left.isEmpty()) {
      parts.add("left=[" + String.join(", ", left) + "]");
    }
    if (aggregate != null) {
      parts.add("aggregated");
    }
    if (orderDescribed != null) {
      parts.add("top=[" + orderDescribed + "]");
    }
    if (limit != null) {
      parts.add("limit=" + limit);
    }
    return String.join(" ", parts);
  }
}
