import Base

/// Our end of one peer connection's transport: what every section that we accept says about it.
public struct WebRTCTransport: Hashable, Sendable {
  public var ice: ICECredentials
  public var fingerprint: Fingerprint
  /// Host candidates, the preferred first. They stand in the description and are not trickled.
  public var candidates: [Endpoint]
  /// Our SCTP port and the largest message we take, in bytes.
  public var sctpPort: UInt16
  public var maxMessageSize: Int
  /// RFC 3550 CNAME of all our streams.
  public var cname: String
  /// An ICE-lite server, whose candidates all stand here; else a full agent, which may trickle more (RFC 8838 §4.1).
  public var isLite: Bool

  public init(
    ice: ICECredentials, fingerprint: Fingerprint, candidates: [Endpoint], sctpPort: UInt16 = 5_000,
    maxMessageSize: Int = 65_536, cname: String = "trunkline", isLite: Bool = true
  ) {
    self.ice = ice
    self.fingerprint = fingerprint
    self.candidates = candidates
    self.sctpPort = sctpPort
    self.maxMessageSize = maxMessageSize
    self.cname = cname
    self.isLite = isLite
  }

  /// Where `c=` points; nothing reads it once ICE runs (RFC 8839 §4.1.3).
  var defaultEndpoint: Endpoint { candidates.first ?? Endpoint(.anyV4, 9) }

  func attributes(setup: DTLSSetup) -> [SDPAttribute] {
    var attributes = [
      SDPAttribute("ice-ufrag", ice.usernameFragment), SDPAttribute("ice-pwd", ice.password),
      SDPAttribute("fingerprint", fingerprint.description), SDPAttribute("setup", setup.rawValue),
    ]
    for (index, endpoint) in candidates.enumerated() {
      // Our order is our preference.
      let priority = ICECandidate.priority(of: .host, localPreference: UInt16(65_535 - min(index, 65_535)))
      let candidate = ICECandidate(foundation: String(index + 1), priority: priority, endpoint: endpoint)
      attributes.append(SDPAttribute("candidate", candidate.attributeValue))
    }
    attributes.append(isLite ? SDPAttribute("end-of-candidates") : SDPAttribute("ice-options", "trickle"))
    return attributes
  }

  /// What stands before the sections of our descriptions.
  func sessionAttributes(bundle mids: [String]) -> [SDPAttribute] {
    var attributes = isLite ? [SDPAttribute("ice-lite")] : []
    if !mids.isEmpty { attributes.append(SDPAttribute("group", (["BUNDLE"] + mids).joined(separator: " "))) }
    attributes.append(SDPAttribute("msid-semantic", " WMS *"))
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
