import Audio
import Base
import Foundation
import Glibc
import Linux
import RTP
import SDP
import Synchronization

/// What the media thread of the test phone tells.
enum DialMediaEvent: Hashable, Sendable {
  case audioStarted
  case digit(Character)
  case digitsSent
  /// File and digits have been sent to their ends.
  case finished
}

/// What the media thread counted and kept.
struct DialMediaResult: Sendable {
  var recording = DialRecording()
  var sentPacketCount = 0
  var receivedPacketCount = 0
  var lostPacketCount = 0
  var jitter: Duration = .zero
  var receivedDigits = ""
}

/// The RTP side of the test phone: one socket, one thread, paced by the monotonic clock.
// @unchecked: everything but `shared` belongs to the thread that `run` starts; `shared` has its own lock.
final class DialMedia: @unchecked Sendable {
  private struct Shared {
    var media: NegotiatedMedia?
    var isStopped = false
  }

  /// A phone that was held up longer than this goes on from now and does not catch up.
  private static let lagLimit: Duration = .milliseconds(200)
  private static let sampleRateHz = 8000
  /// Packets that may overtake the 200 OK: five seconds of them.
  private static let earlyLimit = 250

  let local: Endpoint
  private let socket: ReplaySocket
  private let packetTime: Duration
  private let shared = Mutex(Shared())
  private let tell: @Sendable (DialMediaEvent) -> Void
  private var source: DialSound
  private var digits: Substring
  private var sender = TelephoneEventSender(clockRateHz: sampleRateHz)
  private var receiver = TelephoneEventReceiver(clockRateHz: sampleRateHz)
  private var reception = ReceptionStatistics(clockRateHz: sampleRateHz)
  private var result = DialMediaResult()
  private var header: RTPHeader
  private var isFirstPacket = true
  private var hasFinished = false
  private var hasDigits: Bool
  private var early: [(bytes: [UInt8], time: MonotonicTime)] = []

  /// Binds a free even port on `address`.
  init(
    on address: IPAddress, source: DialSound, digits: String, packetTimeMilliseconds: Int,
    tell: @escaping @Sendable (DialMediaEvent) -> Void
  ) throws {
    socket = try ReplaySocket.udp(on: address, isEven: true)
    local = socket.local
    self.source = source
    self.digits = digits[...]
    hasDigits = !digits.isEmpty
    packetTime = .milliseconds(packetTimeMilliseconds)
    self.tell = tell
    header = RTPHeader(
      payloadType: 0, sequenceNumber: .random(in: 0...0x7FFF), timestamp: .random(in: 0...UInt32.max),
      ssrc: .random(in: 1...UInt32.max))
  }

  /// Sends by this from now on.
  func use(_ media: NegotiatedMedia) { shared.withLock { $0.media = media } }

  func stop() { shared.withLock { $0.isStopped = true } }

