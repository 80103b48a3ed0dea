package org.sparkstorlets;

import java.util.ArrayList;
import java.util.HashMap;
import org.apache.spark.sql.connector.read.InputPartition;

/** The work of one task: requests to make one after the other, and the words for what may go wrong with them. */
record StorletsInputPartition(ArrayList<StoreRequest> requests, HashMap<String, StoreErrors.Template> errors)
    implements InputPartition {

  @Override
  public String toString() {
    return "StorletsInputPartition" + requests;
  }
}
