package org.sparkstorlets;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.ipc.ReadChannel;
import org.apache.arrow.vector.ipc.message.MessageChannelReader;
import org.apache.arrow.vector.ipc.message.MessageResult;

/**
 * Looks at the head of each Arrow message before Arrow does. Arrow takes the first bytes of any text for a length
 * and allocates it, and the OutOfMemoryError ends the whole JVM.
 */
final class GuardedMessages extends MessageChannelReader {
  private static final int CONTINUATION = 0xFFFFFFFF;
  private static final int HEAD = 2 * Integer.BYTES;
  private static final int MAX_METADATA = 64 << 20;

  private final CheckedStream body;

  GuardedMessages(CheckedStream body, BufferAllocator allocator) {
    super(new ReadChannel(Channels.newChannel(body)), allocator);
    this.body = body;
  }

  @Override
  public MessageResult readNext() throws IOException {
    byte[] head = body.peek(HEAD);
    if (head.length > 0 && !isMessage(head)) {
      throw new IOException("no Arrow data where some was expected");
    }
    return super.readNext();
  }

  private static boolean isMessage(byte[] head) {
    if (head.length < HEAD) {
      return false;
    }
    ByteBuffer numbers = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN);
    int marker = numbers.getInt();
    int length = numbers.getInt();
    return marker == CONTINUATION && length >= 0 && length <= MAX_METADATA;
  }
}
