import Base

/// Which side of ICE a transport takes (RFC 8445 §2.5).
public enum ICERole: Hashable, Sendable {
  /// It only answers: the server of a room. The peer checks, nominates and consents.
  case lite
  /// It checks too: the client of a room on another server.
  case full(ICEPeer)
}

/// What a full agent knows of its peer besides `TransportConfiguration.remoteUfrag`, which it needs.
public struct ICEPeer: Hashable, Sendable {
  /// Who nominates: the offerer, or whoever faces a lite agent (RFC 8445 §6.1.1).
  public var isControlling: Bool
  /// Random; settles a conflict of roles (RFC 8445 §7.3.1.1).
  public var tieBreaker: UInt64
  /// The peer's `a=ice-pwd`.
  public var remotePassword: String
  /// Those of the description; more may come by `MediaCommand.addRemoteCandidates`.
  public var remoteCandidates: [ICECandidate]
  /// The peer is spoken to through TURN servers alone.
  public var usesRelaysOnly: Bool

  public init(
    isControlling: Bool, tieBreaker: UInt64 = .random(in: .min ... .max), remotePassword: String,
    remoteCandidates: [ICECandidate] = [], usesRelaysOnly: Bool = false
  ) {
    self.isControlling = isControlling
    self.tieBreaker = tieBreaker
    self.remotePassword = remotePassword
    self.remoteCandidates = remoteCandidates
    self.usesRelaysOnly = usesRelaysOnly
  }
}

/// The peer's side of an ICE restart (RFC 8839 §4.4.1.1.1).
public struct ICERemote: Hashable, Sendable {
  public var ufrag: String
  public var password: String
  public var candidates: [ICECandidate]

  public init(ufrag: String, password: String, candidates: [ICECandidate] = []) {
    self.ufrag = ufrag
    self.password = password
    self.candidates = candidates
  }
}
