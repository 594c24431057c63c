import Audio
import Base
import Capture
import RTP
import SDP

/// The media of a replayed call: sends the captured packets when they are due, and measures what comes back.
struct ReplayPlayer {
  private let packets: [CapturedCall.Packet]
  private let timing: ReplayTiming
  private var next = 0
  private var answeredAt: MonotonicTime?
  /// When a packet of offset 0 is due.
  private var origin: MonotonicTime?
  /// Packets from this offset on wait.
  private var openOffset: Duration?
  private var media: NegotiatedMedia?

  private(set) var sentCount = 0
  private(set) var receivedCount = 0
  private(set) var digits = ""
  private var audioCount = 0
  private var audibleCount = 0
  private var statistics = ReceptionStatistics(clockRateHz: 8_000)
  private var events = TelephoneEventReceiver(clockRateHz: 8_000)
  private var samples = [Int16](repeating: 0, count: 2_048)
  /// Time in which the gateway may send, up to `countedUntil`.
  private var openTime: Duration = .zero
  private var countedUntil: MonotonicTime?

  /// Louder than line noise, in negative dBov.
  private static let audibleLevel: UInt8 = 50

  init(packets: [CapturedCall.Packet], timing: ReplayTiming) {
    self.packets = packets
    self.timing = timing
  }

  /// The media agreed now, when the capture's offsets begin, and the offset of what is being agreed on.
  mutating func update(_ media: NegotiatedMedia, origin: MonotonicTime, openOffset: Duration?, now: MonotonicTime) {
    countTime(to: now)
    self.media = media
    self.origin = origin
    self.openOffset = openOffset
    if answeredAt == nil { answeredAt = origin }
  }

  /// The next packet that is due, and where it goes.
  mutating func due(now: MonotonicTime) -> (bytes: [UInt8], destination: Endpoint)? {
    guard let deadline, now >= deadline, let media else { return nil }
    let packet = packets[next]
    next += 1
    sentCount += 1
    return (packet.bytes, media.remote)
  }

  /// When the next packet is due. Nil before the answer and after the last.
  var deadline: MonotonicTime? {
    guard let origin, next < packets.count, media?.remote.address.isUnspecified == false else { return nil }
    if let openOffset, packets[next].offset >= openOffset { return nil }
    return origin + timing.scaled(packets[next].offset)
  }

  mutating func receive(_ bytes: [UInt8], now: MonotonicTime) {
    guard let layout = RTPLayout.parse(bytes.span.bytes), let media else { return }
    receivedCount += 1
    statistics.received(layout.header, payloadByteCount: layout.payload.count, at: now)
    let payload = bytes.span.extracting(layout.payload).bytes
    if layout.header.payloadType == media.telephoneEventPayloadType {
      if let digit = events.receive(layout.header, payload: payload, at: now) { digits.append(digit.character) }
      return
    }
    guard layout.header.payloadType == media.payloadType else { return }
    audioCount += 1
    var decoded = samples.mutableSpan
    let count = (media.codec == .pcmu ? G711.pcmu : G711.pcma).decode(payload, into: &decoded)
    if AudioLevel.level(of: samples.span.extracting(first: count)) < Self.audibleLevel { audibleCount += 1 }
  }

  /// Writes what was measured.
  mutating func finish(into report: inout ReplayReport, now: MonotonicTime) {
    countTime(to: now)
    report.sentPacketCount = sentCount
    report.returnedPacketCount = receivedCount
    report.lostPacketCount = Int(max(0, statistics.lostPacketCount))
    report.returnedDigits = digits
    report.answeredSeconds = answeredAt.map { (now - $0).seconds } ?? 0
    if audioCount > 0 { report.audibleAudio = Double(audibleCount) / Double(audioCount) }
    if openTime > .zero, let media {
      // One packet less than fits: the first and the last are cut by the call's ends.
      let room = max(1, openTime.seconds * 1_000 / Double(media.packetTime) - 1)
      report.returnedAudio = min(1, Double(receivedCount) / room)
    }
    if sentCount < packets.count, let answeredAt {
      let seconds = (now - answeredAt).seconds
      report.notes.append("\(packets.count - sentCount) of \(packets.count) packets were not sent in \(seconds) s")
    }
    noteForeignPayload(into: &report)
  }

  private mutating func countTime(to now: MonotonicTime) {
    if let media, let countedUntil, media.direction.receives { openTime += now - countedUntil }
    countedUntil = now
  }

  /// Captured packets keep their payload type: say so when today's answer chose another.
  private func noteForeignPayload(into report: inout ReplayReport) {
    guard let media, !packets.isEmpty else { return }
    let types = Set(packets.compactMap { $0.bytes.count > 1 ? $0.bytes[1] & 0x7F : nil })
    guard !types.contains(media.payloadType) else { return }
    let list = types.sorted().map(String.init).joined(separator: ", ")
    report.notes.append("the capture sends payload types \(list), the gateway chose \(media.payloadType)")
  }
}
