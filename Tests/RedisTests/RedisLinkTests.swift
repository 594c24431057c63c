import Base
import Testing

@testable import Redis

@Suite("The link to Redis")
struct RedisLinkTests {
  private static let address = RedisAddress(host: "redis")

  private func world(_ configuration: RedisConfiguration = RedisConfiguration(.single(address))) -> FakeRedis {
    let world = FakeRedis(configuration)
    world.servers["redis:6379"] = FakeRedis.plain()
    return world
  }

  @Test("two connections log in, then it is ready")
  func ready() {
    let world = world(
      RedisConfiguration(.single(Self.address), username: "lk", password: "secret", database: 3))
    _ = world.link.subscribe(["a", "b"])
    world.advance(.milliseconds(1))
    #expect(world.events == [.ready(Self.address)] && world.link.isUp)
    #expect(world.words("AUTH") == [["AUTH", "lk", "secret"], ["AUTH", "lk", "secret"]])
    #expect(world.words("SELECT").count == 2)
    #expect(world.words("SUBSCRIBE") == [["SUBSCRIBE", "a", "b"]])
  }

  @Test("it is ready only when everything is subscribed to")
  func confirmations() {
    let world = world()
    world.servers["redis:6379"] = { words in words[0] == "SUBSCRIBE" ? nil : FakeRedis.plain()(words) }
    _ = world.link.subscribe(["a"])
    world.advance(.milliseconds(1))
    #expect(world.events.isEmpty)
    world.push("redis:6379", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n")
    #expect(world.events == [.ready(Self.address)])
  }

  @Test("messages of channels that are wanted come through")
  func messages() {
    let world = world()
    _ = world.link.subscribe(["a"])
    world.advance(.milliseconds(1))
    _ = world.takeEvents()
    world.push(
      "redis:6379", "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$3\r\nx\0y\r\n*3\r\n$7\r\nmessage\r\n$1\r\nb\r\n$0\r\n\r\n")
    #expect(world.events == [.message(channel: "a", [120, 0, 121])])
    world.perform(world.link.unsubscribe(["a"]))
    #expect(world.words("UNSUBSCRIBE") == [["UNSUBSCRIBE", "a"]])
    world.push("redis:6379", "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$0\r\n\r\n")
    #expect(world.events.count == 1, "it may still come for a moment")
  }

  @Test("after a loss everything is subscribed to again")
  func resubscribes() {
    let world = world()
    _ = world.link.subscribe(["a"])
    world.advance(.milliseconds(1))
    world.perform(world.link.subscribe(["b"]))
    world.drop("redis:6379")
    #expect(world.events.last == .lost("redis:6379: reset") && world.connections.isEmpty && !world.link.isUp)
    world.advance(.milliseconds(101))
    #expect(world.events.last == .ready(Self.address))
    #expect(world.words("SUBSCRIBE") == [["SUBSCRIBE", "a"], ["SUBSCRIBE", "b"], ["SUBSCRIBE", "a", "b"]])
  }

  @Test("what is published while it is away is lost and counted")
  func unpublished() {
    let world = world()
    world.perform(world.link.publish("a", [1], now: world.now))
    #expect(world.link.unpublishedCount == 1)
    world.advance(.milliseconds(1))
    world.perform(world.link.publish("a", [1], now: world.now))
    #expect(world.link.unpublishedCount == 1 && world.words("PUBLISH").count == 1)
  }

  @Test(
    "what a server says against us is told, once an attempt",
    arguments: [
      ("AUTH", "-WRONGPASS invalid username-password pair\r\n", "AUTH: WRONGPASS invalid username-password pair"),
      ("PING", "-NOAUTH Authentication required.\r\n", "NOAUTH Authentication required."),
      ("PING", "-LOADING Redis is loading the dataset in memory\r\n", "LOADING Redis is loading the dataset in memory"),
      ("SELECT", "-ERR DB index is out of range\r\n", "SELECT: ERR DB index is out of range"),
      ("PING", "HTTP/1.0 400\r\n", "this is not Redis's protocol: Protocol error, got \"H\" as reply type byte"),
    ])
  func refused(command: String, reply: String, reason: String) {
    let world = world(RedisConfiguration(.single(Self.address), password: "p", database: 99))
    world.servers["redis:6379"] = { words in words[0] == command ? reply : FakeRedis.plain()(words) }
    world.advance(.milliseconds(20))
    #expect(world.events == [.unreachable("redis:6379: \(reason)")])
    world.advance(.seconds(60))
    #expect((14...26).contains(world.events.count), "backs off to 2.5 to 5 s: \(world.events.count)")
    #expect(world.connections.isEmpty)
  }

  @Test("a server that accepts and says nothing, and one that does not accept")
  func silent() {
    for accepts in [true, nil] {
      let world = world(RedisConfiguration(.single(Self.address), dialTimeout: .seconds(2)))
      world.servers["redis:6379"] = { _ in nil }
      world.accepts = { _ in accepts }
      world.advance(.milliseconds(1999))
      #expect(world.events.isEmpty)
      world.advance(.milliseconds(1))
      #expect(world.events == [.unreachable("redis:6379: no connection within 2000 ms")])
    }
  }

  @Test("a quiet server is asked every five seconds; one that does not answer is lost")
  func keepAlive() {
    let world = world()
    world.advance(.milliseconds(1))
    let pings = world.words("PING").count
    world.advance(.seconds(21))
    #expect(world.words("PING").count == pings + 8, "four on each connection")
    #expect(world.events == [.ready(Self.address)])
    world.servers["redis:6379"] = { _ in nil }
    world.advance(.seconds(9))
    #expect(world.events.last == .lost("redis:6379: no reply for 3000 ms"))
  }

  @Test("a lock is ours, another's, or unknown; it is told exactly once")
  func locks() {
    let world = world()
    world.perform(world.link.lock(1, key: "k", lifetime: .seconds(5), now: world.now))
    #expect(world.takeEvents() == [.locked(1, isOurs: false)], "not connected")
    world.advance(.milliseconds(1))
    _ = world.takeEvents()
    world.perform(world.link.lock(2, key: "k", lifetime: .seconds(5), now: world.now))
    #expect(world.takeEvents() == [.locked(2, isOurs: true)])
    let command = world.words("SET").last ?? []
    #expect(command.count == 6 && command[1] == "k" && Array(command[3...]) == ["NX", "EX", "5"])
    world.servers["redis:6379"] = FakeRedis.plain { words in words[0] == "SET" ? "$-1\r\n" : nil }
    world.perform(world.link.lock(3, key: "k", lifetime: .seconds(5), now: world.now))
    #expect(world.takeEvents() == [.locked(3, isOurs: false)])
    world.servers["redis:6379"] = FakeRedis.plain { words in words[0] == "SET" ? "-NOPERM\r\n" : nil }
    world.perform(world.link.lock(4, key: "k", lifetime: .seconds(5), now: world.now))
    #expect(world.takeEvents() == [.locked(4, isOurs: false)])
    world.servers["redis:6379"] = { _ in nil }
    world.perform(world.link.lock(5, key: "k", lifetime: .seconds(5), now: world.now))
    #expect(world.takeEvents() == [])
    world.drop("redis:6379")
    #expect(world.takeEvents() == [.locked(5, isOurs: false), .lost("redis:6379: reset")])
  }

  @Test("locks beyond the table are refused at once")
  func lockLimit() {
    let world = world()
    world.advance(.milliseconds(1))
    world.servers["redis:6379"] = { _ in nil }
    for token in 0..<UInt64(RedisLink.lockLimit) {
      world.perform(world.link.lock(token, key: "k\(token)", lifetime: .seconds(5), now: world.now))
    }
    _ = world.takeEvents()
    world.perform(world.link.lock(.max, key: "x", lifetime: .seconds(5), now: world.now))
    #expect(world.takeEvents() == [.locked(.max, isOurs: false)])
  }

  // MARK: Sentinel

  private func sentinels() -> FakeRedis {
    let addresses = [RedisAddress(host: "s1", port: 26379), RedisAddress(host: "s2", port: 26379)]
    let world = FakeRedis(
      RedisConfiguration(
        .sentinel(masterName: "main", addresses, username: "", password: "sp"), password: "p", database: 2))
    let reply = "*2\r\n$8\r\n10.0.0.1\r\n$4\r\n6379\r\n"
    world.servers["s1:26379"] = FakeRedis.plain { words in words[0] == "SENTINEL" ? reply : nil }
    world.servers["s2:26379"] = world.servers["s1:26379"]
    world.servers["10.0.0.1:6379"] = FakeRedis.plain()
    return world
  }

  @Test("a Sentinel names the master, which must say that it is one")
  func sentinel() {
    let world = sentinels()
    world.advance(.milliseconds(1))
    #expect(world.events == [.ready(RedisAddress(host: "10.0.0.1"))])
    #expect(world.words("SENTINEL") == [["SENTINEL", "get-master-addr-by-name", "main"]])
    #expect(world.connections == ["10.0.0.1:6379", "10.0.0.1:6379"], "the Sentinel's is closed")
    #expect(world.words("AUTH") == [["AUTH", "sp"], ["AUTH", "p"], ["AUTH", "p"]])
    #expect(world.words("ROLE").count == 2)
  }

  @Test("a Sentinel that is down, or knows nothing: the next one is asked")
  func nextSentinel() {
    let world = sentinels()
    world.servers["s1:26379"] = nil
    world.advance(.milliseconds(200))
    #expect(world.events == [.unreachable("s1:26379: refused"), .ready(RedisAddress(host: "10.0.0.1"))])
    let other = sentinels()
    other.servers["s1:26379"] = FakeRedis.plain { words in words[0] == "SENTINEL" ? "*-1\r\n" : nil }
    other.advance(.milliseconds(200))
    #expect(other.events.first == .unreachable("the Sentinel knows no master \"main\""))
    #expect(other.events.last == .ready(RedisAddress(host: "10.0.0.1")))
  }

  @Test("a master that becomes a replica is left for the new one")
  func failover() {
    let world = sentinels()
    world.advance(.milliseconds(1))
    world.servers["10.0.0.1:6379"] = { words in
      words[0] == "ROLE" ? "*1\r\n$5\r\nslave\r\n" : FakeRedis.plain()(words)
    }
    let reply = "*2\r\n$8\r\n10.0.0.2\r\n$4\r\n6379\r\n"
    for sentinel in ["s1:26379", "s2:26379"] {
      world.servers[sentinel] = FakeRedis.plain { words in words[0] == "SENTINEL" ? reply : nil }
    }
    world.servers["10.0.0.2:6379"] = FakeRedis.plain()
    world.advance(.milliseconds(5200))
    #expect(
      Array(world.events.dropFirst()) == [
        .lost("10.0.0.1:6379: the server is no master, but slave"), .ready(RedisAddress(host: "10.0.0.2")),
      ])
  }

