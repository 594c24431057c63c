import Base
import Testing

@testable import WebServer

@Suite(.serialized) struct WebSocketTests {
  @Test("the handshake is answered with RFC 6455's own example value")
  func handshake() async throws {
    try await withServer { _, endpoint in
      let client = try RawClient(endpoint)
      try client.send(RawClient.handshake())
      let head = try await client.takeResponse().head.lowercased()
      #expect(head.hasPrefix("http/1.1 101 "))
      #expect(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="))
    }
  }

  @Test("a frame that comes right behind the handshake is not lost")
  func earlyFrame() async throws {
    try await withServer { _, endpoint in
      let client = try RawClient(endpoint)
      try client.send(Array(RawClient.handshake().utf8) + RawFrame.text("early").bytes)
      _ = try await client.takeResponse()
      #expect(try await client.takeMessage().payload == Array("early".utf8))
    }
  }

  static let refused: [(request: String, status: Int)] = [
    (RawClient.handshake("/other"), 401),
    (RawClient.handshake().replacing("Version: 13", with: "Version: 8"), 426),
    (RawClient.handshake().replacing(RawClient.handshakeKey, with: "short"), 400),
    (RawClient.handshake().replacing("Sec-WebSocket-Key", with: "X-Key"), 400),
    // Without `Connection: upgrade` it is a plain request.
    (RawClient.handshake().replacing("keep-alive, Upgrade", with: "keep-alive"), 200),
    (RawClient.handshake().replacing("Upgrade: websocket", with: "Upgrade: h2c"), 200),
  ]

  @Test("a handshake is refused by the handler or by the rules", arguments: refused)
  func refusing(_ request: String, _ status: Int) async throws {
    try await withServer { server, endpoint in
      let client = try RawClient(endpoint)
      try client.send(request)
      let text = String(decoding: try await client.takeAll(), as: UTF8.self)
      #expect(text.hasPrefix("HTTP/1.1 \(status) "))
      #expect(server.statistics.openWebSockets == 0)
    }
  }

  @Test(
    "text and binary messages of every length class come back", arguments: [0, 1, 125, 126, 65_535, 65_536, 2_097_152])
  func echo(_ byteCount: Int) async throws {
    try await withServer { _, endpoint in
      let client = try await RawClient.webSocket(endpoint)
      let payload = (0..<byteCount).map { UInt8($0 % 95 + 32) }
      for opcode: UInt8 in [1, 2] {
        try client.send(RawFrame(opcode: opcode, payload: payload))
        let frame = try await client.takeMessage()
        #expect(frame.opcode == opcode)
        #expect(frame.payload == payload)
      }
    }
  }

  @Test("fragments become one message, with a ping answered between them")
  func fragments() async throws {
    try await withServer { _, endpoint in
      let client = try await RawClient.webSocket(endpoint)
      // A code point cut in two is whole again in the message.
      try client.send(RawFrame(opcode: 1, isFinal: false, payload: [0xC3]))
      try client.send(RawFrame(opcode: 9, payload: [7, 7]))
      try client.send(RawFrame(opcode: 0, isFinal: false, payload: []))
      try client.send(RawFrame(opcode: 0, payload: [0xA4]))
      #expect(try await client.takeMessage() == RawFrame(opcode: 10, isMasked: false, payload: [7, 7]))
      #expect(try await client.takeMessage() == RawFrame(opcode: 1, isMasked: false, payload: [0xC3, 0xA4]))
    }
  }

