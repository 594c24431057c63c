import Base

/// Reports each key press of a stream of telephone events once, whatever is lost, repeated or reordered (RFC 4733).
///
/// An event is known by the timestamp of its first instant, which all its packets carry; the marker bit and the end
/// bit may be lost and are not needed.
public struct TelephoneEventReceiver: Sendable {
  /// One event that was met.
  private struct Press {
    var timestamp: UInt32 = 0
    var code: UInt8 = 0
    var hasEnded = false
    var lastDurationTicks: UInt16 = 0
    var lastArrival = MonotonicTime.zero
  }

  /// Packets of an event come at least this often; later ones are of another.
  public static let quietTime = Duration.milliseconds(200)
  /// A packet of an ended event that comes this long after the last one is no repetition: the sender replays the
  /// same timestamps, as pcap players do.
  private static let replayTime = Duration.milliseconds(500)
  /// How far back a reordered packet may lie.
  private static let historyTime = Duration.seconds(5)
  private static let historyCount = 8

  private let clockRateHz: UInt32
  private let toldElsewhereUntil: MonotonicTime?
  private var ssrc: UInt32?
  private var presses = InlineArray<8, Press>(repeating: Press())
  private var count = 0

  /// - Parameter toldElsewhereUntil: the stream came to another receiver before, which told of a key that is held: up
  ///   to then the middle of a press is no new one.
  public init(clockRateHz: Int, toldElsewhereUntil: MonotonicTime? = nil) {
    self.clockRateHz = UInt32(max(1000, min(clockRateHz, 192_000)))
    self.toldElsewhereUntil = toldElsewhereUntil
  }

  /// The digit when this packet is the first of its press; otherwise nil.
  public mutating func receive(_ header: RTPHeader, payload: RawSpan, at now: MonotonicTime)
    -> DTMFDigit?
  {
    guard let event = TelephoneEvent(payload), let digit = DTMFDigit(code: event.code) else {
      return nil
    }
    if header.ssrc != ssrc {
      ssrc = header.ssrc
      count = 0
    }
    forget(before: now - Self.historyTime)
    if let index = index(of: header, event, at: now) {
      update(index, header, event, at: now)
      return nil
    }
    remember(header, event, at: now)
    return wasToldElsewhere(header, event, at: now) ? nil : digit
  }

  /// The first packet of a press has the marker, or at least covers no more than one packet's time.
  private func wasToldElsewhere(_ header: RTPHeader, _ event: TelephoneEvent, at now: MonotonicTime) -> Bool {
    guard let toldElsewhereUntil, now < toldElsewhereUntil else { return false }
    return !header.marker && UInt32(event.durationTicks) > clockRateHz / 40
  }

  /// True while a key is held: the audio beside it is the same tone and must not reach the room.
  public func isSounding(at now: MonotonicTime) -> Bool {
    for index in 0..<count
    where !presses[index].hasEnded && now - presses[index].lastArrival < Self.quietTime {
      return true
    }
    return false
  }

  private func index(of header: RTPHeader, _ event: TelephoneEvent, at now: MonotonicTime) -> Int? {
    for index in stride(from: count - 1, through: 0, by: -1) {
      let press = presses[index]
      guard press.code == event.code else { continue }
      if press.timestamp == header.timestamp {
        return isReplay(of: press, header, event, at: now) ? nil : index
      }
      if isContinuation(of: press, header, at: now) { return index }
    }
    return nil
  }

  private func isReplay(
    of press: Press, _ header: RTPHeader, _ event: TelephoneEvent, at now: MonotonicTime
  ) -> Bool {
    press.hasEnded && !event.isEnd && now - press.lastArrival > Self.replayTime
      && event.durationTicks < press.lastDurationTicks
  }

  /// A press longer than the duration field goes on in a new segment (RFC 4733 §2.5.1.3); and some senders move the
  /// timestamp with each packet, though no key is pressed twice within 60 ms.
  private func isContinuation(of press: Press, _ header: RTPHeader, at now: MonotonicTime) -> Bool {
    guard now - press.lastArrival < Self.quietTime else { return false }
    let distance = Int32(bitPattern: header.timestamp &- press.timestamp).magnitude
    if distance < clockRateHz * 3 / 50 { return true }
    return !press.hasEnded && !header.marker && (0xF000...0x1_0FFF).contains(distance)
  }

  private mutating func update(
    _ index: Int, _ header: RTPHeader, _ event: TelephoneEvent, at now: MonotonicTime
  ) {
    // A segment or a sender that moves the timestamp: the press is known by its latest one from here on.
    let isAhead = Int32(bitPattern: header.timestamp &- presses[index].timestamp) >= 0
    if isAhead { presses[index].timestamp = header.timestamp }
    presses[index].hasEnded = presses[index].hasEnded || event.isEnd
    if isAhead { presses[index].lastDurationTicks = event.durationTicks }
    presses[index].lastArrival = now
  }

  private mutating func remember(
    _ header: RTPHeader, _ event: TelephoneEvent, at now: MonotonicTime
  ) {
    if count == Self.historyCount { forget(at: 0) }
    presses[count] = Press(
      timestamp: header.timestamp, code: event.code, hasEnded: event.isEnd,
      lastDurationTicks: event.durationTicks,
      lastArrival: now)
    count += 1
  }

  private mutating func forget(before time: MonotonicTime) {
    while count > 0, presses[0].lastArrival < time { forget(at: 0) }
  }

  private mutating func forget(at index: Int) {
    for later in (index + 1)..<max(index + 1, count) { presses[later - 1] = presses[later] }
    count -= 1
  }
}
