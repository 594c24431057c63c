import Base
import Foundation
import Testing

@testable import Redis

/// Against a real Redis: `redis-server` of Debian.
@Suite("A client of a real Redis")
struct RedisClientTests {
  private func client(_ configuration: RedisConfiguration) throws -> (RedisClient, EventLog) {
    let log = EventLog()
    return (try RedisClient(configuration) { log.add($0) }, log)
  }

  private func exchange(_ client: RedisClient, _ log: EventLog, _ text: String) async -> Bool {
    client.publish("a|b", Array(text.utf8))
    return await log.wait { $0.contains(.message(channel: "a|b", Array(text.utf8))) }
  }

  @Test("publishes, hears and locks")
  func basics() async throws {
    let server = try RedisServer()
    try server.start()
    let (client, log) = try client(RedisConfiguration(.single(server.address)))
    defer { client.close() }
    client.subscribe(["a|b"])
    #expect(await log.wait { $0.contains { $0.isReady } })
    #expect(await exchange(client, log, "x"))
    #expect(client.lock(1, key: "k", lifetime: .seconds(5)))
    #expect(await log.wait { $0.contains(.locked(1, isOurs: true)) })
    _ = client.lock(2, key: "k", lifetime: .seconds(5))
    #expect(await log.wait { $0.contains(.locked(2, isOurs: false)) })
    let left = Int(try server.command("TTL", "k").trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    #expect((1...5).contains(left))
  }

  @Test("a large message, and many small ones, come whole and in order")
  func volume() async throws {
    let server = try RedisServer()
    try server.start()
    let (client, log) = try client(RedisConfiguration(.single(server.address)))
    defer { client.close() }
    client.subscribe(["big", "small"])
    #expect(await log.wait { $0.contains { $0.isReady } })
    let big = (0..<900_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    client.publish("big", big)
    for index in 0..<5000 { client.publish("small", Array("\(index)".utf8)) }
    #expect(await log.wait { $0.count >= 5002 })
    #expect(log.all.contains(.message(channel: "big", big)))
    let small = log.all.compactMap { event -> String? in
      if case .message("small", let bytes) = event { String(decoding: bytes, as: UTF8.self) } else { nil }
    }
    #expect(small == (0..<5000).map(String.init))
  }

  @Test("user, password and database")
  func credentials() async throws {
    let server = try RedisServer(["--user", "lk", "on", ">pw", "~*", "&*", "+@all", "--requirepass", "default"])
    try server.start()
    let (client, log) = try client(
      RedisConfiguration(.single(server.address), username: "lk", password: "pw", database: 3))
    defer { client.close() }
    #expect(await log.wait { $0.contains { $0.isReady } })
    _ = client.lock(1, key: "k", lifetime: .seconds(5))
    #expect(await log.wait { $0.contains(.locked(1, isOurs: true)) })
    #expect(try server.command("EXISTS", "k", options: ["-n", "3", "-a", "default"]).hasPrefix("1"))
    let (wrong, wrongLog) = try self.client(RedisConfiguration(.single(server.address), password: "no"))
    defer { wrong.close() }
    #expect(await wrongLog.wait { $0.contains { $0.reason?.contains("WRONGPASS") == true } })
    let (none, noneLog) = try self.client(RedisConfiguration(.single(server.address)))
    defer { none.close() }
    #expect(await noneLog.wait { $0.contains { $0.reason?.contains("NOAUTH") == true } })
  }

  @Test("a restart: lost, then back, and everything is heard again")
  func restart() async throws {
    let server = try RedisServer()
    let (client, log) = try client(RedisConfiguration(.single(server.address)))
    defer { client.close() }
    client.subscribe(["a|b"])
    #expect(await log.wait { $0.contains { $0.reason != nil } }, "there is none yet")
    try server.start()
    #expect(await log.wait { $0.contains { $0.isReady } })
    for round in 1...2 {
      server.stop()
      #expect(await log.wait { $0.count { $0.isLost } == round })
      try server.start()
      #expect(await log.wait { $0.count { $0.isReady } == round + 1 })
      #expect(await exchange(client, log, "round \(round)"))
    }
  }

  @Test("by name, whichever address of it answers")
  func names() async throws {
    let server = try RedisServer()
    try server.start()
    let (client, log) = try client(RedisConfiguration(.single(RedisAddress(host: "localhost", port: server.port))))
    defer { client.close() }
    #expect(await log.wait { $0.contains { $0.isReady } })
    let (nobody, nobodyLog) = try self.client(RedisConfiguration(.single(RedisAddress(host: "no-such-host.invalid"))))
    defer { nobody.close() }
    #expect(await nobodyLog.wait { $0.contains { $0.reason?.contains("no address") == true } })
  }

  // MARK: TLS

  /// An authority and certificates made by it, as PEM files.
  private struct Certificates {
    let directory: URL
    var authority: String { directory.appending(path: "ca.pem").path }
    func certificate(_ name: String) -> String { directory.appending(path: "\(name).pem").path }
    func key(_ name: String) -> String { directory.appending(path: "\(name).key").path }

    init() throws {
      directory = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      try openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority", "-keyout",
        key("ca"), "-out", authority)
      try make("server", names: "IP:127.0.0.1,DNS:localhost")
      try make("client", names: "DNS:client")
    }

    func make(_ name: String, names: String) throws {
      let request = directory.appending(path: "\(name).csr").path
      let extensions = directory.appending(path: "\(name).ext")
      try "subjectAltName=\(names)".write(to: extensions, atomically: true, encoding: .utf8)
      try openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=\(name)", "-keyout", key(name), "-out", request)
      try openssl(
        "x509", "-req", "-in", request, "-CA", authority, "-CAkey", key("ca"), "-CAcreateserial", "-days", "2",
        "-extfile", extensions.path, "-out", certificate(name))
    }

    private func openssl(_ words: String...) throws { _ = try RedisServer.run("/usr/bin/openssl", words) }
  }

  @Test("TLS: the authority, the name and the client's certificate are checked")
  func tls() async throws {
    let files = try Certificates()
    defer { try? FileManager.default.removeItem(at: files.directory) }
    let server = try RedisServer(
      [
        "--tls-cert-file", files.certificate("server"), "--tls-key-file", files.key("server"), "--tls-ca-cert-file",
        files.authority, "--tls-auth-clients", "yes", "--requirepass", "pw",
      ], tls: true)
    try server.start()
    let good = RedisConfiguration.TLS(
      authorityFile: files.authority, certificateFile: files.certificate("client"), keyFile: files.key("client"))
    let (client, log) = try client(RedisConfiguration(.single(server.address), password: "pw", tls: good))
    defer { client.close() }
    client.subscribe(["a|b"])
    #expect(await log.wait { $0.contains { $0.isReady } })
    #expect(await exchange(client, log, String(repeating: "long ", count: 20_000)))

    var otherName = good
    otherName.serverName = "redis.example"
    var strangers = good
    strangers.authorityFile = files.certificate("client")
    var nobody = good
    (nobody.certificateFile, nobody.keyFile) = ("", "")
    for (settings, text) in [
      (otherName, "hostname mismatch"), (strangers, "certificate"), (nobody, "certificate required"),
      (RedisConfiguration.TLS(), "certificate"),
    ] {
      let (client, log) = try self.client(RedisConfiguration(.single(server.address), password: "pw", tls: settings))
      defer { client.close() }
      #expect(await log.wait { $0.contains { $0.reason?.lowercased().contains(text) == true } }, "\(text): \(log.all)")
    }
    var careless = strangers
    careless.isInsecure = true
    for settings in [
      careless,
      {
        var named = good
        named.serverName = "localhost"
        return named
      }(),
    ] {
      let (client, log) = try self.client(RedisConfiguration(.single(server.address), password: "pw", tls: settings))
      defer { client.close() }
      #expect(await log.wait { $0.contains { $0.isReady } })
    }
  }

  @Test("files that are none are refused at the start")
  func badFiles() {
    let none = RedisConfiguration.TLS(authorityFile: "/nonexistent.pem")
    let error = #expect(throws: RedisClient.StartError.self) {
      _ = try RedisClient(RedisConfiguration(.single(RedisAddress(host: "127.0.0.1")), tls: none)) { _ in }
    }
    #expect(error?.description.hasPrefix("/nonexistent.pem: expected PEM certificates") == true)
  }