  static let hostile: [(name: String, frames: [RawFrame], code: UInt16)] = [
    ("unmasked", [RawFrame(opcode: 1, isMasked: false, payload: [65])], 1002),
    ("reserved bit", [RawFrame(opcode: 1, reservedBits: 4, payload: [65])], 1002),
    ("unknown data opcode", [RawFrame(opcode: 3)], 1002),
    ("unknown control opcode", [RawFrame(opcode: 11)], 1002),
    ("continuation of nothing", [RawFrame(opcode: 0)], 1002),
    ("message inside a message", [RawFrame(opcode: 1, isFinal: false), RawFrame(opcode: 1)], 1002),
    ("ping in fragments", [RawFrame(opcode: 9, isFinal: false)], 1002),
    ("ping of 126 bytes", [RawFrame(opcode: 9, payload: Array(repeating: 0, count: 126))], 1002),
    ("text that is not UTF-8", [RawFrame(opcode: 1, payload: [0xFF])], 1007),
    ("UTF-8 cut short", [RawFrame(opcode: 1, payload: [0xC3])], 1007),
    ("frame too large", [RawFrame(opcode: 2, payload: Array(repeating: 0, count: 1001))], 1009),
    (
      "fragments too large together",
      [
        RawFrame(opcode: 2, isFinal: false, payload: Array(repeating: 0, count: 600)),
        RawFrame(opcode: 0, payload: Array(repeating: 0, count: 401)),
      ], 1009
    ),
    ("close code that is never sent", [RawFrame.close(1005)], 1002),
    ("close code of one byte", [RawFrame(opcode: 8, payload: [3])], 1002),
    ("close reason that is not UTF-8", [RawFrame(opcode: 8, payload: [3, 232, 0xFF])], 1007),
  ]

  @Test("frames that break RFC 6455 or a bound close the connection with its code", arguments: hostile)
  func closingCodes(_ name: String, _ frames: [RawFrame], _ code: UInt16) async throws {
    var limits = WebServerLimits()
    limits.messageByteCount = 1000
    let closure = Outcome<WebSocketClosure>()
    let handler = TestHandler(session: { connection in
      for await _ in connection.messages { Issue.record("a message came of it") }
      if let value = connection.closure { closure.set(value) }
    })
    try await withServer(limits, handler: handler) { server, endpoint in
      let client = try await RawClient.webSocket(endpoint)
      for frame in frames { try client.send(frame) }
      let frame = try await client.takeMessage()
      #expect(frame.opcode == 8)
      #expect(frame.payload.prefix(2) == [UInt8(code >> 8), UInt8(truncatingIfNeeded: code)])
      #expect(try await client.takeAll() == [])
      #expect(await eventually { closure.isSet })
      #expect(closure.current?.code == code)
      #expect(closure.current?.isByPeer == false)
      #expect(server.statistics.badRequests == 1)
    }
  }

  @Test("a peer's close is echoed, what it sent before is still read, and the session learns why")
  func peerCloses() async throws {
    let outcome = Outcome<(messages: [WebSocketMessage], closure: WebSocketClosure?)>()
    let handler = TestHandler(session: { connection in
      var messages: [WebSocketMessage] = []
      for await message in connection.messages { messages.append(message) }
      #expect(!connection.send(.text("too late")))
      outcome.set((messages, connection.closure))
    })
    try await withServer(handler: handler) { _, endpoint in
      let client = try await RawClient.webSocket(endpoint)
      try client.send(RawFrame.text("last").bytes + RawFrame.close(4001, "bye").bytes)
      #expect(try await client.takeMessage().payload == [0x0F, 0xA1])
      #expect(try await client.takeAll() == [])
      #expect(await eventually { outcome.isSet })
      #expect(outcome.current?.messages == [.text("last")])
      #expect(outcome.current?.closure == WebSocketClosure(code: 4001, reason: "bye", isByPeer: true))
    }
  }

  @Test("a peer that vanishes ends the session with 1006")
  func peerVanishes() async throws {
    let closure = Outcome<WebSocketClosure?>()
    let handler = TestHandler(session: { connection in
      for await _ in connection.messages {}
      closure.set(connection.closure)
    })
    try await withServer(handler: handler) { server, endpoint in
      var client: RawClient? = try await RawClient.webSocket(endpoint)
      #expect(await eventually { server.statistics.openWebSockets == 1 })
      client = nil
      #expect(client == nil)
      #expect(await eventually { closure.isSet })
      #expect(closure.current??.code == 1006)
      #expect(await eventually { server.statistics.openWebSockets == 0 })
    }
  }

