package org.sparkstorlets;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.regex.Pattern;
import org.apache.spark.TaskKilledException;

/** The requests of a task that lists its objects itself: one for each object, made as they are taken. */
final class ListedRequests implements Iterator<StoreRequest> {
  private final StorletsInputPartition.Listing listing;
  private final StorletsMetrics.Totals totals;
  private final TaskWatch watch;
  private final ListingPages pages;
  private final Pattern names;
  private volatile HeadFetch head;
  private StoreRequest next;

  ListedRequests(StorletsInputPartition.Listing listing, StorletsMetrics.Totals totals, TaskWatch watch) {
    this.listing = listing;
    this.totals = totals;
    this.watch = watch;
    this.pages = new ListingPages(listing.ranges(), totals, watch);
    this.names = Pattern.compile(listing.names());
  }

  @Override
  public boolean hasNext() {
    while (next == null) {
      ListedObject object = pages.next();
      if (object == null) {
        return false;
      }
      if (names.matcher(object.name()).matches()) {
        next = object.plain() ? request(object.name(), object.bytes(), object.etag(), false) : looked(object);
      }
    }
    return true;
  }

  @Override
  public StoreRequest next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    StoreRequest taken = next;
    next = null;
    return taken;
  }

  /** The request for an object of which the listing does not tell enough; null if there is nothing to read. */
  private StoreRequest looked(ListedObject object) {
    head = new HeadFetch(object, listing.ranges(), totals, watch);
    Map<String, String> headers = head.headers();
    if (watch.isKilled()) {
      throw new TaskKilledException();
    }
    if (headers == null) {
      return null; // deleted since it was listed
    }
    long size = Long.parseLong(headers.get("Content-Length"));
    if (size == 0 && pages.exists(object.name() + "/")) {
      return null; // it only says that there is a folder
    }
    boolean large = headers.containsKey("X-Static-Large-Object") || headers.containsKey("X-Object-Manifest");
    return request(object.name(), size, headers.get("ETag"), large);
  }

  private StoreRequest request(String name, long size, String etag, boolean large) {
    String object = Json.MAPPER.createObjectNode().put("name", name).put("size", size).toString();
    StoreRequest some = listing.request();
    HashMap<String, String> headers = new HashMap<>(some.headers());
    headers.put("If-Match", etag);
    headers.put("X-Storlet-Parameter-Object",
        "object:" + Base64.getUrlEncoder().encodeToString(object.getBytes(StandardCharsets.UTF_8)));
    if (large) {
      headers.put("X-Storlet-Run-On-Proxy", "");
    }
    StoreRequest list = listing.ranges().ranges().get(0).request();
    return new StoreRequest(ListingPages.url(list, name), headers, some.object() + name, "0-" + (size - 1),
        some.storlet());
  }

  /** Ends what it waits for, from any thread. */
  void abort() {
    pages.abort();
    HeadFetch looking = head;
    if (looking != null) {
      looking.abort();
    }
  }
}
