import Base

/// What is said on one connection: login, commands with their replies in order, messages. Bytes in, bytes out.
///
/// A class because a table holds it and it owns hiredis's reader; confined to whoever owns the table.
final class RedisSession {
  enum Purpose: Hashable, Sendable {
    /// PUBLISH and SET; in a cluster also SET on other nodes.
    case commands
    /// SUBSCRIBE; no commands beside it.
    case subscriptions
    /// Asks a Sentinel for the master.
    case sentinel
  }

  enum Event: Hashable, Sendable {
    /// Logged in.
    case ready
    case reply(UInt64, RESPValue)
    case message(channel: String, [UInt8])
    case subscribed(String)
  }

  struct Login: Hashable, Sendable {
    var username = ""
    var password = ""
    var database = 0
    /// Behind Sentinels: only a master will do.
    var mustBeMaster = false
  }

  /// A server that says nothing for so long is asked whether it is there.
  static let keepAliveInterval: Duration = .seconds(5)
  /// Commands that may wait for replies.
  static let commandLimit = 16_384

  private enum Expectation: Sendable {
    case ok(String)
    case pong
    case role
    /// Of a PUBLISH: how many heard it.
    case ignored
    case tagged(UInt64)
  }

  let purpose: Purpose
  private let login: Login
  private let replyTimeout: Duration
  private let reader: RESPReader
  private var expected: [(what: Expectation, sentAt: MonotonicTime)] = []
  /// Expectations before it are settled.
  private var head = 0
  private var heardAt: MonotonicTime
  private var isReady = false

  /// Nil without memory.
  init?(_ purpose: Purpose, login: Login, replyTimeout: Duration, now: MonotonicTime) {
    guard let reader = RESPReader() else { return nil }
    self.reader = reader
    self.purpose = purpose
    self.login = login
    self.replyTimeout = replyTimeout
    heardAt = now
  }

  // MARK: Out

  /// The first bytes on a new connection.
  func hello(now: MonotonicTime) -> [UInt8] {
    heardAt = now
    var bytes: [UInt8] = []
    if let command = RedisCommand.authenticate(username: login.username, password: login.password) {
      bytes += send(command, .ok("AUTH"), now)
    }
    if login.database != 0 { bytes += send(RedisCommand("SELECT", String(login.database)), .ok("SELECT"), now) }
    if login.mustBeMaster { bytes += send(RedisCommand("ROLE"), .role, now) }
    return bytes + send(RedisCommand("PING"), .pong, now)
  }

  /// Nil when too many replies are still to come.
  func command(_ command: RedisCommand, tag: UInt64? = nil, now: MonotonicTime) -> [UInt8]? {
    guard pendingCount < Self.commandLimit else { return nil }
    return send(command, tag.map { .tagged($0) } ?? .ignored, now)
  }

  /// Subscription commands: their confirmations come as messages.
  func subscription(_ command: RedisCommand) -> [UInt8] { command.bytes }

  private func send(_ command: RedisCommand, _ what: Expectation, _ now: MonotonicTime) -> [UInt8] {
    expected.append((what, now))
    return command.bytes
  }

  // MARK: Time

  private var pendingCount: Int { expected.count - head }

  /// When `expire` has something to do.
  var deadline: MonotonicTime {
    let keepAlive = heardAt + Self.keepAliveInterval
    return pendingCount > 0 ? expected[head].sentAt + replyTimeout : keepAlive
  }

  /// Bytes that ask whether the server is there.
  func expire(now: MonotonicTime) throws(RedisFault) -> [UInt8] {
    guard now >= deadline else { return [] }
    guard pendingCount == 0 else { throw RedisFault("no reply for \(replyTimeout.wholeMilliseconds) ms") }
    // A master that has become a replica answers PING as before.
    let asksRole = login.mustBeMaster && purpose == .commands
    return asksRole ? send(RedisCommand("ROLE"), .role, now) : send(RedisCommand("PING"), .pong, now)
  }

  // MARK: In

  func receive(_ bytes: [UInt8], now: MonotonicTime) throws(RedisFault) -> [Event] {
    heardAt = now
    try reader.feed(bytes)
    var events: [Event] = []
    while let value = try reader.next() {
      if let event = try event(value) { events.append(event) }
    }
    return events
  }

  private func event(_ value: RESPValue) throws(RedisFault) -> Event? {
    if purpose == .subscriptions, isReady, let elements = value.elements, let kind = elements.first?.text {
      return try pushed(kind, elements)
    }
    guard let what = takeExpectation() else {
      throw RedisFault("a reply came that nothing asked for: \(value.errorText ?? "\(value)".prefix(64).description)")
    }
    switch what {
    case .ignored:
      if let text = value.errorText { throw RedisFault(text) }
      return nil
    case .tagged(let tag): return .reply(tag, value)
    case .ok(let name):
      if let text = value.errorText { throw RedisFault("\(name): \(text)") }
      return nil
    case .role:
      if let text = value.errorText { throw RedisFault("ROLE: \(text)") }
      let role = value.elements?.first?.text ?? "nothing"
      guard role == "master" else { throw RedisFault("the server is no master, but \(role)") }
      return nil
    case .pong:
      if let text = value.errorText { throw RedisFault(text) }
      guard !isReady else { return nil }
      isReady = true
      return .ready
    }
  }

  private func pushed(_ kind: String, _ elements: [RESPValue]) throws(RedisFault) -> Event? {
    switch kind {
    case "message":
      guard elements.count == 3, let channel = elements[1].text, case .string(let payload) = elements[2] else {
        throw RedisFault("a message is not of the form that messages have")
      }
      return .message(channel: channel, payload)
    case "subscribe": return elements.count > 1 ? elements[1].text.map { .subscribed($0) } : nil
    case "pong":
      _ = takeExpectation()
      return nil
    default: return nil
    }
  }

  private func takeExpectation() -> Expectation? {
    guard pendingCount > 0 else { return nil }
    defer {
      head += 1
      if head == expected.count {
        expected.removeAll(keepingCapacity: true)
        head = 0
      } else if head >= 1024 {
        expected.removeFirst(head)
        head = 0
      }
    }
    return expected[head].what
  }
}
