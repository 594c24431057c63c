import Base
import FuzzDriver
import RTP

@main
enum RTPFuzzer {
  static func main() { fuzz(parse) }
}

/// Two bytes of time and length before each packet: a stream of RTP for all that a packet meets on its way.
private func parse(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let input = UnsafeRawBufferPointer(start: start, count: count)
  var path = PacketPath()
  var offset = 0
  while offset + 2 <= input.count {
    path.now += .milliseconds(Int(input[offset]))
    let end = min(input.count, offset + 2 + Int(input[offset + 1]))
    let packet = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: input[(offset + 2)..<end]))
    offset = end
    path.take(packet)
    path.drain()
    path.tick()
  }
  return 0
}

/// What receives the packets of one source, and what must hold whatever they say.
private struct PacketPath: ~Copyable {
  static let tickTicks = 960

  var now = MonotonicTime(nanoseconds: 1)
  private var reorderer = Reorderer()
  private var buffer = JitterBuffer(JitterBuffer.Configuration(clockRateHz: 48_000))
  private var retransmission = RetransmissionBuffer()
  private var statistics = ReceptionStatistics(clockRateHz: 48_000)
  private var latch = SourceLatch(
    negotiated: Endpoint(.loopbackV4, 4000), policy: .learn(preferring: nil))
  /// Read bytes end up here, so that the sanitizer sees every one of them.
  private var sum = 0

  init() {}

  mutating func take(_ packet: RawSpan) {
    _ = DatagramKind(packet)
    guard let layout = RTPLayout.parse(packet) else { return }
    for id in 0...15 as ClosedRange<UInt8> {
      guard let element = layout.extensionElement(id: id, in: packet) else { continue }
      precondition(element.lowerBound >= 0 && element.upperBound <= packet.byteCount, "element \(element)")
      _ = layout.audioLevel(id: id, in: packet)
    }
    let payload = packet.extracting(layout.payload)
    let port = layout.header.payloadType & 3
    _ = latch.check(Endpoint(.loopbackV4, 4001 + UInt16(port)), layout.header, at: now)
    statistics.received(layout.header, payloadByteCount: payload.byteCount, at: now)
    if port == 0 { _ = statistics.reportBlock(at: now) }
    retransmission.insert(sequenceNumber: layout.header.sequenceNumber, packet: packet)
    var length = -1
    let isFound = retransmission.withPacket(layout.header.sequenceNumber) { length = $0.byteCount }
    precondition(isFound && length == packet.byteCount, "the packet sent last is not there to send again")
    if layout.header.payloadType == 101 {
      _ = reorderer.skip(layout.header, at: now)
    } else {
      _ = reorderer.insert(layout.header, payload: payload, durationTicks: payload.byteCount, at: now)
    }
    _ = buffer.insert(
      layout.header, payload: payload, durationTicks: payload.byteCount * 6, isSilent: layout.header.marker, at: now)
    precondition(buffer.bufferedDuration <= .milliseconds(1500), "the jitter buffer holds \(buffer.bufferedDuration)")
  }

  mutating func drain() {
    var outputs = 0
    while let output = reorderer.next(at: now) {
      outputs += 1
      precondition(outputs <= 100, "one packet released \(outputs) pieces")
      switch output {
      case .packet(let packet): sum &+= reorderer.withPayload(of: packet) { $0.sum }
      case .lost(let ticks): precondition((1...1600).contains(ticks), "\(ticks) ticks lost")
      case .gap(let ticks): precondition(ticks > 0, "a gap of \(ticks) ticks")
      }
    }
  }

  mutating func tick() {
    var wanted = Self.tickTicks
    while wanted > 0 {
      switch buffer.next(at: now, wanted: wanted) {
      case .packet(let packet):
        sum &+= buffer.withPayload(of: packet) { $0.sum }
        precondition(packet.durationTicks > 0, "a packet without time")
        wanted -= packet.durationTicks
      case .conceal(let ticks, let successor):
        precondition((1...wanted).contains(ticks), "\(ticks) of \(wanted) ticks concealed")
        if let successor { sum &+= buffer.withPayload(of: successor) { $0.sum } }
        wanted -= ticks
      case .silence: wanted = 0
      }
    }
  }
}

extension RawSpan {
  fileprivate var sum: Int { withUnsafeBytes { bytes in bytes.reduce(0) { $0 &+ Int($1) } } }
}
