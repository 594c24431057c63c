import Base

/// Our end of one peer connection's transport: what every section that we accept says about it.
public struct WebRTCTransport: Hashable, Sendable {
  public var ice: ICECredentials
  public var fingerprint: Fingerprint
  /// Host candidates, the preferred first. Never trickled: they stand in the description.
  public var candidates: [Endpoint]
  /// Our SCTP port and the largest message we take, in bytes.
  public var sctpPort: UInt16
  public var maxMessageSize: Int
  /// RFC 3550 CNAME of all our streams.
  public var cname: String

  public init(
    ice: ICECredentials, fingerprint: Fingerprint, candidates: [Endpoint], sctpPort: UInt16 = 5_000,
    maxMessageSize: Int = 65_536, cname: String = "trunkline"
  ) {
    self.ice = ice
    self.fingerprint = fingerprint
    self.candidates = candidates
    self.sctpPort = sctpPort
    self.maxMessageSize = maxMessageSize
    self.cname = cname
  }

  /// Where `c=` points; nothing reads it once ICE runs (RFC 8839 §4.1.3).
  var defaultEndpoint: Endpoint { candidates.first ?? Endpoint(.anyV4, 9) }

  func attributes(setup: DTLSSetup) -> [SDPAttribute] {
    var attributes = [
      SDPAttribute("ice-ufrag", ice.usernameFragment), SDPAttribute("ice-pwd", ice.password),
      SDPAttribute("fingerprint", fingerprint.description), SDPAttribute("setup", setup.rawValue),
    ]
    for (index, candidate) in candidates.enumerated() {
      // RFC 8445 §5.1.2.1: type preference 126 for host, then our order, component 1.
      let priority = 126 << 24 | (65_535 - min(index, 65_535)) << 8 | 255
      attributes.append(
        SDPAttribute(
          "candidate", "\(index + 1) 1 udp \(priority) \(candidate.address) \(candidate.port) typ host"))
    }
    attributes.append(SDPAttribute("end-of-candidates"))
    return attributes
  }
}

/// A track that we send on one section.
public struct OutgoingTrack: Hashable, Sendable {
  public var msid: MediaStreamID
  public var ssrc: UInt32

  public init(msid: MediaStreamID, ssrc: UInt32) {
    self.msid = msid
    self.ssrc = ssrc
  }
}

/// Number of descriptions one peer connection has written: they share the `o=` id and count its version up.
public struct WebRTCOrigin: Hashable, Sendable {
  public var sessionID: UInt64
  public var version: UInt64

  public init(sessionID: UInt64, version: UInt64 = 1) {
    // Read as a signed 64-bit number by libwebrtc.
    self.sessionID = sessionID & (1 << 62 - 1)
    self.version = version
  }

  var line: SessionDescription.Origin {
    .init(sessionID: String(sessionID), version: String(version), address: ConnectionAddress(.loopbackV4))
  }
}
