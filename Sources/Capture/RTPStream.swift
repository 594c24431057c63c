import Base
import RTP

/// The RTP packets of one source, in the order captured.
public struct RTPStream: Hashable, Sendable {
  public struct ID: Hashable, Sendable {
    public var source: Endpoint
    public var destination: Endpoint
    public var ssrc: UInt32
  }

  public let id: ID
  public var packets: [CapturedDatagram]
}

extension CapturedTraffic {
  /// The RTP streams, by time of their first packet. RTCP and whatever else is no RTP is left out.
  public var rtpStreams: [RTPStream] {
    var streams: [RTPStream] = []
    var places: [RTPStream.ID: Int] = [:]
    for datagram in datagrams {
      guard let layout = datagram.rtp else { continue }
      let id = RTPStream.ID(
        source: datagram.source, destination: datagram.destination, ssrc: layout.header.ssrc)
      if let place = places[id] {
        streams[place].packets.append(datagram)
      } else if streams.count < CaptureLimits.flowCount {
        places[id] = streams.count
        streams.append(RTPStream(id: id, packets: [datagram]))
      }
    }
    return streams
  }
}

extension CapturedDatagram {
  /// Header and payload place, when the datagram is an RTP packet and not RTCP (RFC 5761 §4).
  public var rtp: RTPLayout? {
    guard payload.count >= RTPHeader.byteCount, !(192...223).contains(payload[1]) else { return nil }
    return RTPLayout.parse(payload.span.bytes)
  }
}
