package org.sparkstorlets;

/**
 * The one exception of this connector: a kind for programs and a message for people, both chosen in Python.
 * It is public so that PySpark can read {@link #kind()} and {@link #getMessage()} through py4j.
 */
public class StorletException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What may help against it. */
  enum Remedy { NONE, REPEAT, NEW_TOKEN }

  private final String kind;
  private final Remedy remedy;
  private final int retryAfter;

  public StorletException(String kind, String message) {
    this(kind, message, Remedy.NONE, 0, null);
  }

  public StorletException(String kind, String message, Throwable cause) {
    this(kind, message, Remedy.NONE, 0, cause);
  }

  StorletException(String kind, String message, Remedy remedy, int retryAfter, Throwable cause) {
    super(message, cause);
    this.kind = kind;
    this.remedy = remedy;
    this.retryAfter = retryAfter;
  }

  public String kind() {
    return kind;
  }

  Remedy remedy() {
    return remedy;
  }

  /** The seconds that the store asks to wait for; 0 if it says nothing. */
  int retryAfter() {
    return retryAfter;
  }

  /** The same, when nothing has helped. */
  StorletException afterTries(int tries) {
    return tries == 1 ? this : new StorletException(kind, getMessage() + " It was tried " + tries + " times.", this);
  }
}
