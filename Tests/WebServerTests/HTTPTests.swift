import Base
import Testing

@testable import WebServer

@Suite(.serialized) struct HTTPTests {
  static let get = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"

  @Test("a request reaches the handler whole and its connection serves the next one")
  func keepAlive() async throws {
    let handler = TestHandler(response: { request in
      .text(
        200,
        "\(request.method) \(request.path) \(request.queryValue("q") ?? "") \(request.header("x-a") ?? "") "
          + "\(String(decoding: request.body, as: UTF8.self)) \(request.source.address)")
    })
    try await withServer(handler: handler) { _, endpoint in
      let client = try RawClient(endpoint)
      try client.send("POST /p%20q?q=1%2B2 HTTP/1.1\r\nHost: x\r\nX-A: b\r\nContent-Length: 4\r\n\r\nbody")
      #expect(try await client.takeResponse().body == "POST /p q 1+2 b body 127.0.0.1")
      try client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
      #expect(try await client.takeResponse().body == "POST /   abc 127.0.0.1")
      try client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      #expect(try await client.takeResponse().head.lowercased().contains("connection: close"))
      #expect(try await client.takeAll() == [])
    }
  }

  @Test("a request that comes byte by byte is a request")
  func byteByByte() async throws {
    try await withServer { _, endpoint in
      let client = try RawClient(endpoint)
      for byte in Self.get.utf8 { try client.send([byte]) }
      #expect(try await client.takeResponse().body == "GET /a 0")
    }
  }

  @Test("HEAD gets the length without the body")
  func head() async throws {
    try await withServer { _, endpoint in
      let client = try RawClient(endpoint)
      try client.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n")
      let head = try await client.takeResponse(hasBody: false).head
      #expect(head.lowercased().contains("content-length: 9"))
      try client.send(Self.get)
      #expect(try await client.takeResponse().body == "GET /a 0")
    }
  }

  @Test("a request line of 20 kB, as a talkative client's join request, is taken")
  func longRequestLine() async throws {
    try await withServer { _, endpoint in
      let client = try RawClient(endpoint)
      let long = String(repeating: "x", count: 20_000)
      try client.send("GET /rtc/v1?join_request=\(long) HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try await client.takeResponse().head.hasPrefix("HTTP/1.1 200 "))
    }
  }

  struct Hostile: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let request: String
    let status: Int

    init(_ name: String, _ request: String, _ status: Int) {
      testDescription = name
      self.request = request
      self.status = status
    }
  }

