import Audio
import Base
import MediaCore
import RTP

/// A phone's RTP without sockets: packets to send, and a record of what it got.
public final class TestPhone {
  public let endpoint: Endpoint
  public let law: G711
  public var ssrc: UInt32
  public var sequenceNumber: UInt16 = 65_530
  public var timestamp: UInt32 = 0xFFFF_FE00
  public private(set) var packets: [GotPacket] = []
  public static let eventPayloadType: UInt8 = 101

  public init(at endpoint: Endpoint, law: G711 = .pcmu, ssrc: UInt32 = 0x1234_5678) {
    self.endpoint = endpoint
    self.law = law
    self.ssrc = ssrc
  }

  public var payloadType: UInt8 { law == .pcmu ? 0 : 8 }

  public func media(packetTime: Duration = .milliseconds(20), hasEvents: Bool = true) -> PhoneMedia {
    PhoneMedia(
      codec: law == .pcmu ? .pcmu : .pcma, payloadType: payloadType,
      eventPayloadType: hasEvents ? Self.eventPayloadType : nil, packetTime: packetTime, remote: endpoint)
  }

  /// The next audio packet.
  public func packet(_ samples: [Int16]) -> [UInt8] {
    defer {
      sequenceNumber &+= 1
      timestamp &+= UInt32(samples.count)
    }
    return TestPeer.rtp(header(payloadType), payload: Sound.encode(samples, law))
  }

  /// A packet of a telephone event that began at `start`; does not move the audio's clock.
  public func event(_ code: UInt8, start: UInt32, duration: UInt16, isEnd: Bool, marker: Bool = false) -> [UInt8] {
    defer { sequenceNumber &+= 1 }
    var header = header(Self.eventPayloadType)
    header.timestamp = start
    header.marker = marker
    let flags: UInt8 = isEnd ? 0x8A : 0x0A
    return TestPeer.rtp(header, payload: [code, flags, UInt8(duration >> 8), UInt8(duration & 0xFF)])
  }

  public func receive(_ datagram: [UInt8], at now: MonotonicTime) {
    guard let layout = RTPLayout.parse(datagram.span.bytes) else { return }
    packets.append(
      GotPacket(header: layout.header, payload: Array(datagram[layout.payload]), bytes: datagram, at: now))
  }

  public func forgetPackets() { packets = [] }

  /// The sound of all audio packets, one after the other.
  public var heard: [Int16] {
    packets.filter { $0.header.payloadType == payloadType }.flatMap { Sound.decode($0.payload, law) }
  }

  private func header(_ payloadType: UInt8) -> RTPHeader {
    RTPHeader(payloadType: payloadType, sequenceNumber: sequenceNumber, timestamp: timestamp, ssrc: ssrc)
  }
}