  @Test("TLS towards a server that has none")
  func tlsMismatch() async throws {
    let server = try RedisServer()
    try server.start()
    let (client, log) = try client(RedisConfiguration(.single(server.address), tls: RedisConfiguration.TLS()))
    defer { client.close() }
    #expect(await log.wait { $0.contains { $0.reason != nil } })
    #expect(!log.all.contains { $0.isReady })
  }

  // MARK: Sentinel and Cluster

  @Test("Sentinel: the master is found, and its successor after its death")
  func sentinel() async throws {
    let master = try RedisServer(["--requirepass", "pw", "--masterauth", "pw"])
    let replica = try RedisServer(
      ["--requirepass", "pw", "--masterauth", "pw", "--replicaof", "127.0.0.1 \(master.port)"])
    try master.start()
    try replica.start()
    let sentinel = try RedisServer()
    let file = sentinel.directory.appending(path: "sentinel.conf")
    try """
    port \(sentinel.port)
    bind 127.0.0.1
    dir \(sentinel.directory.path)
    sentinel monitor main 127.0.0.1 \(master.port) 1
    sentinel auth-pass main pw
    sentinel down-after-milliseconds main 500
    sentinel failover-timeout main 3000
    """.write(to: file, atomically: true, encoding: .utf8)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/redis-server")
    process.arguments = [file.path, "--sentinel"]
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    defer {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
    let (client, log) = try client(
      RedisConfiguration(
        .sentinel(
          masterName: "main", [RedisAddress(host: "127.0.0.1", port: 1), sentinel.address], username: "", password: ""),
        password: "pw"))
    defer { client.close() }
    client.subscribe(["a|b"])
    #expect(await log.wait { $0.contains(.ready(master.address)) })
    #expect(await exchange(client, log, "before"))
    // Sentinel promotes a replica only once it knows it.
    #expect(
      await log.wait { _ in
        (try? sentinel.command("SENTINEL", "replicas", "main").contains("\(replica.port)")) == true
      })
    master.stop()
    #expect(await log.wait { $0.contains(.ready(replica.address)) }, "\(log.all)")
    #expect(await exchange(client, log, "after"))
  }

