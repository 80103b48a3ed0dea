package org.sparkstorlets;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.spark.SparkEnv;
import org.apache.spark.rpc.RpcCallContext;
import org.apache.spark.rpc.RpcEndpoint;
import org.apache.spark.rpc.RpcEnv;
import org.apache.spark.util.RpcUtils;
import scala.PartialFunction;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractPartialFunction;
import scala.runtime.BoxedUnit;

/**
 * New tokens, or signed URLs, for tasks whose own have expired. Credentials never leave the driver: a task asks it, by Spark's own
 * messages, and the driver logs in again.
 */
final class Tokens implements RpcEndpoint {
  private static final String NAME = "spark-storlets-tokens";
  private static final int LOGINS_KEPT = 1000;
  // A login takes its time, for which Spark's own threads must not wait.
  private static final ExecutorService RENEWALS = Executors.newSingleThreadExecutor(work -> {
    Thread thread = new Thread(work, "spark_storlets tokens");
    thread.setDaemon(true);
    return thread;
  });
  private static Tokens endpoint;

  /** How to log in, and the token that came of it last. */
  private record Login(Map<String, String> options, ObjectNode request, String token) {}

  private final RpcEnv environment;
  private final Map<String, Login> logins = new LinkedHashMap<>() {
    private static final long serialVersionUID = 1L;

    @Override
    protected boolean removeEldestEntry(Map.Entry<String, Login> eldest) {
      return size() > LOGINS_KEPT;
    }
  };

  private Tokens(RpcEnv environment) {
    this.environment = environment;
  }

  /** Makes a login known to the tasks of a read; on the driver. Returns its name. */
  static synchronized String login(Map<String, String> options) {
    RpcEnv environment = SparkEnv.get().rpcEnv();
    if (endpoint == null || endpoint.environment != environment) {
      endpoint = new Tokens(environment);
      environment.setupEndpoint(NAME, endpoint);
    }
    // Who answers a task has no session whose confs name a Python.
    Map<String, String> known = new HashMap<>(options);
    known.put("python", Planner.python(options));
    return endpoint.put(new Login(known, Planner.request("token", options), null));
  }

  /** A newer token than {@code old}; in a task. Fails with {@code refusal} if the driver has none. */
  static String renewed(String login, String old, StorletException refusal) {
    SparkEnv env = SparkEnv.get();
    try {
      return RpcUtils.makeDriverRef(NAME, env.conf(), env.rpcEnv())
          .askSync(login + " " + old, ClassTag$.MODULE$.apply(String.class));
    } catch (Exception e) {
      // Scala throws what it does not declare, such as a SparkException around what the driver says.
      refusal.addSuppressed(e);
      throw refusal;
    }
  }

  private synchronized String put(Login made) {
    for (Map.Entry<String, Login> known : logins.entrySet()) {
      if (known.getValue().options().equals(made.options()) && known.getValue().request().equals(made.request())) {
        // The token that a plan has got now is newer than what is known here.
        known.setValue(made);
        return known.getKey();
      }
    }
    String name = UUID.randomUUID().toString();
    logins.put(name, made);
    return name;
  }

  private synchronized String renew(String name, String old) {
    Login login = logins.get(name);
    if (login == null) {
      throw new IllegalStateException("the driver does not know the login any more");
    }
    if (old.startsWith("http")) {
      return Planner.ask(login.options(), login.request().deepCopy().put("url", old)).path("token").asText();
    }
    // Of all the tasks whose token has expired only the first one makes the driver log in.
    if (login.token() == null || login.token().equals(old)) {
      String token = Planner.ask(login.options(), login.request()).path("token").asText();
      login = new Login(login.options(), login.request(), token);
      logins.put(name, login);
    }
    return login.token();
  }

  @Override
  public RpcEnv rpcEnv() {
    return environment;
  }

  @Override
  public PartialFunction<Object, BoxedUnit> receiveAndReply(RpcCallContext call) {
    return new AbstractPartialFunction<>() {
      @Override
      public boolean isDefinedAt(Object message) {
        return message instanceof String;
      }

      @Override
      public BoxedUnit apply(Object message) {
        String[] words = ((String) message).split(" ", 2);
        RENEWALS.execute(() -> {
          try {
            call.reply(renew(words[0], words[1]));
          } catch (RuntimeException e) {
            call.sendFailure(e);
          }
        });
        return BoxedUnit.UNIT;
      }
    };
  }
}
