import Base

/// Turns digits into paced telephone events, one packet for each packet time (RFC 4733 §2.5.1).
///
/// A digit is 250 ms of tone and 250 ms of gap. The durations grow by one packet time; the last packet has the end
/// bit and goes out three times, in three packet times, so that no short burst loses all of them.
public struct TelephoneEventSender: Sendable {
  /// What goes out instead of the audio packet of this packet time.
  public struct Packet: Hashable, Sendable, BitwiseCopyable {
    public var marker: Bool
    /// Of the event's first instant: the same in all its packets.
    public var timestamp: UInt32
    public var event: TelephoneEvent
  }

  /// Digits and pauses that may wait.
  public static let maximumQueueCount = 64
  public static let volume: UInt8 = 10
  private static let endPacketCount = 3
  private static let pauseCode: UInt8 = 0xFF

  private enum State {
    case idle
    case tone(code: UInt8, timestamp: UInt32, elapsedTicks: UInt32)
    case repeatingEnd(packet: Packet, sent: Int)
    case silence
  }

  private let toneTicks: UInt32
  private let gapTicks: UInt32
  private let pauseTicks: UInt32
  private var state = State.idle
  /// Packet times still to pass before the next digit, in ticks.
  private var silenceTicks: UInt32 = 0
  private var queue = InlineArray<64, UInt8>(repeating: 0)
  private var head = 0
  private var count = 0

  public init(clockRateHz: Int) {
    let rate = UInt32(clamping: max(1000, min(clockRateHz, 192_000)))
    toneTicks = rate / 4
    gapTicks = rate / 4
    pauseTicks = rate / 2
  }

  /// Adds digits; `w` and `W` are pauses of 500 ms. Returns the number of characters that were neither, or found
  /// no room.
  @discardableResult
  public mutating func enqueue(_ digits: String) -> Int {
    var refused = 0
    for character in digits {
      let isPause = character == "w" || character == "W"
      guard let code = isPause ? Self.pauseCode : DTMFDigit(character)?.code,
        count < Self.maximumQueueCount
      else {
        refused += 1
        continue
      }
      queue[(head + count) % Self.maximumQueueCount] = code
      count += 1
    }
    return refused
  }

  /// False when no digit sounds or waits.
  public var isBusy: Bool {
    if case .idle = state { return count > 0 }
    return true
  }

  /// Call once for each packet time. `timestamp` is what the audio packet would carry. Nil: send the audio.
  public mutating func next(timestamp: UInt32, packetTicks: UInt32) -> Packet? {
    switch state {
    case .idle: break
    case .tone(let code, let start, let elapsed):
      return tone(code: code, timestamp: start, elapsedTicks: elapsed, packetTicks: packetTicks)
    case .repeatingEnd(let packet, let sent):
      state =
        sent + 1 < Self.endPacketCount ? .repeatingEnd(packet: packet, sent: sent + 1) : .silence
      silenceTicks -= min(silenceTicks, packetTicks)
      return packet
    case .silence:
      if silenceTicks > 0 {
        silenceTicks -= min(silenceTicks, packetTicks)
        return nil
      }
      state = .idle
    }
    return start(timestamp: timestamp, packetTicks: packetTicks)
  }

  private mutating func start(timestamp: UInt32, packetTicks: UInt32) -> Packet? {
    guard count > 0 else { return nil }
    let code = queue[head]
    head = (head + 1) % Self.maximumQueueCount
    count -= 1
    guard code != Self.pauseCode else {
      silenceTicks = pauseTicks - min(pauseTicks, packetTicks)
      state = .silence
      return nil
    }
    return tone(code: code, timestamp: timestamp, elapsedTicks: 0, packetTicks: packetTicks)
  }

  private mutating func tone(
    code: UInt8, timestamp: UInt32, elapsedTicks: UInt32, packetTicks: UInt32
  ) -> Packet {
    // A packet time of zero would never end the tone.
    let elapsed = min(elapsedTicks + max(1, min(packetTicks, toneTicks)), toneTicks)
    let isEnd = elapsed == toneTicks
    let packet = Packet(
      marker: elapsedTicks == 0, timestamp: timestamp,
      event: TelephoneEvent(
        code: code, isEnd: isEnd, volume: Self.volume, durationTicks: UInt16(clamping: elapsed)))
    if isEnd {
      silenceTicks = gapTicks
      var repetition = packet
      repetition.marker = false
      state = .repeatingEnd(packet: repetition, sent: 1)
    } else {
      state = .tone(code: code, timestamp: timestamp, elapsedTicks: elapsed)
    }
    return packet
  }
}
