package org.sparkstorlets;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.Serializable;

/**
 * How a task reads: what it waits for and how long, as the planner says.
 *
 * @param login the driver's name for the login whose token the requests carry
 * @param window requests that a task has in flight at most, the one that it reads included
 * @param retries how often a request is repeated
 * @param connectTimeout milliseconds
 * @param readTimeout milliseconds without a byte
 */
record Reading(String login, int window, int retries, int connectTimeout, int readTimeout) implements Serializable {

  static Reading of(JsonNode json, String login) {
    return new Reading(login, json.path("window").asInt(1), json.path("retries").asInt(),
        1000 * json.path("connectTimeout").asInt(), 1000 * json.path("readTimeout").asInt());
  }
}
