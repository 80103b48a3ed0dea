package org.sparkstorlets;

import java.util.ArrayList;
import java.util.HashMap;
import org.apache.spark.sql.connector.read.InputPartition;

/** The work of one task: requests whose answers are read one after the other, how, and the words for what may go wrong with them. */
record StorletsInputPartition(
    ArrayList<StoreRequest> requests, Reading reading, HashMap<String, StoreErrors.Template> errors) implements InputPartition {

  @Override
  public String toString() {
    return "StorletsInputPartition" + requests;
  }
}