  @Test("our close goes out behind what was queued, and the socket goes with the peer's answer")
  func weClose() async throws {
    let handler = TestHandler(session: { connection in
      connection.send(.text("one"))
      connection.send(.binary([2]))
      connection.close(code: 4002, reason: "enough")
      connection.close(code: 4003)
      #expect(!connection.send(.text("late")))
    })
    try await withServer(handler: handler) { _, endpoint in
      let client = try await RawClient.webSocket(endpoint)
      #expect(try await client.takeMessage().payload == Array("one".utf8))
      #expect(try await client.takeMessage().payload == [2])
      #expect(try await client.takeMessage().payload == [0x0F, 0xA2] + Array("enough".utf8))
      try client.send(.close(4002))
      #expect(try await client.takeAll() == [])
    }
  }

  @Test("a session that returns closes with 1000")
  func sessionReturns() async throws {
    try await withServer(handler: TestHandler(session: { _ in })) { _, endpoint in
      let client = try await RawClient.webSocket(endpoint)
      #expect(try await client.takeMessage().payload == [0x03, 0xE8])
    }
  }

  @Test("a peer that never answers our close is dropped after its time")
  func unansweredClose() async throws {
    var limits = WebServerLimits()
    limits.writeDuration = .milliseconds(100)
    try await withServer(limits, handler: TestHandler(session: { _ in })) { _, endpoint in
      let client = try await RawClient.webSocket(endpoint)
      #expect(try await client.takeMessage().opcode == 8)
      #expect(try await client.takeAll() == [])
    }
  }

  /// Sends 30 MB at a pace that a peer who reads can follow, as long as the connection takes them.
  static func sendMuch(_ connection: WebSocketConnection) async -> Int {
    let message = WebSocketMessage.binary(Array(repeating: 0, count: 100_000))
    for count in 0..<300 {
      guard connection.send(message) else { return count }
      _ = await eventually(within: .milliseconds(100)) { connection.queuedByteCount == 0 }
    }
    return 300
  }

  @Test("a peer that does not read is closed when its queue passes the bound")
  func slowConsumer() async throws {
    var limits = WebServerLimits()
    limits.outboundByteCount = 1_000_000
    let sent = Outcome<Int>()
    let closure = Outcome<WebSocketClosure?>()
    let handler = TestHandler(session: { connection in
      sent.set(await Self.sendMuch(connection))
      closure.set(connection.closure)
    })
    try await withServer(limits, handler: handler) { server, endpoint in
      let client = try await RawClient.webSocket(endpoint)
      #expect(await eventually { closure.isSet })
      #expect(try #require(sent.current) < 300)
      #expect(closure.current == WebSocketClosure(code: 1006, reason: "too slow", isByPeer: false))
      #expect(await eventually { server.statistics.openWebSockets == 0 })
      #expect(server.statistics.slowConsumers == 1)
      _ = client
    }
  }

  @Test("pings of a peer that does not read are not all answered")
  func unreadPongs() async throws {
    try await withServer { _, endpoint in
      let client = try await RawClient.webSocket(endpoint)
      let ping = RawFrame(opcode: 9, payload: Array(repeating: 0x70, count: 125)).bytes
      let burst = Array(repeatElement(ping, count: 1000).joined())
      // Twice what the kernel's buffers hold.
      for _ in 0..<120 { try await client.sendRest(burst) }
      try client.send(RawFrame.text("last"))
      var pongs = 0
      var frame = try await client.takeFrame()
      while frame.opcode != 1 {
        pongs += frame.opcode == 10 ? 1 : 0
        frame = try await client.takeFrame()
      }
      #expect(frame.payload == Array("last".utf8) && (1..<120_000).contains(pongs))
    }
  }

