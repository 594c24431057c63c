import Base

@testable import Redis

/// A link among Redis servers of paper, in virtual time: what they answer is written down.
final class FakeRedis {
  /// Answers to commands by their first word; nil: says nothing.
  typealias Server = (_ words: [String]) -> String?

  let link: RedisLink
  private(set) var now = MonotonicTime.zero
  /// By `host:port`; an address that is missing refuses the connection, a nil answer of `accepts` never opens one.
  var servers: [String: Server] = [:]
  var accepts: (String) -> Bool? = { _ in true }
  private(set) var events: [RedisEvent] = []
  /// `host:port` and the words of everything that was said.
  private(set) var said: [(server: String, words: [String])] = []
  private(set) var opened: [(id: Int, server: String)] = []
  private var addresses: [Int: String] = [:]
  private var pending: [RedisLink.Action] = []
  private var isPerforming = false

  init(_ configuration: RedisConfiguration, seed: UInt64 = 1) {
    link = RedisLink(configuration, random: .seeded(seed))
  }

  /// A server that lets anyone in.
  static func plain(_ more: @escaping Server = { _ in nil }) -> Server {
    { words in
      switch words[0] {
      case "PING": "+PONG\r\n"
      case "AUTH", "SELECT", "ASKING": "+OK\r\n"
      case "ROLE": "*1\r\n$6\r\nmaster\r\n"
      case "SUBSCRIBE":
        words.dropFirst().map { "*3\r\n$9\r\nsubscribe\r\n$\($0.utf8.count)\r\n\($0)\r\n:1\r\n" }.joined()
      case "UNSUBSCRIBE": "*3\r\n$11\r\nunsubscribe\r\n$1\r\nx\r\n:0\r\n"
      case "PUBLISH": ":1\r\n"
      case "SET": more(words) ?? "+OK\r\n"
      default: more(words)
      }
    }
  }

  /// Lets everything happen that is due within the time.
  func advance(_ duration: Duration) {
    let end = now + duration
    var turns = 0
    while let next = link.deadline, next <= end, turns < 10_000 {
      now = max(now, next)
      perform(link.expire(now: now))
      turns += 1
    }
    now = end
  }

  /// In order: what an action leads to comes after the actions beside it.
  func perform(_ actions: [RedisLink.Action]) {
    pending += actions
    guard !isPerforming else { return }
    isPerforming = true
    defer { isPerforming = false }
    while !pending.isEmpty {
      switch pending.removeFirst() {
      case .open(let id, let address):
        opened.append((id, "\(address)"))
        addresses[id] = "\(address)"
        if servers["\(address)"] == nil {
          perform(link.failed(id, "refused", now: now))
        } else if let isAccepted = accepts("\(address)") {
          perform(isAccepted ? link.opened(id, now: now) : link.failed(id, "refused", now: now))
        }
      case .send(let id, let bytes): answer(id, bytes)
      case .close(let id): addresses[id] = nil
      case .event(let event): events.append(event)
      }
    }
  }

  private func answer(_ id: Int, _ bytes: [UInt8]) {
    guard let address = addresses[id] else { return }
    for words in Self.commands(bytes) {
      said.append((address, words))
      if let reply = servers[address]?(words), addresses[id] != nil {
        perform(link.received(id, Array(reply.utf8), now: now))
      }
    }
  }

  /// Something comes by itself, on the newest connection to the server.
  func push(_ server: String, _ text: String) {
    guard let id = addresses.filter({ $0.value == server }).keys.max() else { return }
    perform(link.received(id, Array(text.utf8), now: now))
  }

  func drop(_ server: String) {
    guard let id = addresses.filter({ $0.value == server }).keys.min() else { return }
    perform(link.failed(id, "reset", now: now))
  }

  var connections: [String] { addresses.values.sorted() }
  func words(_ first: String) -> [[String]] { said.map(\.words).filter { $0[0] == first } }
  func takeEvents() -> [RedisEvent] {
    defer { events = [] }
    return events
  }

  /// The words of the commands that the bytes hold.
  private static func commands(_ bytes: [UInt8]) -> [[String]] {
    guard let reader = RESPReader() else { return [] }
    try? reader.feed(bytes)
    var commands: [[String]] = []
    while let value = try? reader.next() { commands.append(value.elements?.compactMap(\.text) ?? []) }
    return commands
  }
}
