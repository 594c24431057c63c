import Base
import CLinux
import Glibc
import Linux
import MediaCore
import Transport

/// One TCP connection, with TLS or without, that carries packets.
///
///     connecting ──▶ securing (TLS only) ──▶ open ──end, error, time out──▶ closed
struct StreamConnection: ~Copyable {
  enum Step {
    /// Nothing more for the moment.
    case idle
    case opened
    /// Valid until the next step.
    case packet(UnsafeMutableRawBufferPointer)
    case closed
  }

  private enum State { case connecting, securing, open, closed }

  /// Of packets that the network does not take at once: two seconds of several calls.
  private static let outboxByteLimit = 256 << 10
  /// Reads from the socket in one turn.
  private static let readLimit = 8
  private static let connectTimeout = Duration.seconds(5)
  /// A TLS record and the beginning of a frame before it.
  private static let inboxByteCount = (16 << 10) + StreamFraming.maximumFrameByteCount
  static let scratchByteCount = 16 << 10

  let descriptor: Int32
  let endpoint: Endpoint
  private let framing: StreamFraming
  private var tls: TLSStream?
  private var state = State.connecting
  private let openedAt: MonotonicTime
  private let inbox: UnsafeMutableRawBufferPointer
  private var inboxRange = 0..<0
  private var readCount = 0
  private var outbox: [UInt8] = []
  /// Packets that found the outbox full.
  private(set) var droppedCount: UInt64 = 0

  /// Begins to connect (connect(2)). Nil when that fails at once, or TLS is wanted and there is nobody to trust.
  init?(_ configuration: StreamConfiguration, authorities: TLSAuthorities?, at now: MonotonicTime) {
    if let name = configuration.tlsName {
      guard let authorities else { return nil }
      tls = TLSStream(authorities, towards: name)
      if tls == nil { return nil }
    } else {
      tls = nil
    }
    let family = configuration.endpoint.address.isIPv4 ? AF_INET : AF_INET6
    let descriptor = socket(family, clinux_tcp_socket_type, 0)
    guard descriptor >= 0 else { return nil }
    self.descriptor = descriptor
    endpoint = configuration.endpoint
    framing = configuration.framing
    openedAt = now
    inbox = .allocate(byteCount: Self.inboxByteCount, alignment: 16)
    inbox.initializeMemory(as: UInt8.self, repeating: 0)
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    let result = SocketAddress.with(endpoint) { Glibc.connect(descriptor, $0, $1) }
    // The descriptor is closed by deinit from here on.
    if result != 0, errno != EINPROGRESS { state = .closed }
  }

  deinit {
    close(descriptor)
    inbox.deallocate()
  }

  /// Wants to know when something can be written.
  var wantsToWrite: Bool { state == .connecting || !outbox.isEmpty }

  func isOverdue(at now: MonotonicTime) -> Bool {
    state != .open && (state == .closed || now - openedAt >= Self.connectTimeout)
  }

  /// A new turn: so much may be read again.
  mutating func beginTurn() { readCount = 0 }

  /// Does what can be done next. `scratch` has `scratchByteCount` bytes.
  mutating func step(_ scratch: UnsafeMutableRawBufferPointer) -> Step {
    switch state {
    case .connecting: return connect(scratch)
    case .securing: return secure(scratch)
    case .open: return read(scratch)
    case .closed: return .closed
    }
  }

  /// Queues one packet, framed already, and sends what can be sent. Dropped before the connection is open.
  mutating func send(_ packet: UnsafeRawBufferPointer, _ scratch: UnsafeMutableRawBufferPointer) {
    guard state == .open, outbox.count + packet.count <= Self.outboxByteLimit else {
      droppedCount += 1
      return
    }
    guard let isEncrypted = tls?.write(packet) else { return write(packet) }
    if !isEncrypted { droppedCount += 1 }
    flushTLS(scratch)
  }

