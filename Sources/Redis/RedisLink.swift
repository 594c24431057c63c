import Base

/// Keeps a gateway in touch with Redis: finds the server, logs in on two connections, subscribes, comes back after a
/// loss. No socket, no clock: whoever owns it opens and closes connections and hands over bytes.
///
/// ```
///  waiting ──▶ locating (Sentinel) ──▶ connecting: commands + subscriptions ──▶ up
///     ▲              │                            │                              │
///     └──────────────┴──── any fault: close all, back off with jitter ───────────┘
/// ```
///
/// Commands and subscriptions have a connection each: RESP 2 takes no commands on one that subscribes.
final class RedisLink {
  typealias ConnectionID = Int

  enum Action: Hashable, Sendable {
    /// `opened` or `failed` must follow.
    case open(ConnectionID, RedisAddress)
    case send(ConnectionID, [UInt8])
    /// Nothing follows.
    case close(ConnectionID)
    case event(RedisEvent)
  }

  /// Connections to other nodes of a cluster.
  static let nodeLimit = 64
  /// Locks that may be asked for at a time.
  static let lockLimit = 8_192

  private enum Phase {
    case waiting(until: MonotonicTime)
    case locating
    case connecting
    case up
  }

  private struct Connection {
    let address: RedisAddress
    let session: RedisSession
    var isOpen = false
    var isReady = false
    let dialDeadline: MonotonicTime

    var deadline: MonotonicTime { isReady ? session.deadline : dialDeadline }
  }

  private struct Lock {
    let key: String
    let command: RedisCommand
    var redirects = 0
  }

  let configuration: RedisConfiguration
  /// Messages that could not be published because Redis was away, or too slow.
  private(set) var unpublishedCount = 0
  private var phase = Phase.waiting(until: .zero)
  private var connections: [ConnectionID: Connection] = [:]
  private var nextConnection: ConnectionID = 1
  private var commands: ConnectionID?
  private var subscriptions: ConnectionID?
  private var wanted: Set<String> = []
  private var confirmed: Set<String> = []
  private var locks: [UInt64: Lock] = [:]
  private var slots: [Int: RedisAddress] = [:]
  private var nodes: [RedisAddress: ConnectionID] = [:]
  /// Commands that a node will get once it is there.
  private var backlog: [ConnectionID: [(UInt64, isAsking: Bool)]] = [:]
  /// Which of the configured addresses is tried.
  private var turn = 0
  /// Where each lock was asked for.
  private var asked: [UInt64: ConnectionID] = [:]
  private var backoff = Backoff()
  private var upSince = MonotonicTime.zero
  /// How long it must have been up for the next loss to be a first one.
  private static let settledTime = Duration.seconds(5)
  private var random: RandomSource
  private var actions: [Action] = []

  init(_ configuration: RedisConfiguration, random: RandomSource = .system) {
    self.configuration = configuration
    self.random = random
  }

  var isUp: Bool { if case .up = phase { true } else { false } }

  /// When `expire` has something to do.
  var deadline: MonotonicTime? {
    var times = connections.values.map(\.deadline)
    if case .waiting(let until) = phase { times.append(until) }
    return times.min()
  }

  private func take() -> [Action] {
    defer { actions = [] }
    return actions
  }

  // MARK: What the owner wants

  /// Lost unless the link is up.
  func publish(_ channel: String, _ payload: [UInt8], now: MonotonicTime) -> [Action] {
    guard isUp, let commands, let session = connections[commands]?.session,
      let bytes = session.command(.publish(channel, payload), now: now)
    else {
      unpublishedCount += 1
      return []
    }
    return [.send(commands, bytes)]
  }

  /// Held through every reconnection. `ready` says when all of them are in force.
  func subscribe(_ channels: [String]) -> [Action] {
    let new = channels.filter { wanted.insert($0).inserted }
    guard !new.isEmpty, let subscriptions, let connection = connections[subscriptions], connection.isReady else {
      return []
    }
    return [.send(subscriptions, connection.session.subscription(.subscribe(new)))]
  }

