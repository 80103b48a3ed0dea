package org.sparkstorlets;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.Serializable;
import java.util.HashMap;

/** One GET as the planner wants it made, with the words by which people know what it reads. */
record StoreRequest(String url, HashMap<String, String> headers, String object, String range, String storlet)
    implements Serializable {

  private static final String TOKEN = "X-Auth-Token";

  static StoreRequest of(JsonNode json) {
    HashMap<String, String> headers = new HashMap<>();
    json.path("headers").properties().forEach(h -> headers.put(h.getKey(), h.getValue().asText()));
    return new StoreRequest(json.path("url").asText(), headers, text(json, "object"), text(json, "range"),
        text(json, "storlet"));
  }

  /** Does the URL itself say who asks? Else a token does. */
  boolean isSigned() {
    return !headers.containsKey(TOKEN);
  }

  /** What lets the request in, for a time: its token, or the URL with its signature. */
  String token() {
    return isSigned() ? url : headers.get(TOKEN);
  }

  StoreRequest withToken(String token) {
    if (isSigned()) {
      return new StoreRequest(token, headers, object, range, storlet);
    }
    HashMap<String, String> renewed = new HashMap<>(headers);
    renewed.put(TOKEN, token);
    return new StoreRequest(url, renewed, object, range, storlet);
  }

  StoreRequest withUrl(String other) {
    return new StoreRequest(other, headers, object, range, storlet);
  }

  private static String text(JsonNode json, String name) {
    return json.hasNonNull(name) ? json.get(name).asText() : "";
  }

  // The headers hold an authentication token.
  @Override
  public String toString() {
    return object + " " + range;
  }
}
