package org.sparkstorlets;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Looks at one object, on a thread of its own. */
final class HeadFetch {
  private static final String PREFIX = "x-object-meta-";

  // There are as many threads as the tasks have requests at once.
  private static final ExecutorService THREADS = Executors.newCachedThreadPool(work -> {
    Thread thread = new Thread(work, "spark_storlets head");
    thread.setDaemon(true);
    return thread;
  });

  private final ListingPartition partition;
  private final StorletsMetrics.Totals totals;
  private final TaskWatch watch;
  private final CompletableFuture<Map<String, String>> found;
  private volatile StoreConnection connection;
  private volatile boolean aborted;

  HeadFetch(ListedObject object, ListingPartition partition, StorletsMetrics.Totals totals, TaskWatch watch) {
    this.partition = partition;
    this.totals = totals;
    this.watch = watch;
    this.found = CompletableFuture.supplyAsync(() -> fetch(request(object.name())), THREADS);
  }

  private StoreRequest request(String name) {
    StoreRequest listing = partition.ranges().get(0).request();
    return listing.withUrl(ListingPages.url(listing, name));
  }

  private Map<String, String> fetch(StoreRequest request) {
    Attempts attempts = new Attempts(request, partition.reading(), totals, watch);
    while (!aborted) {
      try {
        StoreRequest next = attempts.next();
        connection = StoreConnection.head(next, partition.reading(), new StoreErrors(partition.errors(), next));
        return connection.headers();
      } catch (StorletException e) {
        if (e.kind().equals("not_found")) {
          return null; // deleted since it was listed
        }
        if (aborted) {
          break;
        }
        attempts.recover(e, () -> {});
      }
    }
    return null;
  }

  /** Waits for the object's headers; null if it is no longer there. */
  Map<String, String> headers() {
    try {
      return found.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw e;
    }
  }

  /** Waits for what users have said of the object; null if it is no longer there. */
  Map<String, String> metadata() {
    Map<String, String> headers = headers();
    if (headers == null) {
      return null;
    }
    Map<String, String> metadata = new TreeMap<>();
    headers.forEach((name, value) -> {
      String key = name.toLowerCase(Locale.ROOT);
      if (key.startsWith(PREFIX)) {
        // HTTP's client takes the bytes of UTF-8 for characters.
        byte[] bytes = value.getBytes(StandardCharsets.ISO_8859_1);
        metadata.put(key.substring(PREFIX.length()), new String(bytes, StandardCharsets.UTF_8));
      }
    });
    return metadata;
  }

  void abort() {
    aborted = true;
    StoreConnection used = connection;
    if (used != null) {
      used.abort();
    }
  }
}