  @Test("a peer that reads is sent far more than the bound")
  func fastConsumer() async throws {
    var limits = WebServerLimits()
    limits.outboundByteCount = 1_000_000
    let sent = Outcome<Int>()
    let handler = TestHandler(session: { connection in sent.set(await Self.sendMuch(connection)) })
    try await withServer(limits, handler: handler) { server, endpoint in
      let client = try await RawClient.webSocket(endpoint)
      for _ in 0..<300 { #expect(try await client.takeMessage().payload.count == 100_000) }
      #expect(try await client.takeMessage().payload == [0x03, 0xE8])
      #expect(sent.current == 300)
      #expect(server.statistics.slowConsumers == 0)
    }
  }

  @Test("a session that does not read stops the peer; when it reads again, everything comes in order")
  func inboundBackpressure() async throws {
    let gate = Outcome<Bool>()
    let last = Outcome<Int>()
    let handler = TestHandler(session: { connection in
      _ = await eventually { gate.isSet }
      var expected = 0
      for await message in connection.messages {
        guard case .binary(let bytes) = message, Int(bytes[0]) == expected else {
          Issue.record("message \(expected) is missing")
          return
        }
        expected += 1
        if bytes.count == 1 { break }
      }
      last.set(expected)
    })
    let frameCount = 200
    // Before there is a connection that waits for its client's pongs.
    let all = (0..<frameCount).flatMap { index in
      RawFrame(opcode: 2, payload: Array(repeating: UInt8(index), count: 65_536)).bytes
    }
    try await withServer(handler: handler) { _, endpoint in
      let client = try await RawClient.webSocket(endpoint)
      // 13 MB do not fit into two sockets' buffers and our bound.
      let before = client.sendWithoutWaiting(all)
      #expect(before < all.count)
      gate.set(true)
      try await client.sendRest(Array(all[before...]) + RawFrame(opcode: 2, payload: [UInt8(frameCount)]).bytes)
      #expect(await eventually { last.isSet })
      #expect(last.current == frameCount + 1)
    }
  }

  @Test("pings go out at their interval and a peer that answers none is dropped")
  func silence() async throws {
    var limits = WebServerLimits()
    limits.pingInterval = .milliseconds(30)
    limits.silenceDuration = .milliseconds(120)
    try await withServer(limits) { server, endpoint in
      let client = try await RawClient.webSocket(endpoint)
      for _ in 0..<8 {
        #expect(try await client.takeFrame().opcode == 9)
        try client.send(RawFrame(opcode: 10))
      }
      // Eight pings take longer than the silence allowed: the pongs kept it open. From here on nothing is sent.
      #expect(server.statistics.openWebSockets == 1)
      _ = try await client.takeAll()
      #expect(server.statistics.timedOutConnections == 1)
    }
  }

  @Test("closing the server closes WebSockets with 1001")
  func serverCloses() async throws {
    let server = try await WebServer.start(on: [Endpoint(.loopbackV4, 0)], handler: TestHandler())
    let client = try await RawClient.webSocket(try #require(server.endpoints.first))
    async let closed: Void = server.close()
    let frame = try await client.takeMessage()
    #expect(frame.opcode == 8)
    #expect(frame.payload.prefix(2) == [0x03, 0xE9])
    try client.send(.close(1001))
    #expect(try await client.takeAll() == [])
    await closed
  }

  @Test("two hundred connections that come and go leave nothing behind")
  func churn() async throws {
    try await withServer { server, endpoint in
      for round in 0..<200 {
        let client = try await RawClient.webSocket(endpoint)
        if round % 2 == 0 { try client.send(.close(1000)) }
      }
      #expect(await eventually { server.statistics.openConnections == 0 && server.statistics.openWebSockets == 0 })
      #expect(server.statistics.acceptedConnections == 200)
    }
  }
}
