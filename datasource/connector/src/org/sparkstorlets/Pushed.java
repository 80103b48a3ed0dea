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
 */
record Pushed(List<JsonNode> predicates, List<String> described, List<String> left) {

  static final Pushed NOTHING = new Pushed(List.of(), List.of(), List.of());

  Pushed withPredicates(List<JsonNode> taken, List<String> words, List<String> rest) {
    return new Pushed(List.copyOf(taken), List.copyOf(words), List.copyOf(rest));
  }

  void addTo(ObjectNode request) {
    request.set("predicates", Json.array(predicates));
  }

  String description() {
    List<String> parts = new ArrayList<>();
    parts.add("pushed=[" + String.join(", ", described) + "]");
    if (!left.isEmpty()) {
      parts.add("left=[" + String.join(", ", left) + "]");
    }
    return String.join(" ", parts);
  }
}
