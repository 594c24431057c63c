import Base
import CWebSockets
import Dispatch
import Linux

/// All that lives on the room client's thread: its connections by number, and look-ups of their hosts.
final class RoomClientLoop {
  var library: OpaquePointer?
  /// Set when the thread is to end.
  let stops: UnsafeMutablePointer<Bool>
  private let limits: WebSocketLimits
  private let mailbox: RoomClientMailbox
  private let onEvent: @Sendable (UInt64, RoomClient.Event) -> Void
  private var connections: [UInt64: RoomConnection] = [:]
  /// Those whose host is being looked up.
  private var waiting: [String: [(id: UInt64, target: RoomClient.Target)]] = [:]
  private var hosts: HostTable
  private var isEnding = false

  init(
    limits: WebSocketLimits, mailbox: RoomClientMailbox, onEvent: @escaping @Sendable (UInt64, RoomClient.Event) -> Void
  ) {
    self.limits = limits
    self.mailbox = mailbox
    self.onEvent = onEvent
    hosts = HostTable(limits: limits)
    stops = .allocate(capacity: 1)
    stops.initialize(to: false)
  }

  deinit { stops.deallocate() }

  // MARK: What is asked of it

  private func work() {
    let (commands, isLast) = mailbox.takeCommands()
    for command in commands {
      switch command {
      case .connect(let id, let target): find(id, target)
      case .send(let id, let bytes, let isBinary): send(id, bytes, isBinary: isBinary)
      case .close(let id): close(id)
      case .resolved(let host, let addresses): found(host, addresses)
      }
    }
    guard isLast else { return }
    isEnding = true
    waiting = [:]
    for id in connections.keys { close(id) }
    stopIfDone()
  }

  private func stopIfDone() {
    guard isEnding, connections.isEmpty else { return }
    stops.pointee = true
    // When a timer ends the last one, the library would wait for something to happen before it returns.
    if let library { cws_wake(library) }
  }

  private func find(_ id: UInt64, _ target: RoomClient.Target) {
    if let address = IPAddress(target.host) { return connect(id, target, address) }
    if let addresses = hosts.addresses(of: target.host, now: MonotonicClock.now()) {
      return connect(id, target, addresses.first)
    }
    let isAsked = waiting[target.host] != nil
    guard isAsked || waiting.count < limits.lookups else {
      return onEvent(id, .closed(reason: "too many host names are being looked up"))
    }
    waiting[target.host, default: []].append((id, target))
    if !isAsked { hosts.ask(target.host, answer: { [mailbox] in mailbox.post($0) }) }
  }

  private func found(_ host: String, _ addresses: [IPAddress]) {
    hosts.note(host, addresses, now: MonotonicClock.now())
    for (id, target) in waiting.removeValue(forKey: host) ?? [] { connect(id, target, addresses.first) }
  }

  private func connect(_ id: UInt64, _ target: RoomClient.Target, _ address: IPAddress?) {
    guard let address else { return onEvent(id, .closed(reason: "\(target.host) has no address")) }
    guard let library, let handle = Self.connect(library, id, target, address) else {
      hosts.noteFailure(of: address, host: target.host)
      return onEvent(id, .closed(reason: "no connection to \(address) could be begun"))
    }
    connections[id] = RoomConnection(handle: handle, host: target.host, address: address, limits: limits)
  }

  private static func connect(
    _ library: OpaquePointer, _ id: UInt64, _ target: RoomClient.Target, _ address: IPAddress
  ) -> OpaquePointer? {
    let name = target.host.contains(":") ? "[\(target.host)]" : target.host
    let isUsualPort = target.port == (target.isSecure ? 443 : 80)
    let host = isUsualPort ? name : "\(name):\(target.port)"
    return address.description.withCString { address in
      host.withCString { host in
        target.path.withCString { path in
          "Bearer \(target.token)".withCString { authorization in
            var target = cws_target(
              address: address, port: target.port, is_secure: target.isSecure, host: host, path: path,
              authorization: authorization)
            return cws_connect(library, id, &target)
          }
        }
      }
    }
  }

  private func send(_ id: UInt64, _ bytes: [UInt8], isBinary: Bool) {
    guard let connection = connections[id], connection.isOpen else { return }
    if connection.enqueue(bytes, isBinary: isBinary) {
      cws_want_write(connection.handle)
    } else {
      end(id, connection, code: 1008, .closed(reason: "the server does not take what it is sent"))
    }
  }

  private func close(_ id: UInt64) {
    for host in waiting.keys { waiting[host]?.removeAll { $0.id == id } }
    guard let connection = connections[id] else { return }
    connection.isSilent = true
    connection.closesWhenSent = true
    if connection.hasQueue { cws_hurry(connection.handle) } else { cws_close(connection.handle, 1000) }
  }

  /// Tells the end of a connection ahead of the library.
  private func end(_ id: UInt64, _ connection: RoomConnection, code: UInt16, _ event: RoomClient.Event) {
    guard !connection.isSilent else { return }
    connection.isSilent = true
    cws_close(connection.handle, code)
    onEvent(id, event)
  }

  // MARK: What the library tells

  private func opened(_ id: UInt64) {
    guard let connection = connections[id] else { return }
    connection.isOpen = true
    if !connection.isSilent { onEvent(id, .opened) }
  }

  private func received(_ id: UInt64, _ piece: UnsafeBufferPointer<UInt8>, isFirst: Bool, isLast: Bool, isBinary: Bool)
  {
    guard let connection = connections[id], !connection.isSilent else { return }
    switch connection.assemble(piece, isFirst: isFirst, isLast: isLast) {
    case .incomplete: break
    case .message(let bytes): onEvent(id, .message(bytes, isBinary: isBinary))
    case .tooLarge: end(id, connection, code: 1009, .closed(reason: "the server sent a message that is too large"))
    }
  }

  private func writable(_ id: UInt64) {
    guard let connection = connections[id] else { return }
    connection.writeNext()
    if connection.hasQueue {
      cws_want_write(connection.handle)
    } else if connection.closesWhenSent {
      cws_close(connection.handle, 1000)
    }
  }

  private func closed(_ id: UInt64, status: Int, reason: String) {
    guard let connection = connections.removeValue(forKey: id) else { return }
    defer { stopIfDone() }
    if !connection.isOpen, status == 0 { hosts.noteFailure(of: connection.address, host: connection.host) }
    guard !connection.isSilent else { return }
    onEvent(id, status == 0 ? .closed(reason: reason) : .refused(status: status))
  }

  // MARK: Callbacks

  private static func of(_ user: UnsafeMutableRawPointer?) -> RoomClientLoop? {
    user.map { Unmanaged<RoomClientLoop>.fromOpaque($0).takeUnretainedValue() }
  }

  static var handlers: cws_handlers {
    cws_handlers(
      opened: { user, id in RoomClientLoop.of(user)?.opened(id) },
      received: { user, id, bytes, count, isFirst, isLast, isBinary in
        let piece = UnsafeBufferPointer(start: bytes, count: count)
        RoomClientLoop.of(user)?.received(id, piece, isFirst: isFirst, isLast: isLast, isBinary: isBinary)
      },
      writable: { user, id in RoomClientLoop.of(user)?.writable(id) },
      closed: { user, id, status, reason in
        let text = reason.map { String(cString: $0) } ?? "the connection ended"
        RoomClientLoop.of(user)?.closed(id, status: Int(status), reason: text)
      },
      woken: { user in RoomClientLoop.of(user)?.work() })
  }
}