  // MARK: Cluster

  private let nodes = [RedisAddress(host: "n1", port: 7000), RedisAddress(host: "n2", port: 7000)]

  private func cluster(_ redirect: @escaping (String) -> String?) -> FakeRedis {
    let world = FakeRedis(RedisConfiguration(.cluster(nodes), password: "p", database: 5))
    world.servers["n1:7000"] = FakeRedis.plain { words in words[0] == "SET" ? redirect(words[1]) : nil }
    world.servers["n2:7000"] = FakeRedis.plain()
    return world
  }

  @Test("a lock is asked for where its slot lies, from the second time on at once")
  func moved() {
    let world = cluster { "-MOVED \(HashSlot.of($0)) n2:7000\r\n" }
    world.advance(.milliseconds(1))
    #expect(world.words("SELECT").isEmpty, "clusters have one database")
    _ = world.takeEvents()
    for token in UInt64(1)...2 {
      world.perform(world.link.lock(token, key: "k", lifetime: .seconds(5), now: world.now))
      #expect(world.takeEvents() == [.locked(token, isOurs: true)])
    }
    #expect(world.said.filter { $0.words[0] == "SET" }.map(\.server) == ["n1:7000", "n2:7000", "n2:7000"])
    #expect(world.words("AUTH").count == 3, "one login on the other node")
  }