  static let hostile: [Hostile] = [
    Hostile("a line too long", "GET /\(String(repeating: "x", count: 66_000)) HTTP/1.1\r\n\r\n", 414),
    Hostile("a line that never ends", "GET /\(String(repeating: "x", count: 200_000))", 431),
    Hostile("a header too long", "GET / HTTP/1.1\r\nA: \(String(repeating: "x", count: 40_000))\r\n\r\n", 431),
    Hostile("too many headers", "GET / HTTP/1.1\r\n\(String(repeating: "A: b\r\n", count: 101))\r\n", 431),
    Hostile("a body too long", "POST / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", 413),
    Hostile(
      "chunks too long together",
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        + String(repeating: "10000\r\n\(String(repeating: "x", count: 65_536))\r\n", count: 17), 413
    ),
    Hostile("no HTTP", "INVITE sip:a@b SIP/2.0\r\n\r\n", 400),
    Hostile("rubbish", "\u{16}\u{3}\u{1}\u{2}\u{0}\r\n\r\n", 400),
    Hostile("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    Hostile("two lengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    Hostile(
      "a length and chunks", "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    Hostile("a bad escape", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
  ]

  @Test("what breaks the rules or a bound is refused and closed", arguments: hostile)
  func refusing(_ hostile: Hostile) async throws {
    try await withServer { server, endpoint in
      let client = try RawClient(endpoint)
      _ = client.sendWithoutWaiting(Array(hostile.request.utf8))
      let text = String(decoding: try await client.takeAll(), as: UTF8.self)
      #expect(text.hasPrefix("HTTP/1.1 \(hostile.status) "))
      #expect(server.statistics.badRequests == 1)
    }
  }

  @Test("a second request before the first response is not answered, and the connection ends")
  func pipelining() async throws {
    try await withServer { _, endpoint in
      let client = try RawClient(endpoint)
      try client.send(Self.get + Self.get)
      let text = String(decoding: try await client.takeAll(), as: UTF8.self)
      #expect(text.split(separator: "HTTP/1.1 200").count == 1)
      #expect(text.lowercased().contains("connection: close"))
    }
  }

  @Test("whoever asks and does not take the response is answered once")
  func unread() async throws {
    let size = 32 * 1024 * 1024
    let handler = TestHandler(response: { _ in HTTPResponse(status: 200, body: Array(repeating: 0x78, count: size)) })
    try await withServer(handler: handler) { server, endpoint in
      let client = try RawClient(endpoint)
      try client.send(Self.get)
      #expect(await eventually { server.statistics.requests == 1 })
      for _ in 0..<1000 { try client.send(Self.get) }
      let received = try await client.takeAll()
      #expect((size..<size + 1000).contains(received.count))
      #expect(server.statistics.requests == 1)
    }
  }

  @Test("a response that the peer never takes is kept for its time and no longer")
  func neverRead() async throws {
    var limits = WebServerLimits()
    limits.writeDuration = .milliseconds(100)
    limits.idleDuration = .seconds(600)
    let handler = TestHandler(response: { _ in
      HTTPResponse(status: 200, body: Array(repeating: 0x78, count: 32 * 1024 * 1024))
    })
    try await withServer(limits, handler: handler) { server, endpoint in
      let client = try RawClient(endpoint)
      try client.send(Self.get)
      #expect(await eventually { server.statistics.requests == 1 })
      #expect(await eventually { server.statistics.openConnections == 0 })
    }
  }

  @Test("nothing is read of a body before the handler has said what it may be")
  func bodyBeforeAllowance() async throws {
    let gate = Outcome<Bool>()
    let handler = TestHandler(bodyByteCount: 64 * 1024 * 1024, allow: { _ = await eventually { gate.isSet } })
    try await withServer(handler: handler) { server, endpoint in
      let client = try RawClient(endpoint)
      let body = [UInt8](repeating: 0x78, count: 32 * 1024 * 1024)
      try client.send("POST / HTTP/1.1\r\nContent-Length: \(body.count)\r\nConnection: close\r\n\r\n")
      // What the kernel's buffers hold goes; the rest stays with the client.
      var sent = 0
      let isGone = await eventually(within: .milliseconds(300)) {
        sent += client.sendWithoutWaiting(Array(body[sent...]))
        return sent == body.count
      }
      #expect(!isGone && server.statistics.heldBodyBytes == 0)
      gate.set(true)
      try await client.sendRest(Array(body[sent...]))
      #expect(String(decoding: try await client.takeAll(), as: UTF8.self).hasSuffix("POST / \(body.count)"))
    }
  }

  @Test("half a request is closed after its time, at once or on a connection that served one")
  func slowRequests() async throws {
    var limits = WebServerLimits()
    limits.requestDuration = .milliseconds(100)
    limits.idleDuration = .seconds(600)
    try await withServer(limits) { server, endpoint in
      let first = try RawClient(endpoint)
      try first.send("GET / HT")
      let second = try RawClient(endpoint)
      try second.send(Self.get)
      _ = try await second.takeResponse()
      try second.send("GET")
      let silent = try RawClient(endpoint)
      for client in [first, second, silent] { #expect(try await client.takeAll() == []) }
      #expect(server.statistics.timedOutConnections == 3)
    }
  }

  @Test("a body that stays half is answered in its path's words")
  func slowBody() async throws {
    var limits = WebServerLimits()
    limits.requestDuration = .milliseconds(100)
    try await withServer(limits) { server, endpoint in
      let client = try RawClient(endpoint)
      try client.send("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
      let text = String(decoding: try await client.takeAll(), as: UTF8.self)
      #expect(text.hasPrefix("HTTP/1.1 408 ") && text.hasSuffix("too slow"))
      #expect(server.statistics.timedOutConnections == 1)
    }
  }

  @Test("a path has the last word on how large a body may be")
  func bodyAllowance() async throws {
    try await withServer(handler: TestHandler(bodyByteCount: 10)) { _, endpoint in
      let small = try RawClient(endpoint)
      try small.send("POST / HTTP/1.1\r\nContent-Length: 10\r\nConnection: close\r\n\r\n0123456789")
      #expect(String(decoding: try await small.takeAll(), as: UTF8.self).hasSuffix("POST / 10"))
      let large = try RawClient(endpoint)
      try large.send("POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n")
      #expect(String(decoding: try await large.takeAll(), as: UTF8.self).hasSuffix("too large"))
    }
  }

  @Test("the bodies of all connections together are bounded, and what is done with makes room")
  func bodiesTogether() async throws {
    var limits = WebServerLimits()
    limits.bodiesByteCount = 15
    try await withServer(limits) { server, endpoint in
      let request = "POST / HTTP/1.1\r\nContent-Length: 10\r\nConnection: close\r\n\r\n"
      let waiting = try RawClient(endpoint)
      try waiting.send(request + "01234567")
      #expect(await eventually { server.statistics.heldBodyBytes == 8 })
      let refused = try RawClient(endpoint)
      try refused.send(request + "0123456789")
      #expect(String(decoding: try await refused.takeAll(), as: UTF8.self).hasSuffix("busy"))
      try waiting.send("89")
      #expect(String(decoding: try await waiting.takeAll(), as: UTF8.self).hasSuffix("POST / 10"))
      for _ in 0..<3 {
        let client = try RawClient(endpoint)
        try client.send(request + "0123456789")
        #expect(String(decoding: try await client.takeAll(), as: UTF8.self).hasSuffix("POST / 10"))
      }
    }
  }

  @Test("an idle connection is closed after its time")
  func idle() async throws {
    var limits = WebServerLimits()
    limits.idleDuration = .milliseconds(100)
    try await withServer(limits) { server, endpoint in
      let client = try RawClient(endpoint)
      try client.send(Self.get)
      _ = try await client.takeResponse()
      #expect(try await client.takeAll() == [])
      #expect(server.statistics.timedOutConnections == 1)
    }
  }

  @Test("connections beyond the bound are closed at once and make room when they go", arguments: [true, false])
  func connectionBounds(_ isPerSource: Bool) async throws {
    var limits = WebServerLimits()
    if isPerSource { limits.connectionsPerSource = 2 } else { limits.connections = 2 }
    try await withServer(limits) { server, endpoint in
      var clients = [try RawClient(endpoint), try RawClient(endpoint)]
      #expect(await eventually { server.statistics.openConnections == 2 })
      #expect(try await RawClient(endpoint).takeAll() == [])
      #expect(server.statistics.refusedConnections == 1)
      clients.removeFirst()
      #expect(await eventually { server.statistics.openConnections == 1 })
      let next = try RawClient(endpoint)
      try next.send(Self.get)
      #expect(try await next.takeResponse().body == "GET /a 0")
    }
  }

  @Test("a WebSocket that the handler has accepted leaves its source's place to the next")
  func acceptedWebSockets() async throws {
    var limits = WebServerLimits()
    limits.connectionsPerSource = 1
    try await withServer(limits) { server, endpoint in
      var sockets: [RawClient] = []
      for _ in 0..<5 { sockets.append(try await RawClient.webSocket(endpoint)) }
      let idle = try RawClient(endpoint)
      #expect(await eventually { server.statistics.openConnections == 6 })
      #expect(try await RawClient(endpoint).takeAll() == [])
      sockets.removeAll()
      #expect(await eventually { server.statistics.openConnections == 1 })
      #expect(try await RawClient(endpoint).takeAll() == [], "the idle one has the place")
      try idle.send(Self.get)
      #expect(try await idle.takeResponse().body == "GET /a 0")
    }
  }

  @Test("one IPv6 /64 counts as one source, two IPv4 addresses as two")
  func sources() throws {
    func key(_ text: String) throws -> ConnectionTable.SourceKey { .init(try #require(IPAddress(text))) }
    #expect(try key("2001:db8::1") == key("2001:db8::ffff:1"))
    #expect(try key("2001:db8::1") != key("2001:db8:0:1::1"))
    #expect(try key("192.0.2.1") != key("192.0.2.2"))
  }

  @Test("the handler's task is cancelled when the peer goes away")
  func cancellation() async throws {
    let wasCancelled = Outcome<Bool>()
    let started = Outcome<Bool>()
    let handler = TestHandler(response: { _ in
      started.set(true)
      wasCancelled.set(await eventually { Task.isCancelled })
      return .text(200, "")
    })
    try await withServer(handler: handler) { _, endpoint in
      var client: RawClient? = try RawClient(endpoint)
      try client?.send(Self.get)
      #expect(await eventually { started.isSet })
      client = nil
      #expect(await eventually { wasCancelled.isSet })
      #expect(wasCancelled.current == true)
    }
  }

  @Test("close lets a running request finish, drops idle connections and frees the port")
  func closing() async throws {
    let gate = Outcome<Bool>()
    let handler = TestHandler(response: { _ in
      _ = await eventually { gate.isSet }
      return .text(200, "done")
    })
    let server = try await WebServer.start(on: [Endpoint(.loopbackV4, 0)], handler: handler)
    let endpoint = try #require(server.endpoints.first)
    let busy = try RawClient(endpoint)
    try busy.send(Self.get)
    let idle = try RawClient(endpoint)
    #expect(await eventually { server.statistics.openConnections == 2 && server.statistics.requests == 1 })
    async let closed: Void = server.close()
    #expect(try await idle.takeAll() == [])
    gate.set(true)
    #expect(try await busy.takeResponse().body == "done")
    #expect(try await busy.takeAll() == [])
    await closed
    #expect(server.statistics.openConnections == 0)
    #expect(throws: RawClient.Failure.self) { try RawClient(endpoint) }
  }

  @Test("a port that is taken is said to be so")
  func portTaken() async throws {
    try await withServer { _, endpoint in
      do throws(WebServerError) {
        let other = try await WebServer.start(on: [endpoint], handler: TestHandler())
        await other.close()
        Issue.record("two servers listen on one port")
      } catch {
        #expect(error.code == "not-bound")
        #expect(error.message.contains("\(endpoint)"))
      }
    }
  }
}
