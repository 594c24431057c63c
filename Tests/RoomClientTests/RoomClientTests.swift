import Base
import Foundation
import RoomClient
import Testing
import WebServer

@Suite(.serialized) struct RoomClientTests {
  private func start(
    _ options: RoomClient.Options = .init()
  ) throws -> (client: RoomClient, log: EventLog) {
    let log = EventLog()
    return (try RoomClient.start(options) { log.add($0, $1) }, log)
  }

  private func target(_ port: UInt16, _ path: String = "/socket", host: String = "127.0.0.1") -> RoomClient.Target {
    RoomClient.Target(isSecure: false, host: host, port: port, path: path, token: "a.b.c")
  }

  @Test("messages go both ways, in order, of every size")
  func messages() async throws {
    let server = SocketServer()
    try await server.run { port in
      let (client, log) = try start()
      defer { client.close() }
      client.connect(1, target(port, "/socket?q=%2B1"))
      #expect(await log.wait(1) { $0 == [.opened] })
      let sizes = [1, 125, 126, 4_095, 65_535, 65_536, 300_000]
      for size in sizes { client.send(1, Array(repeating: UInt8(size & 255), count: size)) }
      client.send(1, Array("text ü".utf8), isBinary: false)
      #expect(await log.wait(1) { $0.count == sizes.count + 2 })
      let expected = sizes.map {
        RoomClient.Event.message(Array(repeating: UInt8($0 & 255), count: $0), isBinary: true)
      }
      let isEqual = log.of(1) == [.opened] + expected + [.message(Array("text ü".utf8), isBinary: false)]
      #expect(isEqual)
      #expect(server.requests.all.map(\.path) == ["/socket+1"])
      #expect(server.requests.all.map(\.authorization) == ["Bearer a.b.c"])
    }
  }

  @Test(
    "a request line of 20 kB and a token of 20 kB are sent whole",
    arguments: [20, 20_000])
  func longRequest(count: Int) async throws {
    let server = SocketServer()
    try await server.run { port in
      let (client, log) = try start()
      defer { client.close() }
      let long = String(repeating: "x", count: count)
      var target = target(port, "/socket?q=\(long)")
      target.token = long
      client.connect(1, target)
      #expect(await log.wait(1) { $0 == [.opened] }, "\(log.of(1))")
      let isWhole = server.requests.all.first.map { $0 == ("/socket" + long, "Bearer " + long) }
      #expect(isWhole == true)
    }
  }

  @Test("a status other than 101 is told", arguments: [401, 404, 503])
  func refused(status: Int) async throws {
    try await SocketServer().run { port in
      let (client, log) = try start()
      defer { client.close() }
      client.connect(1, target(port, "/\(status)"))
      #expect(await log.wait(1) { $0 == [.refused(status: status)] }, "\(log.of(1))")
    }
  }

  @Test("who cannot be reached, and a name that nobody has")
  func unreachable() async throws {
    let (client, log) = try start()
    defer { client.close() }
    let free = try freePort()
    client.connect(1, target(free))
    client.connect(2, target(free, host: "no-such-host.invalid"))
    client.connect(3, target(free, host: "localhost"))
    for id in UInt64(1)...3 {
      #expect(await log.wait(id) { $0.count == 1 && $0[0].reason?.isEmpty == false }, "\(id): \(log.of(id))")
    }
    #expect(log.of(2)[0].reason?.contains("no address") == true)
  }

  @Test("a host of several addresses is reached by the one that answers")
  func severalAddresses() async throws {
    try await SocketServer().run { port in
      let (client, log) = try start()
      defer { client.close() }
      // ::1 and 127.0.0.1, and nobody listens on the first.
      var id: UInt64 = 0
      var isOpen = false
      for _ in 0..<3 where !isOpen {
        id += 1
        client.connect(id, target(port, host: "localhost"))
        #expect(await log.wait(id) { !$0.isEmpty })
        isOpen = log.of(id) == [.opened]
      }
      #expect(isOpen)
    }
  }

