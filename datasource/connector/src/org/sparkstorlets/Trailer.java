package org.sparkstorlets;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * What stands after the Arrow stream: JSON, its length (uint32, little endian), {@code STORLET1}, the end.
 * It says whether the storlet succeeded and what it sent.
 */
record Trailer(long version, boolean ok, String kind, String message, long rowsScanned, long rowsReturned,
    long bytesScanned, long cpuNanos, long crc32c) {

  static final long VERSION = 1;

  private static final byte[] MAGIC = "STORLET1".getBytes(StandardCharsets.US_ASCII);
  private static final int FOOT = Integer.BYTES + MAGIC.length;
  private static final int LIMIT = 1 << 20;

  /** Reads an answer from the end of its Arrow stream to its own end. */
  static Trailer read(CheckedStream body) throws IOException {
    byte[] rest = body.readUnsummed(LIMIT + 1);
    if (rest.length > LIMIT) {
      throw new IOException("no trailer within " + LIMIT + " bytes after the table");
    }
    if (rest.length < FOOT || !Arrays.equals(rest, rest.length - MAGIC.length, rest.length, MAGIC, 0, MAGIC.length)) {
      throw new IOException("no trailer after the table");
    }
    int end = rest.length - FOOT;
    long length = Integer.toUnsignedLong(ByteBuffer.wrap(rest, end, FOOT).order(ByteOrder.LITTLE_ENDIAN).getInt());
    if (length > end) {
      throw new IOException("a trailer of " + length + " bytes in the " + end + " after the table");
    }
    int start = end - (int) length;
    // The sum covers everything before the JSON.
    body.sum(rest, start);
    try {
      return parse(Json.MAPPER.readTree(rest, start, (int) length));
    } catch (JsonProcessingException e) {
      throw new IOException("the trailer is not JSON", e);
    }
  }

  private static Trailer parse(JsonNode json) throws IOException {
    if (!json.isObject()) {
      throw new IOException("the trailer is not a JSON object");
    }
    return new Trailer(json.path("v").asLong(-1), "ok".equals(json.path("status").asText()),
        json.path("kind").asText(), json.path("message").asText(), json.path("rows_scanned").asLong(),
        json.path("rows_returned").asLong(-1), json.path("bytes_scanned").asLong(),
        json.path("cpu_ns").asLong(), json.path("crc32c").asLong(-1));
  }
}