  func unsubscribe(_ channels: [String]) -> [Action] {
    let old = channels.filter { wanted.remove($0) != nil }
    confirmed.subtract(old)
    guard !old.isEmpty, let subscriptions, let connection = connections[subscriptions], connection.isReady else {
      return []
    }
    return [.send(subscriptions, connection.session.subscription(.unsubscribe(old)))]
  }

  /// `SET key … NX EX`; exactly one `locked` follows.
  func lock(_ token: UInt64, key: String, lifetime: Duration, now: MonotonicTime) -> [Action] {
    guard isUp, locks.count < Self.lockLimit, locks[token] == nil else {
      return [.event(.locked(token, isOurs: false))]
    }
    let value = String(UInt64.random(in: 0...UInt64(Int64.max), using: &random))
    locks[token] = Lock(key: key, command: .lock(key, value: value, lifetime: lifetime))
    ask(token, at: slots[HashSlot.of(key)], now)
    return take()
  }

  // MARK: What happens to connections

  func opened(_ id: ConnectionID, now: MonotonicTime) -> [Action] {
    guard let connection = connections[id] else { return [] }
    connections[id]?.isOpen = true
    actions.append(.send(id, connection.session.hello(now: now)))
    return take()
  }

  /// It could not be opened, or is gone.
  func failed(_ id: ConnectionID, _ reason: String, now: MonotonicTime) -> [Action] {
    guard let connection = connections[id] else { return [] }
    fault(id, "\(connection.address): \(reason)", now)
    return take()
  }

  func received(_ id: ConnectionID, _ bytes: [UInt8], now: MonotonicTime) -> [Action] {
    guard let connection = connections[id] else { return [] }
    do throws(RedisFault) {
      for event in try connection.session.receive(bytes, now: now) {
        handle(event, id, now)
        if connections[id] == nil { break }
      }
    } catch {
      fault(id, "\(connection.address): \(error)", now)
    }
    return take()
  }

  func expire(now: MonotonicTime) -> [Action] {
    if case .waiting(let until) = phase, now >= until { begin(now) }
    for (id, connection) in connections.sorted(by: { $0.key < $1.key }) where connections[id] != nil {
      guard now >= connection.deadline else { continue }
      guard connection.isReady || now < connection.dialDeadline else {
        fault(id, "\(connection.address): no connection within \(configuration.dialTimeout.wholeMilliseconds) ms", now)
        continue
      }
      do throws(RedisFault) {
        let bytes = try connection.session.expire(now: now)
        if !bytes.isEmpty { actions.append(.send(id, bytes)) }
      } catch {
        fault(id, "\(connection.address): \(error)", now)
      }
    }
    return take()
  }

  // MARK: Coming up

  private func begin(_ now: MonotonicTime) {
    switch configuration.topology {
    case .single(let address): connect(to: address, now)
    case .cluster(let addresses):
      guard !addresses.isEmpty else { return }
      connect(to: addresses[turn % addresses.count], now)
    case .sentinel(_, let addresses, let username, let password):
      guard !addresses.isEmpty else { return }
      phase = .locating
      let login = RedisSession.Login(username: username, password: password)
      _ = open(.sentinel, addresses[turn % addresses.count], login, now)
    }
  }

  private func connect(to address: RedisAddress, _ now: MonotonicTime) {
    phase = .connecting
    var login = RedisSession.Login(username: configuration.username, password: configuration.password)
    switch configuration.topology {
    case .single: login.database = configuration.database
    case .sentinel:
      login.database = configuration.database
      login.mustBeMaster = true
    case .cluster: break
    }
    commands = open(.commands, address, login, now)
    subscriptions = open(.subscriptions, address, login, now)
  }

