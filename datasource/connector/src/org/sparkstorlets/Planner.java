package org.sparkstorlets;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.internal.SQLConf;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The Python process that decides everything: a line of JSON goes in, a line of JSON comes back.
 * There is one for each Python that options or confs name, started when first needed.
 */
final class Planner {
  private static final Logger LOG = LoggerFactory.getLogger("spark_storlets");
  private static final int VERSION = 1;
  private static final int MAX_QUOTED = 100;
  private static final Map<String, Planner> RUNNING = new ConcurrentHashMap<>();

  /** The confs that mean something to Spark's own CSV source; those that are not set have their default. */
  private static final List<String> CONFS = List.of(
      "spark.sql.csv.filterPushdown.enabled",
      "spark.sql.csv.parser.columnPruning.enabled",
      "spark.sql.columnNameOfCorruptRecord",
      "spark.sql.files.ignoreCorruptFiles",
      "spark.sql.legacy.csv.enableDateTimeParsingFallback",
      "spark.sql.legacy.javaCharsets",
      "spark.sql.legacy.timeParserPolicy",
      "spark.sql.timeType.enabled",
      "spark.sql.timestampType");

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(Planner::destroyAll, "spark_storlets planner shutdown"));
  }

  private final List<String> command;
  private final Process process;
  private final BufferedWriter requests;
  private final BufferedReader answers;

  /** What every request holds. */
  static ObjectNode request(String operation, Map<String, String> options) {
    SQLConf conf = SQLConf.get();
    ObjectNode request = Json.MAPPER.createObjectNode().put("v", VERSION).put("op", operation);
    options.forEach(request.putObject("options")::put);
    ObjectNode confs = request.putObject("conf")
        .put("timeZone", conf.sessionLocalTimeZone())
        .put("caseSensitive", conf.caseSensitiveAnalysis())
        .put("ansi", conf.ansiEnabled())
        .put("decompresses", TableStream.decompresses())
        .put("parallelism", SparkContext.getOrCreate().defaultParallelism());
    for (String name : CONFS) {
      String value = conf.getConfString(name, null);
      if (value != null) {
        confs.put(name, value);
      }
    }
    return request;
  }

  /** The planner's answer, or the failure that it reports as an exception. */
  static JsonNode ask(Map<String, String> options, ObjectNode request) {
    long start = System.nanoTime();
    JsonNode answer = exchange(python(options), request.toString());
    LOG.debug("planner: {} in {} ms", request.path("op").asText(), (System.nanoTime() - start) / 1_000_000);
    JsonNode error = answer.path("error");
    if (error.isObject()) {
      throw new StorletException(error.path("kind").asText(), error.path("message").asText());
    }
    return answer;
  }

  static StorletException broken(String what) {
    return new StorletException("configuration", "The planner and the connector do not understand each other: " + what
        + ". Use the connector jar that comes with the spark_storlets of that Python.");
  }

  static String python(Map<String, String> options) {
    SQLConf conf = SQLConf.get();
    return Stream.of(
            options.get("python"),
            conf.getConfString("spark.pyspark.driver.python", ""),
            conf.getConfString("spark.pyspark.python", ""),
            System.getenv("PYSPARK_DRIVER_PYTHON"),
            System.getenv("PYSPARK_PYTHON"))
        .filter(Objects::nonNull)
        .filter(python -> !python.isBlank())
        .findFirst()
        .orElse("python3");
  }

  private static synchronized JsonNode exchange(String python, String request) {
    Planner planner = RUNNING.computeIfAbsent(python, Planner::new);
    boolean usable = false;
    try {
      JsonNode answer = planner.exchange(request);
      usable = true;
      return answer;
    } finally {
      if (!usable) {
        RUNNING.remove(python);
        planner.process.destroyForcibly();
      }
    }
  }

  private static void destroyAll() {
    // Without the lock: the shutdown must not wait for a planner at work.
    List.copyOf(RUNNING.values()).forEach(planner -> planner.process.destroy());
  }

  private Planner(String python) {
    command = List.of(python, "-m", "spark_storlets.datasource.planner");
    try {
      process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    } catch (IOException e) {
      throw new StorletException("configuration", "The planner could not be started: " + e.getMessage() + ". "
          + advice(), e);
    }
    requests = process.outputWriter(StandardCharsets.UTF_8);
    answers = process.inputReader(StandardCharsets.UTF_8);
    LOG.debug("planner started: {}", command);
  }

  private JsonNode exchange(String request) {
    String line;
    try {
      requests.write(request);
      requests.write('\n');
      requests.flush();
      line = answers.readLine();
    } catch (IOException e) {
      throw dead(e);
    }
    if (line == null) {
      throw dead(null);
    }
    return parse(line);
  }

  private static JsonNode parse(String line) {
    JsonNode answer;
    try {
      answer = Json.MAPPER.readTree(line);
    } catch (JsonProcessingException e) {
      throw broken("a line that is not JSON" + quoted(line));
    }
    if (!answer.isObject()) {
      throw broken("a line that is not an answer" + quoted(line));
    }
    if (answer.path("v").asInt() != VERSION) {
      throw broken("an answer of version " + answer.path("v").asText("unknown") + " instead of " + VERSION);
    }
    return answer;
  }

  // A line that looks like an answer may hold a token.
  private static String quoted(String line) {
    return line.startsWith("{") ? "" : ", \"" + line.substring(0, Math.min(line.length(), MAX_QUOTED)) + "\"";
  }

  private StorletException dead(Throwable cause) {
    return new StorletException("configuration", "The planner, run as `" + String.join(" ", command) + "`, ended with "
        + exit() + ". What it said is on the driver's standard error. " + advice(), cause);
  }

  private String exit() {
    try {
      return process.waitFor(5, TimeUnit.SECONDS) ? "exit code " + process.exitValue() : "its output closed";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "its output closed";
    }
  }

  private static String advice() {
    return "Set spark.datasource.storlets.python (or the option python) to a Python that has spark_storlets installed.";
  }
}
