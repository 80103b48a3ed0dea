package org.sparkstorlets;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * An entry of a container's listing: an object, or with a delimiter a pseudo-folder, which has nothing but a name.
 *
 * @param modified microseconds since 1970
 * @param plain whether size and ETag are those of what a GET answers; of a large object or a link they may not be
 */
record ListedObject(String name, Long bytes, Long modified, String type, String etag, boolean plain) {
  /** The columns that a listing tells itself. */
  static final StructType COLUMNS = new StructType()
      .add("name", DataTypes.StringType)
      .add("bytes", DataTypes.LongType)
      .add("last_modified", DataTypes.TimestampType)
      .add("content_type", DataTypes.StringType)
      .add("etag", DataTypes.StringType);

  static ListedObject of(JsonNode entry) {
    if (entry.has("subdir")) {
      return new ListedObject(entry.path("subdir").asText(), null, null, null, null, false);
    }
    LocalDateTime modified = LocalDateTime.parse(entry.path("last_modified").asText());
    return new ListedObject(entry.path("name").asText(), entry.path("bytes").asLong(),
        ChronoUnit.MICROS.between(LocalDateTime.ofEpochSecond(0, 0, ZoneOffset.UTC), modified),
        entry.path("content_type").asText(), etag(entry), entry.path("bytes").asLong() > 0 && !entry.has("slo_etag"));
  }

  // Of a large object the hash is that of its manifest, which no HEAD tells.
  private static String etag(JsonNode entry) {
    return entry.path(entry.has("slo_etag") ? "slo_etag" : "hash").asText().replace("\"", "");
  }

  boolean isFolder() {
    return modified == null;
  }

  /** The value of one of {@link #COLUMNS} as Spark has it inside. */
  Object value(String column) {
    return switch (column) {
      case "name" -> UTF8String.fromString(name);
      case "bytes" -> bytes;
      case "last_modified" -> modified;
      case "content_type" -> UTF8String.fromString(type);
      case "etag" -> UTF8String.fromString(etag);
      default -> throw Planner.broken("a listing has no column " + column);
    };
  }

  InternalRow row() {
    return new GenericInternalRow(new Object[] {
      value("name"), value("bytes"), value("last_modified"), value("content_type"), value("etag")
    });
  }
}
