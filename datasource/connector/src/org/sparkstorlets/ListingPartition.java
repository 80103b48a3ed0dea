package org.sparkstorlets;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashMap;
import org.apache.spark.sql.connector.read.InputPartition;

/**
 * The work of one task: ranges of a container's names.
 *
 * @param modifiedAfter microseconds; an object modified then or before is none of the rows
 * @param modifiedUpto an object modified later is none of the rows
 */
record ListingPartition(ArrayList<Range> ranges, long modifiedAfter, long modifiedUpto, Reading reading,
    HashMap<String, StoreErrors.Template> errors) implements InputPartition {

  /**
   * A range of names.
   *
   * @param request for a page of the listing; its URL wants a marker added
   * @param marker the names behind it are listed
   * @param last behind this name there are none, or null
   */
  record Range(StoreRequest request, String marker, String last) implements Serializable {}

  static ListingPartition of(JsonNode json, Reading reading, HashMap<String, StoreErrors.Template> errors) {
    ArrayList<Range> ranges = new ArrayList<>();
    for (JsonNode range : json.path("ranges")) {
      ranges.add(new Range(StoreRequest.of(range.path("request")), range.path("marker").asText(),
          range.path("last").textValue()));
    }
    return new ListingPartition(ranges, json.path("modified_after").asLong(Long.MIN_VALUE),
        json.path("modified_upto").asLong(Long.MAX_VALUE), reading, errors);
  }

  @Override
  public String toString() {
    return "ListingPartition" + ranges;
  }
}