  /// Sends and receives until `stop`.
  func run() async -> DialMediaResult {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread { continuation.resume(returning: self.loop()) }
    }
  }

  private func loop() -> DialMediaResult {
    var buffer = [UInt8](repeating: 0, count: 2048)
    var deadline = MonotonicClock.now()
    while true {
      let shared = shared.withLock { $0 }
      if shared.isStopped { break }
      receive(into: &buffer, shared.media)
      let now = MonotonicClock.now()
      if now >= deadline {
        if let media = shared.media { send(media) }
        deadline = now - deadline > Self.lagLimit ? now + packetTime : deadline + packetTime
      }
      wait(until: deadline)
    }
    result.lostPacketCount = Int(reception.lostPacketCount)
    result.jitter = reception.jitter
    return result
  }

  private func send(_ media: NegotiatedMedia) {
    let sampleCount = Int(packetTime.wholeMilliseconds) * Self.sampleRateHz / 1000
    defer { header.timestamp &+= UInt32(sampleCount) }
    let samples = source.next(sampleCount)
    defer { checkFinished() }
    guard media.direction.sends else { return }
    let event = nextEvent(media, packetTicks: UInt32(sampleCount))
    var packet = header
    packet.marker = event?.marker ?? isFirstPacket
    packet.timestamp = event?.timestamp ?? header.timestamp
    packet.payloadType = event == nil ? media.payloadType : media.telephoneEventPayloadType ?? 0
    let payloadByteCount = event == nil ? sampleCount : TelephoneEvent.byteCount
    var bytes = [UInt8](repeating: 0, count: RTPHeader.byteCount + payloadByteCount)
    write(packet, event?.event, samples, media.codec, into: &bytes)
    socket.send(bytes, to: media.remote)
    header.sequenceNumber &+= 1
    isFirstPacket = false
    result.sentPacketCount += 1
  }

  private func write(
    _ packet: RTPHeader, _ event: TelephoneEvent?, _ samples: [Int16], _ codec: AudioCodec, into bytes: inout [UInt8]
  ) {
    var span = bytes.mutableSpan
    var raw = span.mutableBytes
    packet.write(into: &raw)
    if let event {
      event.write(into: &raw, at: RTPHeader.byteCount)
    } else {
      Self.law(codec).encode(samples.span, into: &raw, at: RTPHeader.byteCount)
    }
  }

  /// The digit packet that goes out now; digits that the other side does not take count as sent.
  private func nextEvent(_ media: NegotiatedMedia, packetTicks: UInt32) -> TelephoneEventSender.Packet? {
    guard media.telephoneEventPayloadType != nil else {
      digits = ""
      return nil
    }
    if !sender.isBusy, !digits.isEmpty {
      let part = digits.prefix(TelephoneEventSender.maximumQueueCount)
      digits = digits.dropFirst(part.count)
      sender.enqueue(String(part))
    }
    return sender.next(timestamp: header.timestamp, packetTicks: packetTicks)
  }

  private func checkFinished() {
    let digitsAreOut = digits.isEmpty && !sender.isBusy
    if hasDigits, digitsAreOut {
      hasDigits = false
      tell(.digitsSent)
    }
    guard !hasFinished, digitsAreOut, source.isAtEnd else { return }
    hasFinished = true
    tell(.finished)
  }

  private func receive(into buffer: inout [UInt8], _ media: NegotiatedMedia?) {
    if let media, !early.isEmpty {
      for packet in early { take(packet.bytes[...], media, at: packet.time) }
      early = []
    }
    while let bytes = socket.receive(into: &buffer) {
      let now = MonotonicClock.now()
      if let media {
        take(bytes, media, at: now)
      } else {
        if early.count == Self.earlyLimit { early.removeFirst() }
        early.append((Array(bytes), now))
      }
    }
  }

  private func take(_ bytes: ArraySlice<UInt8>, _ media: NegotiatedMedia, at now: MonotonicTime) {
    let packet = bytes.span.bytes
    guard !bytes.isEmpty, DatagramKind(packet) == .rtp, let layout = RTPLayout.parse(packet) else { return }
    let header = layout.header
    let payload = packet.extracting(layout.payload)
    guard header.payloadType == media.payloadType || header.payloadType == media.telephoneEventPayloadType else {
      return
    }
    reception.received(header, payloadByteCount: payload.byteCount, at: now)
    if header.payloadType == media.telephoneEventPayloadType {
      guard let digit = receiver.receive(header, payload: payload, at: now) else { return }
      result.receivedDigits.append(digit.character)
      tell(.digit(digit.character))
    } else {
      if result.receivedPacketCount == 0 { tell(.audioStarted) }
      result.receivedPacketCount += 1
      var samples = [Int16](repeating: 0, count: payload.byteCount)
      var span = samples.mutableSpan
      Self.law(media.codec).decode(payload, into: &span)
      result.recording.add(samples, header, at: now)
    }
  }

  /// Sleeps until a packet comes or the time is there; poll(2) counts in milliseconds, the rest is slept off.
  private func wait(until deadline: MonotonicTime) {
    let left = deadline - MonotonicClock.now()
    guard left > .zero else { return }
    var entry = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
    if left >= .milliseconds(1) {
      poll(&entry, 1, Int32(left.wholeMilliseconds))
    } else {
      var rest = timespec(tv_sec: 0, tv_nsec: Int(left.wholeNanoseconds))
      nanosleep(&rest, nil)
    }
  }

  private static func law(_ codec: AudioCodec) -> G711 { codec == .pcmu ? .pcmu : .pcma }
}
