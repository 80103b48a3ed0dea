package org.sparkstorlets;

import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;
import org.apache.http.Header;
import org.apache.http.HttpResponse;
import org.apache.http.client.config.RequestConfig;
import org.apache.http.client.methods.HttpGet;
import org.apache.http.client.methods.HttpHead;
import org.apache.http.client.methods.HttpRequestBase;
import org.apache.http.conn.ConnectTimeoutException;
import org.apache.http.impl.client.CloseableHttpClient;
import org.apache.http.impl.client.HttpClients;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.config.Configurator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One HTTP GET or HEAD. Apache's client, which Spark brings along, because another thread can abort it at any time. */
final class StoreConnection {
  private static final Logger LOG = LoggerFactory.getLogger("spark_storlets");
  private static final int MAX_BODY_CHARS = 300;
  // Tasks bound how many there are.
  private static final int MAX_CONNECTIONS = 1 << 16;

  static {
    // What it would log at DEBUG are headers with tokens and URLs with signatures.
    Configurator.setLevel("org.apache.http", Level.INFO);
  }

  private static final CloseableHttpClient CLIENT = HttpClients.custom()
      .setMaxConnTotal(MAX_CONNECTIONS)
      .setMaxConnPerRoute(MAX_CONNECTIONS)
      .disableAutomaticRetries()
      .disableRedirectHandling()
      .disableContentCompression()
      .disableCookieManagement()
      .disableAuthCaching()
      .setUserAgent("spark-storlets")
      .build();

  private final StoreRequest request;
  private final StoreErrors errors;
  private final HttpRequestBase call;

  /** A GET; nothing is sent before {@link #open}. */
  StoreConnection(StoreRequest request, Reading reading, StoreErrors errors) {
    this(new HttpGet(request.url()), request, reading, errors);
  }

  /** A HEAD; nothing is sent before {@link #headers}. */
  static StoreConnection head(StoreRequest request, Reading reading, StoreErrors errors) {
    return new StoreConnection(new HttpHead(request.url()), request, reading, errors);
  }

  private StoreConnection(HttpRequestBase call, StoreRequest request, Reading reading, StoreErrors errors) {
    this.request = request;
    this.errors = errors;
    this.call = call;
    call.setConfig(RequestConfig.custom()
        .setConnectTimeout(reading.connectTimeout())
        .setSocketTimeout(reading.readTimeout())
        .build());
    request.headers().forEach(this::setHeader);
  }

  /** The body of the answer, once the status is good. */
  InputStream open() {
    HttpResponse response = answered();
    try {
      return response.getEntity() == null ? InputStream.nullInputStream() : response.getEntity().getContent();
    } catch (IOException e) {
      throw errors.of("cut", StoreErrors.words(e) + ", 0 bytes received", e);
    }
  }

  /** The headers of the answer, once the status is good; their names ignore case. */
  Map<String, String> headers() {
    return Arrays.stream(answered().getAllHeaders())
        .collect(Collectors.toMap(Header::getName, Header::getValue, (first, second) -> first,
            () -> new TreeMap<>(String.CASE_INSENSITIVE_ORDER)));
  }

  private HttpResponse answered() {
    HttpResponse response;
    try {
      response = CLIENT.execute(call);
    } catch (ConnectException | ConnectTimeoutException | NoRouteToHostException | UnknownHostException
        | SSLException e) {
      throw errors.of("connect", StoreErrors.words(e), e);
    } catch (IOException e) {
      throw errors.of("cut", StoreErrors.words(e) + ", 0 bytes received", e);
    }
    int status = response.getStatusLine().getStatusCode();
    LOG.debug("{} {}: {}", call.getMethod(), request, status);
    if (status / 100 != 2) {
      throw errors.ofStatus(status, refusal(response), header(response, "Retry-After"));
    }
    return response;
  }

  /** Ends it, from any thread; who reads it gets an IOException. */
  void abort() {
    call.abort();
  }

  // The value may be a token: it must not be quoted.
  private void setHeader(String name, String value) {
    if (value.chars().anyMatch(c -> c < ' ' || c > '~')) {
      throw new StorletException("configuration",
          "The header " + name + " has a value that HTTP does not allow (a line break?).");
    }
    call.setHeader(name, value);
  }

  private String refusal(HttpResponse response) {
    String transaction = header(response, "X-Trans-Id");
    String detail = Stream.of(transaction.isEmpty() ? "" : "transaction " + transaction, body(response))
        .filter(part -> !part.isBlank())
        .collect(Collectors.joining(": "));
    return detail.isEmpty() ? String.valueOf(response.getStatusLine().getReasonPhrase()) : detail;
  }

  private static String header(HttpResponse response, String name) {
    Header header = response.getFirstHeader(name);
    return header == null ? "" : header.getValue();
  }

  private String body(HttpResponse response) {
    if (response.getEntity() == null) {
      return "";
    }
    try (InputStream body = response.getEntity().getContent()) {
      String text = new String(body.readNBytes(4 * MAX_BODY_CHARS), StandardCharsets.UTF_8).strip();
      return text.substring(0, Math.min(text.length(), MAX_BODY_CHARS));
    } catch (IOException e) {
      return "";
    }
  }
}
