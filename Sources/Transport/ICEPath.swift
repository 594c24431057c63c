import Base

/// One way for datagrams between us and the peer: where they leave here, and the address of the other end.
public struct ICEPath: Hashable, Sendable {
  public var base: ICEBaseID
  public var remote: Endpoint

  public init(_ base: ICEBaseID, _ remote: Endpoint) {
    self.base = base
    self.remote = remote
  }
}

/// A socket, a relay or a connection of ours (the base of RFC 8445 §5.1.1). Chosen by the agent's owner, who alone knows
/// what it stands for.
public struct ICEBaseID: Hashable, Sendable {
  public let rawValue: UInt8

  public init(rawValue: UInt8) { self.rawValue = rawValue }
}

/// What an agent has to know of a base.
public struct ICEBase: Hashable, Sendable {
  public var id: ICEBaseID
  public var kind: ICECandidate.Kind
  public var isIPv4: Bool
  /// Higher is preferred among bases of one kind (RFC 8445 §5.1.2.1).
  public var localPreference: UInt16
  /// Of a connection, which leads to one peer address only (RFC 6544). Nil for datagrams.
  public var connectedTo: Endpoint?

  public init(
    id: ICEBaseID, kind: ICECandidate.Kind = .host, isIPv4: Bool = true, localPreference: UInt16 = .max,
    connectedTo: Endpoint? = nil
  ) {
    self.id = id
    self.kind = kind
    self.isIPv4 = isIPv4
    self.localPreference = localPreference
    self.connectedTo = connectedTo
  }

  /// RFC 8445 §5.1.2.1.
  public var priority: UInt32 { ICECandidate.priority(of: kind, localPreference: localPreference) }
  /// What the peer gives us when it learns of us by a check (RFC 8445 §7.1.1).
  var reflexivePriority: UInt32 {
    ICECandidate.priority(of: kind == .relayed ? .relayed : .peerReflexive, localPreference: localPreference)
  }
}
