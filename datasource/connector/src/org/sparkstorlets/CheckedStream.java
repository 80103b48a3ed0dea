package org.sparkstorlets;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PushbackInputStream;
import java.util.zip.CRC32C;

/** Counts the bytes of an answer and sums up those that a table is made of. */
final class CheckedStream extends FilterInputStream {
  private static final int MAX_PEEK = 16;

  private final PushbackInputStream source;
  private final CRC32C crc = new CRC32C();
  private long count;

  CheckedStream(InputStream in) {
    this(new PushbackInputStream(in, MAX_PEEK));
  }

  private CheckedStream(PushbackInputStream source) {
    super(source);
    this.source = source;
  }

  @Override
  public int read() throws IOException {
    int value = in.read();
    if (value >= 0) {
      crc.update(value);
      count++;
    }
    return value;
  }

  @Override
  public int read(byte[] buffer, int offset, int length) throws IOException {
    int read = in.read(buffer, offset, length);
    if (read > 0) {
      crc.update(buffer, offset, read);
      count += read;
    }
    return read;
  }

  // Skipped bytes would escape the sum.
  @Override
  public long skip(long wanted) throws IOException {
    return readNBytes((int) Math.min(wanted, 8192)).length;
  }

  @Override
  public boolean markSupported() {
    return false;
  }

  /** The next bytes, fewer before the end, left to be read again. */
  byte[] peek(int length) throws IOException {
    byte[] next = source.readNBytes(length);
    source.unread(next);
    return next;
  }

  /** Reads at most {@code limit} bytes that are not part of the sum. */
  byte[] readUnsummed(int limit) throws IOException {
    byte[] rest = in.readNBytes(limit);
    count += rest.length;
    return rest;
  }

  /** Adds bytes to the sum that were read without it. */
  void sum(byte[] bytes, int length) {
    crc.update(bytes, 0, length);
  }

  long count() {
    return count;
  }

  long crc32c() {
    return crc.getValue();
  }
}
