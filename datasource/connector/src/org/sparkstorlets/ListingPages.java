package org.sparkstorlets;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;

/**
 * The objects of some ranges of names, in the order of names, page by page as they are taken. A short page is not the end:
 * a sharded container has one at the end of a shard. An empty one is, or the last name that there can be.
 */
final class ListingPages {
  private final ListingPartition partition;
  private final StorletsMetrics.Totals totals;
  private final TaskWatch watch;
  private final Deque<ListedObject> page = new ArrayDeque<>();
  private final Iterator<ListingPartition.Range> ranges;
  private volatile StoreConnection connection;
  private ListingPartition.Range range;
  private String marker;

  ListingPages(ListingPartition partition, StorletsMetrics.Totals totals, TaskWatch watch) {
    this.partition = partition;
    this.totals = totals;
    this.watch = watch;
    this.ranges = partition.ranges().iterator();
  }

  /** Null behind the last one. */
  ListedObject next() {
    while (page.isEmpty() && (range != null || ranges.hasNext())) {
      if (range == null) {
        range = ranges.next();
        marker = range.marker();
      }
      load();
    }
    return page.poll();
  }

  private void load() {
    StoreRequest request = range.request();
    JsonNode entries = entries(request.withUrl(request.url() + "&marker=" + encoded(marker)));
    for (JsonNode entry : entries) {
      ListedObject object = ListedObject.of(entry);
      marker = object.name();
      if (object.isFolder() || isWanted(object.modified())) {
        page.add(object);
      }
    }
    if (entries.isEmpty() || marker.equals(range.last())) {
      range = null;
    }
  }

  /** Are there objects whose names begin so? */
  boolean exists(String prefix) {
    StoreRequest any = partition.ranges().get(0).request();
    return !entries(any.withUrl(container(any) + "?format=json&limit=1&prefix=" + encoded(prefix))).isEmpty();
  }

  private JsonNode entries(StoreRequest request) {
    Attempts attempts = new Attempts(request, partition.reading(), totals, watch);
    while (true) {
      try {
        return get(attempts.next());
      } catch (StorletException e) {
        attempts.recover(e, () -> {});
      }
    }
  }

  private boolean isWanted(long modified) {
    return modified > partition.modifiedAfter() && modified <= partition.modifiedUpto();
  }

  private JsonNode get(StoreRequest request) {
    StoreErrors errors = new StoreErrors(partition.errors(), request);
    connection = new StoreConnection(request, partition.reading(), errors);
    byte[] body;
    try (InputStream answer = watch.isKilled() ? InputStream.nullInputStream() : connection.open()) {
      body = answer.readAllBytes();
      JsonNode entries = Json.MAPPER.readTree(body);
      totals.add(body.length, 0);
      if (!entries.isArray()) {
        throw errors.of("cut", "it is no listing", null);
      }
      return entries;
    } catch (IOException e) {
      throw errors.of("cut", StoreErrors.words(e), e);
    }
  }

  /** The URL of an object in the container that a request lists. */
  static String url(StoreRequest listing, String name) {
    // A path knows no plus sign for a blank.
    return container(listing) + "/" + encoded(name).replace("+", "%20");
  }

  private static String container(StoreRequest listing) {
    return listing.url().substring(0, listing.url().indexOf('?'));
  }

  // Swift reads a plus sign as a blank, which is how a blank is written here.
  private static String encoded(String name) {
    return URLEncoder.encode(name, StandardCharsets.UTF_8);
  }

  /** Ends the request for a page, from any thread. */
  void abort() {
    StoreConnection used = connection;
    if (used != null) {
      used.abort();
    }
  }
}