  private func open(
    _ purpose: RedisSession.Purpose, _ address: RedisAddress, _ login: RedisSession.Login, _ now: MonotonicTime
  ) -> ConnectionID? {
    guard let session = RedisSession(purpose, login: login, replyTimeout: configuration.replyTimeout, now: now) else {
      return nil
    }
    defer { nextConnection += 1 }
    connections[nextConnection] = Connection(
      address: address, session: session, dialDeadline: now + configuration.dialTimeout)
    actions.append(.open(nextConnection, address))
    return nextConnection
  }

  private func handle(_ event: RedisSession.Event, _ id: ConnectionID, _ now: MonotonicTime) {
    switch event {
    case .ready: loggedIn(id, now)
    case .reply(let tag, let value):
      if case .locating = phase { located(id, value, now) } else { answered(tag, value, id, now) }
    case .message(let channel, let payload):
      if wanted.contains(channel) { actions.append(.event(.message(channel: channel, payload))) }
    case .subscribed(let channel):
      if wanted.contains(channel) { confirmed.insert(channel) }
      comeUpIfComplete(now)
    }
  }

  private func loggedIn(_ id: ConnectionID, _ now: MonotonicTime) {
    connections[id]?.isReady = true
    guard let connection = connections[id] else { return }
    switch connection.session.purpose {
    case .sentinel:
      guard case .sentinel(let name, _, _, _) = configuration.topology else { return }
      let question = RedisCommand("SENTINEL", "get-master-addr-by-name", name)
      if let bytes = connection.session.command(question, tag: 0, now: now) { actions.append(.send(id, bytes)) }
    case .subscriptions:
      if !wanted.isEmpty {
        actions.append(.send(id, connection.session.subscription(.subscribe(wanted.sorted()))))
      }
      comeUpIfComplete(now)
    case .commands:
      for (token, isAsking) in backlog.removeValue(forKey: id) ?? [] { send(token, on: id, isAsking: isAsking, now) }
      comeUpIfComplete(now)
    }
  }

  private func located(_ id: ConnectionID, _ value: RESPValue, _ now: MonotonicTime) {
    let parts = value.elements?.compactMap(\.text) ?? []
    guard parts.count == 2, let port = UInt16(parts[1]), port > 0, let sentinel = connections[id]?.address else {
      let name = if case .sentinel(let name, _, _, _) = configuration.topology { name } else { "" }
      return fault(id, value.errorText ?? "the Sentinel knows no master \"\(name)\"", now)
    }
    connections[id] = nil
    actions.append(.close(id))
    // A Sentinel on the same machine may say where it sees the master: by an address that is its own.
    let host = parts[0].isEmpty ? sentinel.host : parts[0]
    connect(to: RedisAddress(host: host, port: port), now)
  }

  private func comeUpIfComplete(_ now: MonotonicTime) {
    guard case .connecting = phase, let commands, let subscriptions, let connection = connections[commands],
      connection.isReady, connections[subscriptions]?.isReady == true, confirmed.isSuperset(of: wanted)
    else { return }
    phase = .up
    upSince = now
    actions.append(.event(.ready(connection.address)))
  }

  // MARK: Going down

  /// A connection is of no use any more. Without one of the two main ones nothing goes on.
  private func fault(_ id: ConnectionID, _ reason: String, _ now: MonotonicTime) {
    if let address = connections[id]?.address, nodes[address] == id {
      close(node: id)
      return
    }
    for other in connections.keys.sorted() { actions.append(.close(other)) }
    let wasUp = isUp
    connections = [:]
    nodes = [:]
    backlog = [:]
    slots = [:]
    (commands, subscriptions) = (nil, nil)
    confirmed = []
    for token in locks.keys.sorted() { actions.append(.event(.locked(token, isOurs: false))) }
    locks = [:]
    asked = [:]
    turn += 1
    // A Redis that lets us in and sends us away is as bad as none.
    if wasUp, now - upSince >= Self.settledTime { backoff.reset() }
    phase = .waiting(until: now + backoff.wait(using: &random))
    actions.append(.event(wasUp ? .lost(reason) : .unreachable(reason)))
  }