  /// Sends what waits.
  mutating func flush() {
    guard state != .connecting, !outbox.isEmpty else { return }
    let sent = outbox.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Self.sendFlags) }
    if sent > 0 { outbox.removeFirst(sent) }
  }

  private mutating func connect(_ scratch: UnsafeMutableRawBufferPointer) -> Step {
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0, code == 0 else { return end() }
    var address = SocketAddress()
    var addressLength = socklen_t(SocketAddress.byteCount)
    let isConnected = withUnsafeMutableBytes(of: &address) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) { getpeername(descriptor, $0.baseAddress, &addressLength) == 0 }
    }
    guard isConnected else { return errno == ENOTCONN ? .idle : end() }
    guard tls != nil else {
      state = .open
      return .opened
    }
    state = .securing
    return secure(scratch)
  }

  private mutating func secure(_ scratch: UnsafeMutableRawBufferPointer) -> Step {
    switch tls?.handshake() ?? .failed {
    case .failed:
      flushTLS(scratch)
      return end()
    case .complete:
      flushTLS(scratch)
      state = .open
      return .opened
    case .underWay: flushTLS(scratch)
    }
    switch receive(into: scratch) {
    case .none: return .idle
    case .some(let count):
      guard count > 0, feed(scratch, count) else { return end() }
      return secure(scratch)
    }
  }

  private mutating func read(_ scratch: UnsafeMutableRawBufferPointer) -> Step {
    while true {
      let bytes = UnsafeRawBufferPointer(rebasing: inbox[inboxRange]).bytes
      switch framing.first(in: bytes) {
      case .broken: return end()
      case .packet(let range, let end):
        let start = inboxRange.lowerBound
        inboxRange = (start + end)..<inboxRange.upperBound
        return .packet(
          UnsafeMutableRawBufferPointer(rebasing: inbox[(start + range.lowerBound)..<(start + range.upperBound)]))
      case .incomplete: break
      }
      compact()
      switch fillInbox(scratch) {
      case .more: continue
      case .nothing: return .idle
      case .over: return end()
      }
    }
  }

  private enum Filling { case more, nothing, over }

  private mutating func fillInbox(_ scratch: UnsafeMutableRawBufferPointer) -> Filling {
    let room = UnsafeMutableRawBufferPointer(rebasing: inbox[inboxRange.upperBound...])
    guard tls != nil else {
      guard readCount < Self.readLimit, let count = receive(into: room) else { return .nothing }
      guard count > 0 else { return .over }
      inboxRange = inboxRange.lowerBound..<(inboxRange.upperBound + count)
      return .more
    }
    switch tls?.read(into: room) ?? .over {
    case .bytes(let count):
      inboxRange = inboxRange.lowerBound..<(inboxRange.upperBound + count)
      return .more
    case .over: return .over
    case .empty: break
    }
    guard readCount < Self.readLimit, let count = receive(into: scratch) else { return .nothing }
    return count > 0 && feed(scratch, count) ? .more : .over
  }

  /// Makes room behind what is in the inbox.
  private mutating func compact() {
    guard inboxRange.lowerBound > 0, let start = inbox.baseAddress else { return }
    start.copyMemory(from: start + inboxRange.lowerBound, byteCount: inboxRange.count)
    inboxRange = 0..<inboxRange.count
  }

  /// recv(2). Nil when nothing waits; zero at the end or after an error.
  private mutating func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
    readCount += 1
    let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
    if count > 0 { return count }
    return count < 0 && (errno == EAGAIN || errno == EINTR) ? nil : 0
  }

  private mutating func write(_ bytes: UnsafeRawBufferPointer) {
    var sent = 0
    if outbox.isEmpty { sent = max(0, Glibc.send(descriptor, bytes.baseAddress, bytes.count, Self.sendFlags)) }
    if sent < bytes.count { outbox += bytes[sent...] }
  }

  private mutating func flushTLS(_ scratch: UnsafeMutableRawBufferPointer) {
    while true {
      let count = tls?.takeCiphertext(into: scratch) ?? 0
      guard count > 0 else { return }
      write(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
    }
  }

  private mutating func feed(_ ciphertext: UnsafeMutableRawBufferPointer, _ count: Int) -> Bool {
    tls?.feed(UnsafeRawBufferPointer(rebasing: ciphertext[..<count])) ?? false
  }

  private mutating func end() -> Step {
    state = .closed
    return .closed
  }

  private static let sendFlags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
}
