import Base

/// A TURN server (RFC 8656) through which a full agent may reach its peer. Its name is looked up by whoever makes this.
public struct ICEServer: Hashable, Sendable {
  /// How the server is spoken to. What it relays is UDP.
  public enum TransportProtocol: Hashable, Sendable {
    case udp, tcp, tls
  }

  public var endpoint: Endpoint
  public var transport: TransportProtocol
  /// The name in the server's certificate, for TLS.
  public var name: String
  public var username: String
  public var password: String

  public init(
    endpoint: Endpoint, transport: TransportProtocol = .udp, name: String = "", username: String, password: String
  ) {
    self.endpoint = endpoint
    self.transport = transport
    self.name = name
    self.username = username
    self.password = password
  }
}
