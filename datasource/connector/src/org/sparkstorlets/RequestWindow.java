package org.sparkstorlets;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.Map;

/** The requests of a task in their order, of which a few are made before their turn. */
final class RequestWindow {
  /** The next request, and what comes of it if it was made already. */
  record Turn(StoreRequest request, Fetch fetch) {}

  private final Reading reading;
  private final Map<String, StoreErrors.Template> errors;
  private final Iterator<StoreRequest> requests;
  private final Deque<StoreRequest> released = new ArrayDeque<>();
  private final Deque<Turn> ahead = new ArrayDeque<>();

  RequestWindow(Iterator<StoreRequest> requests, Reading reading, Map<String, StoreErrors.Template> errors) {
    this.requests = requests;
    this.reading = reading;
    this.errors = errors;
  }

  /** Null behind the last one. */
  synchronized Turn next() {
    Turn turn = ahead.isEmpty() ? new Turn(poll(), null) : ahead.poll();
    while (ahead.size() < reading.window() - 1) {
      StoreRequest request = poll();
      if (request == null) {
        break;
      }
      ahead.add(new Turn(request, new Fetch(request, reading, new StoreErrors(errors, request))));
    }
    return turn.request() == null ? null : turn;
  }

  private StoreRequest poll() {
    if (!released.isEmpty()) {
      return released.poll();
    }
    return requests.hasNext() ? requests.next() : null;
  }

  /**
   * Ends what was made before its turn, to be made again in its turn: a store without a free place could wait for them
   * as they wait for the request that it has no place for.
   */
  synchronized void release() {
    while (!ahead.isEmpty()) {
      Turn last = ahead.pollLast();
      last.fetch().abort();
      released.addFirst(last.request());
    }
  }
}
