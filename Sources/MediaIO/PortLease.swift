import Base

/// One bound UDP port. It returns to its pool when the last reference goes: keep it until the leg is handed to a loop.
public final class PortLease: Sendable {
  /// The bound address, as an SDP may name it unless a public address stands before it.
  public let local: Endpoint
  var descriptor: Int32 { socket.descriptor }
  private let socket: UDPSocket
  private let pool: PortPool

  init(_ socket: consuming UDPSocket, of pool: PortPool) {
    local = socket.local
    self.socket = socket
    self.pool = pool
  }

  deinit { pool.takeBack(local.port) }
}