  @Test("Cluster: locks go to the node that has their slot, messages to everyone")
  func cluster() async throws {
    let nodes = try (0..<2).map { _ in
      // The bus port must be one too; 10,000 above may not be.
      try RedisServer(["--cluster-enabled", "yes", "--cluster-port", "\(RedisServer.freePort())"])
    }
    for node in nodes { try node.start() }
    let log = EventLog()
    for (node, range) in zip(nodes, [("0", "8191"), ("8192", "16383")]) {
      try #require(
        await log.wait { _ in
          (try? node.command("CLUSTER", "ADDSLOTSRANGE", range.0, range.1).hasPrefix("OK")) == true
        })
    }
    let bus = try nodes[1].command("CONFIG", "GET", "cluster-port").split(separator: "\n").last.map(String.init) ?? ""
    try nodes[0].command("CLUSTER", "MEET", "127.0.0.1", "\(nodes[1].port)", bus)
    for node in nodes {
      try #require(await log.wait { _ in (try? node.command("CLUSTER", "INFO").contains("cluster_state:ok")) == true })
    }
    let addresses = nodes.map(\.address)
    let (first, firstLog) = try client(RedisConfiguration(.cluster([addresses[0]])))
    let (second, secondLog) = try client(RedisConfiguration(.cluster([addresses[1]])))
    defer {
      first.close()
      second.close()
    }
    second.subscribe(["a|b"])
    for log in [firstLog, secondLog] { try #require(await log.wait { $0.contains { $0.isReady } }) }
    first.publish("a|b", [1, 2])
    #expect(await secondLog.wait { $0.contains(.message(channel: "a|b", [1, 2])) })
    for token in UInt64(0)..<40 {
      _ = first.lock(token, key: "key \(token)", lifetime: .seconds(30))
      try #require(await firstLog.wait { $0.contains(.locked(token, isOurs: true)) })
      _ = second.lock(token, key: "key \(token)", lifetime: .seconds(30))
      try #require(await secondLog.wait { $0.contains(.locked(token, isOurs: false)) })
    }
    let slots = (0..<40).map { HashSlot.of("key \($0)") }
    #expect(slots.contains { $0 < 8192 } && slots.contains { $0 >= 8192 }, "both nodes had some")
  }
}
