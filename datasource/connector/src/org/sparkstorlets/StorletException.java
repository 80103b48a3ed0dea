package org.sparkstorlets;

/**
 * The one exception of this connector: a kind for programs and a message for people, both chosen in Python.
 * It is public so that PySpark can read {@link #kind()} and {@link #getMessage()} through py4j.
 */
public class StorletException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String kind;

  public StorletException(String kind, String message) {
    this(kind, message, null);
  }

  public StorletException(String kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  public String kind() {
    return kind;
  }
}
