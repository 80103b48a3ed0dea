package org.sparkstorlets;

import java.util.concurrent.ThreadLocalRandom;
import org.apache.spark.TaskKilledException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparkstorlets.StorletException.Remedy;

/** The attempts at one request: what fails is made again, after a while or with a new token, or given up. */
final class Attempts {
  private static final Logger LOG = LoggerFactory.getLogger("spark_storlets");
  private static final long FIRST_PAUSE_MS = 200;
  private static final long LONGEST_PAUSE_MS = 60_000;
  // What the driver has may have expired as well, which it hears by the next refusal.
  private static final int RENEWALS = 2;

  private final Reading reading;
  private final StorletsMetrics.Totals totals;
  private final TaskWatch watch;
  private StoreRequest request;
  private int tries;
  private int renewals;

  Attempts(StoreRequest request, Reading reading, StorletsMetrics.Totals totals, TaskWatch watch) {
    this.request = request;
    this.reading = reading;
    this.totals = totals;
    this.watch = watch;
  }

  /** The request for the next attempt. */
  StoreRequest next() {
    tries++;
    totals.request();
    return request;
  }

  /** Comes back when the time is right for another attempt; throws when there is none. */
  void recover(StorletException e, Runnable beforePause) {
    if (watch.isKilled()) {
      throw new TaskKilledException();
    }
    if (e.remedy() == Remedy.NEW_TOKEN && renewals < RENEWALS) {
      request = request.withToken(Tokens.renewed(reading.login(), request.token(), e));
      renewals++;
    } else if (e.remedy() == Remedy.REPEAT && tries <= reading.retries()) {
      LOG.warn("Repeating a request, {} of {}: {}", tries, reading.retries(), e.getMessage());
      beforePause.run();
      pause(e.retryAfter());
    } else {
      throw e.afterTries(tries);
    }
    totals.retry();
  }

  private void pause(int seconds) {
    long grown = FIRST_PAUSE_MS << Math.min(tries, 10);
    // Tasks that failed together should not come back together.
    long spread = ThreadLocalRandom.current().nextLong(grown / 2, grown);
    try {
      if (watch.pause(Math.min(Math.max(spread, 1000L * seconds), LONGEST_PAUSE_MS))) {
        throw new TaskKilledException();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TaskKilledException();
    }
  }
}
