import Base

/// A session description (RFC 8866): what a SIP body or a WebRTC offer says, line by line.
public struct SessionDescription: Hashable, Sendable {
  /// The `o=` line (RFC 8866 §5.2). Identifiers stay text: peers write more digits than 64 bits hold.
  public struct Origin: Hashable, Sendable {
    public var username: String
    public var sessionID: String
    public var version: String
    public var address: ConnectionAddress

    public init(username: String = "-", sessionID: String, version: String, address: ConnectionAddress) {
      self.username = username
      self.sessionID = sessionID
      self.version = version
      self.address = address
    }
  }

  public var origin: Origin
  public var sessionName: String
  /// The session's `c=`; each media section may have its own.
  public var connection: ConnectionAddress?
  public var attributes: [SDPAttribute]
  public var media: [MediaDescription]

  public init(
    origin: Origin, sessionName: String = "-", connection: ConnectionAddress? = nil, attributes: [SDPAttribute] = [],
    media: [MediaDescription] = []
  ) {
    self.origin = origin
    self.sessionName = sessionName
    self.connection = connection
    self.attributes = attributes
    self.media = media
  }

  /// The address a section's media goes to: its own `c=`, else the session's (RFC 8866 §5.7).
  public func connection(of section: MediaDescription) -> ConnectionAddress? { section.connection ?? connection }

  /// The direction of a section: its own attribute, else the session's, else `sendrecv` (RFC 8866 §6.7).
  public func direction(of section: MediaDescription) -> MediaDirection {
    section.attributes.direction ?? attributes.direction ?? .sendRecv
  }
}

/// What `c=` and `o=` hold: network type `IN`, a family, an address (RFC 8866 §5.7).
public struct ConnectionAddress: Hashable, Sendable {
  /// As written, without a multicast TTL or count: an address or a host name.
  public var host: String
  public var isIPv6: Bool

  public init(host: String, isIPv6: Bool) {
    self.host = host
    self.isIPv6 = isIPv6
  }

  public init(_ address: IPAddress) { self.init(host: address.description, isIPv6: !address.isIPv4) }

  /// Nil when the host is a name, or an address of the other family.
  public var address: IPAddress? {
    guard let address = IPAddress(host), address.isIPv4 != isIPv6 else { return nil }
    return address
  }
}

/// One `a=` line: a name alone, or a name and a value (RFC 8866 §5.13).
public struct SDPAttribute: Hashable, Sendable {
  public var name: String
  public var value: String?

  public init(_ name: String, _ value: String? = nil) {
    self.name = name
    self.value = value
  }
}

extension [SDPAttribute] {
  /// The value of the first attribute of that name; empty text when it has none. Nil when it is not there.
  public func value(_ name: String) -> String? { first { $0.name == name }.map { $0.value ?? "" } }

  public func values(_ name: String) -> [String] { compactMap { $0.name == name ? $0.value ?? "" : nil } }

  public func contains(_ name: String) -> Bool { contains { $0.name == name } }

  /// The direction attribute, when there is one.
  public var direction: MediaDirection? {
    for attribute in self where attribute.value == nil {
      if let direction = MediaDirection(rawValue: attribute.name) { return direction }
    }
    return nil
  }
}

/// Who sends, seen from the side whose description it is (RFC 3264 §5.1).
public enum MediaDirection: String, Hashable, Sendable, CaseIterable {
  case sendRecv = "sendrecv"
  case sendOnly = "sendonly"
  case recvOnly = "recvonly"
  case inactive

  public init(sends: Bool, receives: Bool) {
    self = sends ? (receives ? .sendRecv : .sendOnly) : (receives ? .recvOnly : .inactive)
  }

  public var sends: Bool { self == .sendRecv || self == .sendOnly }
  public var receives: Bool { self == .sendRecv || self == .recvOnly }

  /// The same state seen from the other side.
  public var reversed: MediaDirection { MediaDirection(sends: receives, receives: sends) }

  /// What both allow, seen from one side.
  public func intersection(_ other: MediaDirection) -> MediaDirection {
    MediaDirection(sends: sends && other.sends, receives: receives && other.receives)
  }
}
