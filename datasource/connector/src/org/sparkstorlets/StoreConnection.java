package org.sparkstorlets;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One HTTP GET. HttpURLConnection because it reads faster than java.net.http and has a read timeout. */
final class StoreConnection {
  private static final Logger LOG = LoggerFactory.getLogger("spark_storlets");
  private static final int CONNECT_TIMEOUT_MS = 10_000;
  private static final int READ_TIMEOUT_MS = 600_000;
  private static final int MAX_BODY_CHARS = 300;

  private final StoreRequest request;
  private final StoreErrors errors;
  private HttpURLConnection http;

  StoreConnection(StoreRequest request, StoreErrors errors) {
    this.request = request;
    this.errors = errors;
  }

  /** The body of the answer, once the status is good. */
  InputStream open() {
    connect();
    try {
      int status = http.getResponseCode();
      LOG.debug("GET {}: {}", request, status);
      if (status / 100 == 2) {
        return http.getInputStream();
      }
      throw errors.ofStatus(status, refusal());
    } catch (IOException e) {
      throw errors.of("cut", StoreErrors.words(e) + ", 0 bytes received", e);
    }
  }

  private void connect() {
    try {
      http = (HttpURLConnection) new URL(request.url()).openConnection();
      http.setConnectTimeout(CONNECT_TIMEOUT_MS);
      http.setReadTimeout(READ_TIMEOUT_MS);
      http.setInstanceFollowRedirects(false);
      http.setUseCaches(false);
      request.headers().forEach(this::setHeader);
      http.connect();
    } catch (IOException e) {
      throw errors.of("connect", StoreErrors.words(e), e);
    }
  }

  // The exception of the JDK quotes the value, which may be a token: it must not be kept as the cause.
  private void setHeader(String name, String value) {
    try {
      http.setRequestProperty(name, value);
    } catch (IllegalArgumentException e) {
      throw new StorletException("configuration",
          "The header " + name + " has a value that HTTP does not allow (a line break?).");
    }
  }

  private String refusal() throws IOException {
    String transaction = http.getHeaderField("X-Trans-Id");
    String detail = Stream.of(transaction == null ? "" : "transaction " + transaction, body())
        .filter(part -> !part.isBlank())
        .collect(Collectors.joining(": "));
    return detail.isEmpty() ? String.valueOf(http.getResponseMessage()) : detail;
  }

  private String body() {
    try (InputStream body = http.getErrorStream()) {
      if (body == null) {
        return "";
      }
      String text = new String(body.readNBytes(4 * MAX_BODY_CHARS), StandardCharsets.UTF_8).strip();
      return text.substring(0, Math.min(text.length(), MAX_BODY_CHARS));
    } catch (IOException e) {
      return "";
    }
  }

  void disconnect() {
    if (http != null) {
      http.disconnect();
    }
  }
}