  private func close(node id: ConnectionID) {
    guard let address = connections.removeValue(forKey: id)?.address else { return }
    nodes[address] = nil
    slots = slots.filter { $0.value != address }
    actions.append(.close(id))
    for (token, _) in backlog.removeValue(forKey: id) ?? [] { settle(token, isOurs: false) }
    // What was asked there and is not answered is not ours to know.
    for (token, node) in asked where node == id { settle(token, isOurs: false) }
  }

  // MARK: Locks

  private func settle(_ token: UInt64, isOurs: Bool) {
    asked[token] = nil
    if locks.removeValue(forKey: token) != nil { actions.append(.event(.locked(token, isOurs: isOurs))) }
  }

  /// - Parameter address: the node whose key it is, where that is known to be another than the main one.
  private func ask(_ token: UInt64, at address: RedisAddress?, isAsking: Bool = false, _ now: MonotonicTime) {
    guard let commands, let main = connections[commands]?.address else { return settle(token, isOurs: false) }
    guard let address, address != main else { return send(token, on: commands, isAsking: isAsking, now) }
    if let node = nodes[address] {
      if connections[node]?.isReady == true { return send(token, on: node, isAsking: isAsking, now) }
      backlog[node, default: []].append((token, isAsking))
      return
    }
    let login = RedisSession.Login(username: configuration.username, password: configuration.password)
    guard nodes.count < Self.nodeLimit, let node = open(.commands, address, login, now) else {
      return settle(token, isOurs: false)
    }
    nodes[address] = node
    backlog[node] = [(token, isAsking)]
  }

  private func send(_ token: UInt64, on id: ConnectionID, isAsking: Bool, _ now: MonotonicTime) {
    guard let lock = locks[token], let session = connections[id]?.session else { return }
    let prefix = isAsking ? session.command(RedisCommand("ASKING"), now: now) : []
    guard let prefix, let bytes = session.command(lock.command, tag: token, now: now) else {
      return settle(token, isOurs: false)
    }
    asked[token] = id
    actions.append(.send(id, prefix + bytes))
  }

  private func answered(_ token: UInt64, _ value: RESPValue, _ id: ConnectionID, _ now: MonotonicTime) {
    switch value {
    case .status: settle(token, isOurs: true)
    case .error(let text): redirect(token, text, id, now)
    default: settle(token, isOurs: false)
    }
  }

  /// `MOVED 3999 10.0.0.2:6379`, `ASK 3999 10.0.0.2:6379` of clusters; anything else is a refusal.
  private func redirect(_ token: UInt64, _ text: String, _ id: ConnectionID, _ now: MonotonicTime) {
    let words = text.split(separator: " ")
    guard words.count == 3, words[0] == "MOVED" || words[0] == "ASK", case .cluster = configuration.topology,
      let slot = Int(words[1]), (0..<HashSlot.count).contains(slot), var lock = locks[token],
      lock.redirects < configuration.redirectLimit, let address = address(String(words[2]), seenFrom: id)
    else {
      // A master that has lost its place must not be believed again.
      if words.first == "READONLY" || words.first == "NOAUTH" { return fault(id, text, now) }
      return settle(token, isOurs: false)
    }
    lock.redirects += 1
    locks[token] = lock
    if words[0] == "MOVED" { slots[slot] = address }
    ask(token, at: address, isAsking: words[0] == "ASK", now)
  }

  /// A node that does not know its own name leaves the host out: the one that was asked.
  private func address(_ text: String, seenFrom id: ConnectionID) -> RedisAddress? {
    if text.hasPrefix(":"), let host = connections[id]?.address.host, let port = UInt16(text.dropFirst()) {
      return RedisAddress(host: host, port: port)
    }
    // IPv6 comes without brackets.
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
      return nil
    }
    return RedisAddress(host: String(text[..<colon]), port: port)
  }
}
