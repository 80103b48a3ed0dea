package org.sparkstorlets;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import org.apache.spark.sql.connector.catalog.SessionConfigSupport;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableProvider;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.sources.DataSourceRegister;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * The entry point that Spark finds for {@code format("storlets")}.
 * Session confs {@code spark.datasource.storlets.*} reach it as options.
 */
public class StorletsDataSource implements TableProvider, DataSourceRegister, SessionConfigSupport {
  @Override
  public String shortName() {
    return "storlets";
  }

  @Override
  public String keyPrefix() {
    return "storlets";
  }

  @Override
  public boolean supportsExternalMetadata() {
    return true;
  }

  @Override
  public StructType inferSchema(CaseInsensitiveStringMap given) {
    Map<String, String> options = StorletsTable.options(Map.of(), given.asCaseSensitiveMap());
    Partitions partitions = Partitions.find(options, new StructType());
    ObjectNode request = Planner.request("schema", options);
    partitions.addTo(request);
    JsonNode schema = Planner.ask(options, request).path("schema");
    try {
      return partitions.table((StructType) DataType.fromJson(schema.toString()));
    } catch (RuntimeException e) {
      throw Planner.broken("the answer to \"schema\" holds no schema that Spark can read");
    }
  }

  @Override
  public Table getTable(StructType schema, Transform[] partitioning, Map<String, String> properties) {
    return new StorletsTable(schema, Partitions.find(StorletsTable.options(properties, Map.of()), schema), properties);
  }
}
