package org.sparkstorlets;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.Serializable;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.sparkstorlets.StorletException.Remedy;

/** Turns what went wrong with one request into an exception, in the words that the planner gave with the plan. */
final class StoreErrors {
  /** What to say for one key; the message has placeholders. */
  record Template(String kind, String message) implements Serializable {}

  private static final Pattern PLACEHOLDER = Pattern.compile("\\{(object|range|storlet|status|detail)\\}");
  private static final Template DEFAULT = new Template("incomplete", "{object} {range}: {status} {detail}");

  private final Map<String, Template> templates;
  private final StoreRequest request;

  StoreErrors(Map<String, Template> templates, StoreRequest request) {
    this.templates = templates;
    this.request = request;
  }

  static HashMap<String, Template> templates(JsonNode json) {
    HashMap<String, Template> templates = new HashMap<>();
    json.properties().forEach(e -> templates.put(
        e.getKey(), new Template(e.getValue().path("kind").asText(), e.getValue().path("message").asText())));
    return templates;
  }

  /** What an exception says, or at least what it is. */
  static String words(Exception e) {
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }

  StorletException of(String key, String detail, Throwable cause) {
    Template template = templates.getOrDefault(key, DEFAULT);
    Remedy remedy = key.equals("connect") || key.equals("cut") ? Remedy.REPEAT : Remedy.NONE;
    return new StorletException(template.kind(), fill(template, "", detail), remedy, 0, cause);
  }

  /** The failure that an HTTP status tells, with the header Retry-After as it came. */
  StorletException ofStatus(int status, String detail, String retryAfter) {
    String code = Integer.toString(status);
    Template template = templates.getOrDefault(code, templates.getOrDefault("status", DEFAULT));
    Remedy remedy = switch (status) {
      case 401 -> Remedy.NEW_TOKEN;
      // s3api says so of a signature that has expired.
      case 403 -> request.isSigned() ? Remedy.NEW_TOKEN : Remedy.NONE;
      case 408, 429, 500, 502, 503, 504 -> Remedy.REPEAT;
      default -> Remedy.NONE;
    };
    int seconds = retryAfter.matches("\\d{1,6}") ? Integer.parseInt(retryAfter) : 0;
    return new StorletException(template.kind(), fill(template, code, detail), remedy, seconds, null);
  }

  /** The failure that a storlet reports itself; it may name the kind. */
  StorletException ofStorlet(String kind, String detail) {
    Template template = templates.getOrDefault("storlet", DEFAULT);
    return new StorletException(isKnown(kind) ? kind : template.kind(), fill(template, "", detail));
  }

  private static boolean isKnown(String kind) {
    return switch (kind) {
      case "configuration", "authentication", "not_found", "changed", "unsupported", "malformed", "storlet_failed",
          "incomplete", "unavailable" -> true;
      default -> false;
    };
  }

  // In a single pass, so that a text put in for one placeholder is never taken for another.
  private String fill(Template template, String status, String detail) {
    Map<String, String> values = Map.of("object", request.object(), "range", request.range(),
        "storlet", request.storlet(), "status", status, "detail", detail);
    return PLACEHOLDER.matcher(template.message())
        .replaceAll(found -> Matcher.quoteReplacement(values.get(found.group(1))));
  }
}
