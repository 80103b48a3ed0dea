package org.sparkstorlets;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashMap;
import org.apache.spark.sql.connector.read.InputPartition;

/**
 * The work of one task: requests whose answers are read one after the other.
 *
 * @param listing what the task lists to make its requests itself; null if the planner has made them
 * @param errors the words for what may go wrong with the requests
 */
record StorletsInputPartition(
    ArrayList<StoreRequest> requests, Listing listing, Reading reading, HashMap<String, StoreErrors.Template> errors)
    implements InputPartition {

  /**
   * Objects that are read each by one request.
   *
   * @param ranges of names, in which they are
   * @param names a regular expression that their names match
   * @param request for each of them; its URL and what depends on the object are missing
   */
  record Listing(ListingPartition ranges, String names, StoreRequest request) implements Serializable {

    static Listing of(JsonNode json, Reading reading, HashMap<String, StoreErrors.Template> errors) {
      return json.isMissingNode() ? null : new Listing(ListingPartition.of(json, reading, errors),
          json.path("names").asText(), StoreRequest.of(json.path("request")));
    }
  }

  @Override
  public String toString() {
    return "StorletsInputPartition" + (listing == null ? requests : listing.ranges());
  }
}