  @Test("ASK holds for one command")
  func ask() {
    let world = cluster { _ in "-ASK 12 n2:7000\r\n" }
    world.advance(.milliseconds(1))
    _ = world.takeEvents()
    for token in UInt64(1)...2 {
      world.perform(world.link.lock(token, key: "k", lifetime: .seconds(5), now: world.now))
      #expect(world.takeEvents() == [.locked(token, isOurs: true)])
    }
    #expect(world.words("ASKING").count == 2)
    #expect(
      world.said.filter { $0.words[0] == "SET" }.map(\.server) == ["n1:7000", "n2:7000", "n1:7000", "n2:7000"])
  }

  @Test("nodes that point at each other are not followed for ever")
  func circle() {
    let world = cluster { _ in "-MOVED 12 n2:7000\r\n" }
    world.servers["n2:7000"] = FakeRedis.plain { words in words[0] == "SET" ? "-MOVED 12 n1:7000\r\n" : nil }
    world.advance(.milliseconds(1))
    _ = world.takeEvents()
    world.perform(world.link.lock(1, key: "k", lifetime: .seconds(5), now: world.now))
    #expect(world.takeEvents() == [.locked(1, isOurs: false)] && world.words("SET").count == 3)
  }

  @Test("a node that is gone costs its locks, not the link")
  func lostNode() {
    let world = cluster { "-MOVED \(HashSlot.of($0)) n3:7000\r\n" }
    world.advance(.milliseconds(1))
    _ = world.takeEvents()
    world.perform(world.link.lock(1, key: "k", lifetime: .seconds(5), now: world.now))
    #expect(world.takeEvents() == [.locked(1, isOurs: false)] && world.link.isUp)
    world.servers["n3:7000"] = { words in words[0] == "SET" ? nil : FakeRedis.plain()(words) }
    world.perform(world.link.lock(2, key: "k", lifetime: .seconds(5), now: world.now))
    world.drop("n3:7000")
    #expect(world.takeEvents() == [.locked(2, isOurs: false)] && world.link.isUp)
  }

  @Test("the first node is down: the next one is tried")
  func nextNode() {
    let world = cluster { _ in nil }
    world.servers["n1:7000"] = nil
    world.advance(.milliseconds(200))
    #expect(world.events.last == .ready(nodes[1]))
  }

  @Test(
    "redirects that make no sense are refusals",
    arguments: ["-MOVED x n2:7000", "-MOVED 99999 n2:7000", "-MOVED 1 n2", "-MOVED 1 n2:0", "-CLUSTERDOWN", "-MOVED"])
  func nonsense(reply: String) {
    let world = cluster { _ in reply + "\r\n" }
    world.advance(.milliseconds(1))
    _ = world.takeEvents()
    world.perform(world.link.lock(1, key: "k", lifetime: .seconds(5), now: world.now))
    #expect(world.takeEvents() == [.locked(1, isOurs: false)] && world.link.isUp)
  }
}