  @Test("a connection that the server ends, and one that we end")
  func ending() async throws {
    let server = SocketServer { connection in
      for await _ in connection.messages { connection.close(code: 1000, reason: "enough") }
    }
    try await server.run { port in
      let (client, log) = try start()
      defer { client.close() }
      client.connect(1, target(port))
      #expect(await log.wait(1) { $0 == [.opened] })
      client.send(1, [1])
      #expect(await log.wait(1) { $0.count == 2 && $0[1].reason != nil }, "\(log.of(1))")
    }
    let received = Outcome()
    let listening = SocketServer { connection in
      for await message in connection.messages { if case .binary(let bytes) = message { received.add(bytes) } }
      received.end()
    }
    try await listening.run { port in
      let (client, log) = try start()
      defer { client.close() }
      client.connect(1, target(port))
      #expect(await log.wait(1) { $0 == [.opened] })
      // Said and gone: what was sent arrives before the end.
      for number in UInt8(0)..<100 { client.send(1, [number]) }
      client.close(1)
      #expect(await eventually { received.hasEnded })
      let isWhole = received.all == (UInt8(0)..<100).map { [$0] }
      #expect(isWhole)
      #expect(!log.of(1).contains { $0.isOver })
      client.connect(2, target(port))
      client.close(2)
      client.connect(3, target(port))
      #expect(await log.wait(3) { $0 == [.opened] })
      #expect(log.of(2).filter { $0 != .opened }.isEmpty)
    }
  }

  @Test("a message that is too large, and a server that takes nothing, end the connection")
  func bounds() async throws {
    var options = RoomClient.Options()
    options.limits.messageByteCount = 10_000
    options.limits.queuedByteCount = 50_000
    let server = SocketServer { connection in
      for await message in connection.messages {
        guard case .binary(let bytes) = message else { continue }
        connection.send(.binary(Array(repeating: 0, count: bytes.count == 1 ? 10_000 : 10_001)))
      }
    }
    try await server.run { port in
      let (client, log) = try start(options)
      defer { client.close() }
      client.connect(1, target(port))
      #expect(await log.wait(1) { $0 == [.opened] })
      client.send(1, [1])
      #expect(await log.wait(1) { $0.count == 2 })
      client.send(1, [1, 2])
      #expect(await log.wait(1) { $0.last?.reason?.contains("too large") == true })
      client.connect(2, target(port))
      #expect(await log.wait(2) { $0 == [.opened] })
      for _ in 0..<10 { client.send(2, Array(repeating: 0, count: 10_000)) }
      #expect(await log.wait(2) { $0.last?.reason?.contains("does not take") == true })
    }
  }

  @Test("a server that accepts and says nothing is given up")
  func silentServer() async throws {
    var options = RoomClient.Options()
    options.limits.connectSeconds = 1
    let (client, log) = try start(options)
    defer { client.close() }
    let listener = try Listener()
    client.connect(1, target(listener.port))
    #expect(await log.wait(1) { $0.last?.reason != nil }, "\(log.of(1))")
    listener.close()
  }

  @Test("many connections come and go, and the thread ends with all of them open")
  func many() async throws {
    try await SocketServer().run { port in
      let (client, log) = try start()
      for round in UInt64(0)..<5 {
        for number in UInt64(0)..<60 { client.connect(round * 100 + number, target(port)) }
        for number in UInt64(0)..<60 {
          #expect(await log.wait(round * 100 + number) { $0 == [.opened] })
          if number < 30 { client.close(round * 100 + number) }
        }
      }
      client.close()
      client.close()
      client.connect(9_999, target(port))
      #expect(log.of(9_999).isEmpty)
    }
  }

  // MARK: TLS

