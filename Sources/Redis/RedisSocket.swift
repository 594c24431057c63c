import Base
import CLinux
import Glibc
import Linux

/// One TCP connection, with TLS where that is asked for; non-blocking.
///
/// A class because the loop's table holds it and it owns a descriptor; confined to the loop's thread.
final class RedisSocket {
  /// Bytes that wait for the network: a Redis that reads so slowly is as good as gone.
  static let outgoingLimit = 8 << 20

  private static let compactionByteCount = 64 << 10

  private enum State { case connecting, handshaking, open }

  let descriptor: Int32
  private var state = State.connecting
  private var tls: TLSStream?
  private var outgoing: [UInt8] = []
  private var sent = 0

  /// Begins to connect.
  init(to endpoint: Endpoint, host: String, tls settings: TLSSettings?) throws(RedisFault) {
    let descriptor = socket(endpoint.address.isIPv4 ? AF_INET : AF_INET6, clinux_tcp_socket_type, 0)
    guard descriptor >= 0 else { throw Self.fault(errno) }
    self.descriptor = descriptor
    if let settings {
      guard let stream = TLSStream(settings, towards: host) else { throw RedisFault("no memory for TLS") }
      tls = consume stream
    }
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    guard fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0,
      SocketAddress.with(endpoint, { connect(descriptor, $0, $1) }) == 0 || errno == EINPROGRESS
    else { throw Self.fault(errno) }
  }

  deinit { close(descriptor) }

  /// What poll(2) should wait for.
  var interest: Int16 {
    let wantsToWrite = if case .connecting = state { true } else { sent < outgoing.count }
    return Int16(POLLIN) | (wantsToWrite ? Int16(POLLOUT) : 0)
  }

  /// The descriptor can be written to. True: it has just become usable.
  func writable() throws(RedisFault) -> Bool {
    if case .connecting = state {
      var code: Int32 = 0
      var length = socklen_t(MemoryLayout<Int32>.size)
      guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0, code == 0 else { throw Self.fault(code) }
      if tls == nil {
        state = .open
        return true
      }
      state = .handshaking
      _ = try advance([])
      return false
    }
    try flush()
    return false
  }

  /// The descriptor can be read. Plaintext, and whether it has just become usable.
  func readable() throws(RedisFault) -> (bytes: [UInt8], isNewlyOpen: Bool) {
    if case .connecting = state { return ([], false) }
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &chunk, chunk.count, 0)
    guard count != 0 else { throw RedisFault("the server closed the connection") }
    guard count > 0 else {
      guard errno == EAGAIN || errno == EINTR else { throw Self.fault(errno) }
      return ([], false)
    }
    let bytes = Array(chunk[..<count])
    return tls == nil ? (bytes, false) : try advance(bytes)
  }

  private func advance(_ bytes: [UInt8]) throws(RedisFault) -> (bytes: [UInt8], isNewlyOpen: Bool) {
    let plaintext: [UInt8]
    do throws(RedisFault) {
      plaintext = try tls?.receive(bytes) ?? bytes
    } catch {
      // The alert that tells the server why.
      outgoing += tls?.ciphertext() ?? []
      try? flush()
      throw error
    }
    outgoing += tls?.ciphertext() ?? []
    try flush()
    guard case .handshaking = state, tls?.isEstablished == true else { return (plaintext, false) }
    state = .open
    return (plaintext, true)
  }

  /// Only once it is usable.
  func send(_ bytes: [UInt8]) throws(RedisFault) {
    guard case .open = state else { return }
    if tls == nil {
      outgoing += bytes
    } else {
      try tls?.send(bytes)
      outgoing += tls?.ciphertext() ?? []
    }
    guard outgoing.count - sent <= Self.outgoingLimit else { throw RedisFault("the server does not read what it gets") }
    try flush()
  }

  private func flush() throws(RedisFault) {
    while sent < outgoing.count {
      let count = outgoing.withUnsafeBytes { bytes in
        Glibc.send(descriptor, bytes.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count >= 0 else {
        guard errno == EAGAIN || errno == EINTR else { throw Self.fault(errno) }
        return compact()
      }
      sent += count
    }
    outgoing.removeAll(keepingCapacity: true)
    sent = 0
  }

  /// A backlog that never empties must not keep what has left it.
  private func compact() {
    guard sent >= Self.compactionByteCount else { return }
    outgoing.removeFirst(sent)
    sent = 0
  }

  private static func fault(_ code: Int32) -> RedisFault { RedisFault(String(cString: strerror(code))) }
}
