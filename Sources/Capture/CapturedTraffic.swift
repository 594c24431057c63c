import Base

/// A SIP message of a capture.
public struct CapturedMessage: Hashable, Sendable {
  /// How SIP travels.
  public enum Transport: String, Hashable, Sendable, Codable, CaseIterable {
    case udp, tcp
  }

  /// Since the first frame of the capture.
  public var time: Duration
  public var source: Endpoint
  public var destination: Endpoint
  public var transport: Transport
  public var message: SIPMessage
}

/// A UDP datagram of a capture that is not SIP.
public struct CapturedDatagram: Hashable, Sendable {
  /// Since the first frame of the capture.
  public var time: Duration
  public var source: Endpoint
  public var destination: Endpoint
  public var payload: [UInt8]
}

/// What a capture file holds for us, on whatever ports: SIP messages over UDP and TCP, and other datagrams.
public struct CapturedTraffic: Sendable {
  public private(set) var messages: [CapturedMessage] = []
  public private(set) var datagrams: [CapturedDatagram] = []
  /// Frames without UDP or TCP that we could read.
  public private(set) var ignoredFrameCount = 0

  private struct FlowID: Hashable {
    var source: Endpoint
    var destination: Endpoint
  }

  /// Reads a whole pcap or pcapng file.
  public init(_ file: [UInt8]) throws(CaptureError) {
    let frames = try CaptureFile.frames(of: file)
    let start = frames.first?.time ?? 0
    var fragments = FragmentTable()
    var flows: [FlowID: (flow: TCPFlow, reader: SIPStreamReader)] = [:]
    for frame in frames {
      guard let offset = LinkLayer.ipOffset(in: frame), let part = IPPacket(frame.bytes, from: offset) else {
        ignoredFrameCount += 1
        continue
      }
      guard let packet = fragments.take(part) else { continue }
      let bytes = FileBytes(bytes: packet.payload, isLittleEndian: false)
      guard packet.transport == IPPacket.udp || packet.transport == IPPacket.tcp, let from = bytes.uint16(at: 0),
        let to = bytes.uint16(at: 2)
      else {
        ignoredFrameCount += 1
        continue
      }
      let time = Duration.nanoseconds(frame.time &- start)
      let id = FlowID(source: Endpoint(packet.source, from), destination: Endpoint(packet.destination, to))
      if packet.transport == IPPacket.udp {
        takeDatagram(packet.payload, of: id, at: time)
      } else if let segment = TCPFlow.Segment(packet.payload),
        flows[id] != nil || flows.count < CaptureLimits.flowCount
      {
        let ordered = flows[id, default: (TCPFlow(), SIPStreamReader())].flow.take(segment)
        for message in flows[id]?.reader.take(ordered) ?? [] {
          append(message, of: id, over: .tcp, at: time)
        }
      }
    }
  }

  private mutating func takeDatagram(_ segment: [UInt8], of id: FlowID, at time: Duration) {
    let payload = Array(segment.dropFirst(8))
    if let message = SIPMessage(parsing: payload) {
      append(message, of: id, over: .udp, at: time)
    } else if !payload.isEmpty {
      datagrams.append(
        CapturedDatagram(time: time, source: id.source, destination: id.destination, payload: payload))
    }
  }

  private mutating func append(
    _ message: SIPMessage, of id: FlowID, over transport: CapturedMessage.Transport, at time: Duration
  ) {
    messages.append(
      CapturedMessage(
        time: time, source: id.source, destination: id.destination, transport: transport, message: message))
  }
}