  @Test("wss: what the authority signed for that name is trusted, and HTTP/1.1 is spoken")
  func secure() async throws {
    let files = try await Certificates()
    defer { files.remove() }
    let server = try await SecureServer(certificate: files.make("good", names: "DNS:localhost,IP:127.0.0.1"))
    defer { server.stop() }
    var options = RoomClient.Options()
    options.authorityFile = files.authority
    let (client, log) = try start(options)
    defer { client.close() }
    for (id, host) in [(UInt64(1), "localhost"), (2, "127.0.0.1")] {
      client.connect(id, RoomClient.Target(isSecure: true, host: host, port: server.port, path: "/", token: "t"))
      #expect(await log.wait(id) { $0 == [.opened] }, "\(host): \(log.of(id))")
      client.send(id, [1, 2, 3])
      #expect(await log.wait(id) { $0.count == 2 }, "\(host): \(log.of(id))")
      #expect(log.of(id) == [.opened, .message([1, 2, 3], isBinary: true)])
    }
  }

  // A server that is writing while TCP ends loses what it has not read yet: the last message.
  @Test("TCP ends after the server's close frame, not before (RFC 6455 §7.1.1)")
  func closing() async throws {
    let files = try await Certificates()
    defer { files.remove() }
    let server = try await SecureServer(certificate: files.make("good", names: "IP:127.0.0.1"))
    defer { server.stop() }
    var options = RoomClient.Options()
    options.authorityFile = files.authority
    let (client, log) = try start(options)
    defer { client.close() }
    client.connect(1, RoomClient.Target(isSecure: true, host: "127.0.0.1", port: server.port, path: "/", token: "t"))
    #expect(await log.wait(1) { $0 == [.opened] })
    client.send(1, [1])
    client.close(1)
    #expect(await eventually { !server.words.isEmpty })
    #expect(server.words == ["the client waits"])
  }

  @Test("wss: another name, another authority, no authority, another time are refused")
  func insecure() async throws {
    let files = try await Certificates()
    defer { files.remove() }
    let others = try await Certificates()
    defer { others.remove() }
    let bad: [(String, String)] = [
      ("name", try await files.make("name", names: "DNS:rooms.example.com")),
      ("address", try await files.make("address", names: "IP:192.0.2.1")),
      ("authority", try await others.make("authority", names: "DNS:localhost")),
      ("self", try await files.make("self", names: "DNS:localhost", isSigned: false)),
      ("expired", try await files.make("expired", names: "DNS:localhost", days: "-1")),
    ]
    var options = RoomClient.Options()
    options.authorityFile = files.authority
    let (client, log) = try start(options)
    defer { client.close() }
    for (id, (name, certificate)) in zip(UInt64(1)..., bad) {
      let server = try await SecureServer(certificate: certificate)
      defer { server.stop() }
      let host = name == "address" ? "127.0.0.1" : "localhost"
      client.connect(id, RoomClient.Target(isSecure: true, host: host, port: server.port, path: "/", token: "t"))
      #expect(await log.wait(id) { $0.last?.isOver == true }, "\(name): \(log.of(id))")
      #expect(!log.of(id).contains(.opened), "\(name)")
      #expect(log.of(id).last?.reason?.contains("certificate is not trusted") == true, "\(name): \(log.of(id))")
    }
    // The system's authorities know nothing of ours.
    let good = try await SecureServer(certificate: files.make("good", names: "DNS:localhost"))
    defer { good.stop() }
    let (strict, strictLog) = try start()
    defer { strict.close() }
    strict.connect(1, RoomClient.Target(isSecure: true, host: "localhost", port: good.port, path: "/", token: "t"))
    #expect(await strictLog.wait(1) { $0.last?.isOver == true })
    #expect(!strictLog.of(1).contains(.opened))
  }

  @Test("authorities that cannot be read are an error at the start")
  func noAuthorities() {
    var options = RoomClient.Options()
    options.authorityFile = "/nonexistent/ca.pem"
    #expect(throws: RoomClient.StartError.self) { try start(options) }
  }
}
