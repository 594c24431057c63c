import Base
import CLinux
import Glibc
import MediaCore

/// The TCP connections of one loop, behind an epoll descriptor of their own. They are the way out of networks that let
/// no datagram through, so that there are few, and they may allocate.
struct StreamTable: ~Copyable {
  enum Event {
    case opened(MediaPort)
    case closed(MediaPort)
    /// Valid until the next event.
    case packet(MediaPort, from: Endpoint, UnsafeMutableRawBufferPointer)
  }

  private var poller: Poller
  private let authorities: TLSAuthorities?
  /// By `MediaPort.streamNumber`.
  private var connections: [UnsafeMutablePointer<StreamConnection>?] = []
  private let scratch: UnsafeMutableRawBufferPointer
  /// Connections that something may have happened to.
  private var ready: [Int] = []
  /// Connections that could not be made.
  private var stillborn: [Int] = []
  private(set) var sentCount: UInt64 = 0

  init(poller: consuming Poller, authorities: TLSAuthorities?) {
    self.poller = poller
    self.authorities = authorities
    scratch = .allocate(byteCount: StreamConnection.scratchByteCount, alignment: 16)
    scratch.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit {
    for connection in connections {
      connection?.deinitialize(count: 1)
      connection?.deallocate()
    }
    scratch.deallocate()
  }

  /// Can be read when some connection needs attention.
  var descriptor: Int32 { poller.descriptor }

  mutating func perform(_ order: StreamOrder, at now: MonotonicTime) {
    switch order {
    case .open(let port, let configuration):
      guard let number = port.streamNumber else { return }
      while connections.count <= number { connections.append(nil) }
      guard let made = StreamConnection(configuration, authorities: authorities, at: now) else {
        stillborn.append(number)
        return
      }
      let connection = UnsafeMutablePointer<StreamConnection>.allocate(capacity: 1)
      connection.initialize(to: made)
      connections[number] = connection
      poller.add(connection.pointee.descriptor, token: UInt64(number), alsoWritable: true)
    case .close(let port):
      guard let number = port.streamNumber else { return }
      remove(number)
      // The number may be another connection's before this one's end is told.
      stillborn.removeAll { $0 == number }
    }
  }

  /// Looks which connections need attention. Call `nextEvent` afterwards, until it returns nil.
  mutating func poll() {
    for index in 0..<poller.poll() { attend(Int(poller.token(index))) }
  }

  /// Ends connections that take too long to be made; on each tick, then `nextEvent`.
  mutating func expire(at now: MonotonicTime) {
    for number in connections.indices {
      if let connection = connections[number], connection.pointee.isOverdue(at: now) {
        remove(number)
        stillborn.append(number)
      }
    }
  }

  mutating func nextEvent() -> Event? {
    if let number = stillborn.popLast() { return .closed(.stream(number)) }
    while let number = ready.last {
      guard let connection = connections[number] else {
        ready.removeLast()
        continue
      }
      switch connection.pointee.step(scratch) {
      case .opened:
        watch(connection, number)
        return .opened(.stream(number))
      case .packet(let bytes): return .packet(.stream(number), from: connection.pointee.endpoint, bytes)
      case .closed:
        ready.removeLast()
        remove(number)
        return .closed(.stream(number))
      case .idle:
        ready.removeLast()
        watch(connection, number)
      }
    }
    return nil
  }

  /// Sends one packet, framed already. Dropped when the connection is not open or does not keep up.
  mutating func send(_ packet: UnsafeRawBufferPointer, by port: MediaPort) {
    guard let number = port.streamNumber, number < connections.count, let connection = connections[number] else {
      return
    }
    connection.pointee.send(packet, scratch)
    sentCount += 1
    if connection.pointee.wantsToWrite { watch(connection, number) }
  }

  private mutating func attend(_ number: Int) {
    guard number < connections.count, let connection = connections[number] else { return }
    connection.pointee.beginTurn()
    connection.pointee.flush()
    ready.append(number)
  }

  private func watch(_ connection: UnsafeMutablePointer<StreamConnection>, _ number: Int) {
    poller.change(
      connection.pointee.descriptor, token: UInt64(number), alsoWritable: connection.pointee.wantsToWrite)
  }

  private mutating func remove(_ number: Int) {
    guard number < connections.count, let connection = connections[number] else { return }
    connections[number] = nil
    connection.pointee.flush()
    poller.remove(connection.pointee.descriptor)
    connection.deinitialize(count: 1)
    connection.deallocate()
  }
}
