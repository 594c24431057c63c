import Base
import Synchronization

/// What usrsctp has to say about one association, until its owner fetches it: packets to send, messages, changes.
///
/// usrsctp's callbacks fill it inside `SCTPProcess.locked`, on the owner's thread or, when a timer fires, on another.
// @unchecked: touched only inside `SCTPProcess.locked`, except for `isWaiting`.
final class SCTPOutbox: @unchecked Sendable {
  enum Event {
    case up(outboundStreamCount: Int)
    case down
    case message([UInt8], stream: UInt16, protocolID: UInt32)
    /// The peer closed its direction of these streams.
    case streamsReset([UInt16])
  }

  /// Everything that waits, in order.
  struct Contents {
    var packetBytes: [UInt8] = []
    var packetByteCounts: [Int] = []
    var events: [Event] = []
  }

  /// Packets beyond this are dropped, as a full network queue would; SCTP sends them again.
  private static let maximumPacketByteCount = 1 << 20
  /// Parts of messages that wait for their ends, all streams together. More than one message of the largest size.
  private static let maximumPartialByteCount = 2 * DataChannels.maximumMessageByteCount

  /// Whether there is something to fetch: asked without the lock, since the answer is nearly always no.
  let isWaiting = Atomic<Bool>(false)
  private var contents = Contents()
  private var partials: [UInt16: Partial] = [:]
  private var partialByteCount = 0

  private struct Partial {
    var bytes: [UInt8] = []
    /// Its end is awaited only to know where the next message begins.
    var isTooLong = false
  }

  /// Exchanges what waits for `empty`, which should be empty and have capacity.
  func exchange(for empty: inout Contents) {
    swap(&contents, &empty)
    isWaiting.store(false, ordering: .relaxed)
  }

  func send(_ packet: UnsafeRawBufferPointer) {
    guard contents.packetBytes.count + packet.count <= Self.maximumPacketByteCount,
      packet.count <= DTLSConnection.maximumPlaintextByteCount
    else { return }
    contents.packetBytes.append(contentsOf: packet)
    contents.packetByteCounts.append(packet.count)
    isWaiting.store(true, ordering: .relaxed)
  }

  func add(_ event: Event) {
    contents.events.append(event)
    isWaiting.store(true, ordering: .relaxed)
  }

  /// Takes a message or, when it was long enough for partial delivery, a piece of one.
  func receive(_ bytes: UnsafeRawBufferPointer, stream: UInt16, protocolID: UInt32, isEnd: Bool) {
    if isEnd, partials.isEmpty, bytes.count <= DataChannels.maximumMessageByteCount {
      return add(.message(Array(bytes), stream: stream, protocolID: protocolID))
    }
    var partial = partials[stream] ?? Partial()
    partialByteCount -= partial.bytes.count
    if partial.isTooLong || partial.bytes.count + bytes.count > DataChannels.maximumMessageByteCount
      || partialByteCount + partial.bytes.count + bytes.count > Self.maximumPartialByteCount
    {
      partial = Partial(isTooLong: true)
    } else {
      partial.bytes += bytes
    }
    if isEnd {
      partials[stream] = nil
      if !partial.isTooLong { add(.message(partial.bytes, stream: stream, protocolID: protocolID)) }
    } else {
      partialByteCount += partial.bytes.count
      partials[stream] = partial
    }
  }
}
