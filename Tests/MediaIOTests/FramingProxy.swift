import Base
import Foundation
import Glibc
import Linux
import Synchronization

/// A passive ICE/TCP candidate in front of a peer that has UDP alone: packets with a length before them (RFC 4571) on
/// one side, datagrams on the other. Each connection has a socket of its own towards the peer.
final class FramingProxy: Sendable {
  let local: Endpoint
  private let listener: Int32
  private let connections = Mutex<[Int32]>([])
  private let isStopped = Atomic<Bool>(false)

  init?(towards peer: Endpoint) {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let isBound = SocketAddress.with(Endpoint(.loopbackV4, 0)) { [listener] in bind(listener, $0, $1) == 0 }
    guard isBound, listen(listener, 8) == 0, let local = SocketAddress.local(of: listener) else {
      close(listener)
      return nil
    }
    self.local = local
    let thread = Thread { [self] in accept(towards: peer) }
    thread.start()
  }

  func stop() {
    isStopped.store(true, ordering: .relaxed)
    shutdown(listener, Int32(SHUT_RDWR))
    cut()
  }

  /// Ends the connections that are there; new ones are taken.
  func cut() { for descriptor in connections.withLock({ $0 }) { shutdown(descriptor, Int32(SHUT_RDWR)) } }

  var connectionCount: Int { connections.withLock { $0.count } }

  private func accept(towards peer: Endpoint) {
    while !isStopped.load(ordering: .relaxed) {
      let connection = Glibc.accept(listener, nil, nil)
      guard connection >= 0 else { break }
      connections.withLock { $0.append(connection) }
      Thread { [self] in carry(connection, to: peer) }.start()
    }
    close(listener)
  }

  private func carry(_ connection: Int32, to peer: Endpoint) {
    guard let datagrams = TestSocket() else { return }
    var waiting: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = recv(connection, &chunk, chunk.count, Int32(MSG_DONTWAIT))
      if count == 0 || count < 0 && errno != EAGAIN { break }
      if count > 0 { waiting += chunk[..<count] }
      while waiting.count >= 2 {
        let end = 2 + Int(waiting[0]) << 8 + Int(waiting[1])
        guard waiting.count >= end else { break }
        datagrams.send(Array(waiting[2..<end]), to: peer)
        waiting.removeFirst(end)
      }
      while let datagram = datagrams.receive() {
        let framed = [UInt8(datagram.count >> 8), UInt8(datagram.count & 0xFF)] + datagram
        _ = Glibc.send(connection, framed, framed.count, Int32(MSG_NOSIGNAL))
      }
      if count < 0 { TestSocket.wait(until: TestSocket.now() + .milliseconds(1)) }
    }
    connections.withLock { $0.removeAll { $0 == connection } }
    close(connection)
  }
}
