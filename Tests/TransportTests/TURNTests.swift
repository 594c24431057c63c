import Base
import Testing

@testable import Transport

@Suite("TURN")
struct TURNTests {
  private static let peer = Endpoint(IPAddress(v4: 0xC633_6401), 7882)

  /// A client and its server, with the packets of peers that came out.
  private final class Session {
    var client: TURNClient
    let server = TestTURNServer()
    var now = MonotonicTime.zero + .seconds(1)
    var events: [TURNClient.Event] = []
    private(set) var requestCount = 0
    /// Requests and answers that get lost, counted down.
    var lossCount = 0

    init(username: String = "user", password: String = "secret", isStream: Bool = false) {
      client = TURNClient(username: username, password: password, isStream: isStream, random: .seeded(1))
    }

    func run(_ duration: Duration) {
      let end = now + duration
      while now < end {
        while let request = nextRequest() { exchange(request) }
        now += .milliseconds(20)
      }
    }

    func nextRequest() -> [UInt8]? {
      var buffer = [UInt8](repeating: 0, count: TURNClient.maximumRequestByteCount)
      let now = now
      let count = buffer.withRaw { client.nextRequest(at: now, into: &$0) }
      guard count > 0 else { return nil }
      requestCount += 1
      return Array(buffer[..<count])
    }

    func exchange(_ request: [UInt8]) {
      if lossCount > 0 {
        lossCount -= 1
        return
      }
      guard let answer = server.receive(request) else { return }
      if lossCount > 0 {
        lossCount -= 1
        return
      }
      receive(answer)
    }

    func receive(_ message: [UInt8]) {
      let event = client.receive(message.span.bytes, at: now)
      if event != .nothing { events.append(event) }
    }

    /// The packet wrapped, given to the server.
    func send(_ packet: [UInt8], to peer: Endpoint) -> Int {
      var slot = packet + [UInt8](repeating: 0xAA, count: 1_536 - packet.count)
      let count = slot.withUnsafeMutableBytes { client.wrap($0, byteCount: packet.count, for: peer) }
      if count > 0 { _ = server.receive(Array(slot[..<count])) }
      return count
    }
  }

  @Test("an allocation takes two exchanges and is kept up until it is given back")
  func allocates() {
    let session = Session()
    session.run(.milliseconds(100))
    #expect(session.events == [.allocated(TestTURNServer.relayed)])
    #expect(session.client.mapped == TestTURNServer.mapped)
    #expect(session.requestCount == 2)
    session.run(.seconds(1_000))
    #expect(session.requestCount == 5)
    #expect(session.server.requests.suffix(3).allSatisfy { $0.method == .refresh })
    var buffer = [UInt8](repeating: 0, count: TURNClient.maximumRequestByteCount)
    let count = buffer.withRaw { session.client.close(into: &$0) }
    _ = session.server.receive(Array(buffer[..<count]))
    #expect(session.server.wasGivenBack)
    #expect(session.client.relayed == nil)
    session.run(.seconds(1_000))
    #expect(session.requestCount == 5)
  }

  @Test("the first packets go in indications, later ones in a channel", arguments: [false, true])
  func packets(isStream: Bool) throws {
    let session = Session(isStream: isStream)
    #expect(session.send([1, 2, 3], to: Self.peer) == 0)
    session.run(.milliseconds(100))
    let first = session.send([1, 2, 3], to: Self.peer)
    #expect(first == 20 + 12 + 4 + 4)
    session.run(.milliseconds(100))
    #expect(session.server.channels == [0x4000: Self.peer])
    #expect(session.send([4, 5, 6], to: Self.peer) == (isStream ? 8 : 7))
    let last = try #require(session.server.relayedPackets.last)
    #expect(last.to == Self.peer && last.bytes == [4, 5, 6] && last.inChannel)
    // Another port of the same host is permitted already.
    let other = Endpoint(Self.peer.address, 1)
    _ = session.send([7], to: other)
    let indicated = try #require(session.server.relayedPackets.last)
    #expect(indicated.to == other && indicated.bytes == [7] && !indicated.inChannel)
    for peer in [Self.peer, Endpoint(Self.peer.address, 99)] {
      session.events = []
      let message = session.server.packet(from: peer, [8, 9])
      session.receive(message)
      guard case .packet(peer, let range)? = session.events.first else {
        Issue.record("\(session.events)")
        continue
      }
      #expect(Array(message[range]) == [8, 9])
    }
  }

  @Test("channels are bound again every four minutes, for as many peers as there is room")
  func renewal() {
    let session = Session()
    session.run(.milliseconds(100))
    for port in 1...40 as ClosedRange<UInt16> { _ = session.send([1], to: Endpoint(Self.peer.address, port)) }
    session.run(.milliseconds(100))
    #expect(session.server.channels.count == TURNClient.maximumPeerCount)
    let before = session.server.requests.count { $0.method == .channelBind }
    session.run(.seconds(245))
    #expect(session.server.requests.count { $0.method == .channelBind } == 2 * before)
  }

  @Test("lost requests and answers are repeated, and do not make a second allocation", arguments: 0...5)
  func loss(count: Int) {
    let session = Session()
    session.lossCount = count
    session.run(.seconds(30))
    #expect(session.events == [.allocated(TestTURNServer.relayed)])
  }

  @Test("a silent server is given up", arguments: [false, true])
  func silence(isStream: Bool) {
    let session = Session(isStream: isStream)
    session.lossCount = 1_000
    session.run(.seconds(20))
    #expect(session.client.hasFailed)
    #expect(session.requestCount == (isStream ? 1 : 6))
  }

  @Test("a new nonce is taken, at any time")
  func staleNonce() {
    let session = Session()
    session.run(.milliseconds(100))
    session.server.nonce = Array("nonce-2".utf8)
    _ = session.send([1], to: Self.peer)
    session.run(.milliseconds(100))
    #expect(session.server.channels.count == 1)
    session.server.nonce = Array("nonce-3".utf8)
    session.run(.seconds(310))
    #expect(!session.client.hasFailed)
  }

  @Test(
    "a server that never takes a nonce, wrong credentials and refusals end it",
    arguments: [438, 401, 403, 437, 486, 508, 300])
  func refusals(code: Int) {
    let session = Session(password: code == 401 ? "wrong" : "secret")
    if code != 401 { session.server.refusals[.allocate] = code }
    session.run(.seconds(5))
    #expect(session.client.hasFailed)
    #expect(session.events == [.failed])
    #expect(session.requestCount <= 6)
  }

  @Test("a peer that the server does not relay to leaves the others alone")
  func forbiddenPeer() {
    let session = Session()
    let other = Endpoint(IPAddress(v4: 0x0A00_0001), 1)
    session.server.forbidden = [other]
    session.run(.milliseconds(100))
    for peer in [other, Self.peer] { _ = session.send([1], to: peer) }
    session.run(.milliseconds(100))
    #expect(session.server.channels == [0x4001: Self.peer])
    #expect(!session.client.hasFailed)
  }

  @Test("an answer that does not know the password is none")
  func forgedAnswer() throws {
    let session = Session()
    let request = try #require(session.nextRequest())
    session.exchange(request)
    let authenticated = try #require(session.nextRequest())
    var answer = try #require(session.server.receive(authenticated))
    answer[answer.count - 30] ^= 1
    session.receive(answer)
    #expect(session.events.isEmpty && session.client.relayed == nil)
  }

  @Test("rubbish changes nothing", arguments: [1, 2, 3] as [UInt64])
  func rubbish(seed: UInt64) {
    var random = RandomSource.seeded(seed)
    let session = Session()
    session.run(.milliseconds(100))
    _ = session.send([1], to: Self.peer)
    session.run(.milliseconds(100))
    let messages = [
      session.server.packet(from: Self.peer, Array(repeating: 7, count: 50)),
      session.server.packet(from: Endpoint(Self.peer.address, 5), Array(repeating: 7, count: 50)),
    ]
    session.events = []
    for _ in 0..<20_000 {
      var message = messages[Int.random(in: 0...1, using: &random)]
      for _ in 0..<Int.random(in: 0...4, using: &random) {
        message[Int.random(in: 0..<message.count, using: &random)] = .random(in: 0...255, using: &random)
      }
      session.receive(Array(message.prefix(Int.random(in: 0...message.count, using: &random))))
    }
    for case .packet(_, let range) in session.events { #expect(range.count <= 90) }
    #expect(session.client.relayed == TestTURNServer.relayed)
  }

  @Test("what is too long to be wrapped is not")
  func tooLong() {
    let session = Session()
    session.run(.milliseconds(100))
    #expect(session.send([UInt8](repeating: 1, count: 1_500), to: Self.peer) == 1_536)
    #expect(session.send([UInt8](repeating: 1, count: 1_501), to: Self.peer) == 0)
  }
}

@Suite("Packets in a stream")
struct StreamFramingTests {
  private func frames(_ bytes: [UInt8], _ framing: StreamFraming) -> (packets: [[UInt8]], isBroken: Bool, rest: Int) {
    var packets: [[UInt8]] = []
    var start = 0
    while true {
      let rest = Array(bytes[start...])
      switch framing.first(in: rest.span.bytes) {
      case .incomplete: return (packets, false, rest.count)
      case .broken: return (packets, true, rest.count)
      case .packet(let range, let end):
        packets.append(Array(rest[range]))
        start += end
      }
    }
  }

  @Test("packets with a length before them")
  func rfc4571() {
    #expect(frames([0, 2, 7, 8, 0, 0, 0, 1, 9, 0, 5, 1], .rfc4571).packets == [[7, 8], [], [9]])
    #expect(frames([0, 2, 7, 8, 0, 5, 1], .rfc4571).rest == 3)
    #expect(frames([0x08, 0x00], .rfc4571).isBroken)
  }

  @Test("STUN messages and padded channel data")
  func turn() {
    let stun = [UInt8](hex: "000100042112a4420102030405060708090a0b0c00250000")
    let (packets, isBroken, rest) = frames(stun + [0x40, 0, 0, 3, 1, 2, 3, 0] + stun + [0x40, 1], .turn)
    #expect(packets == [stun, [0x40, 0, 0, 3, 1, 2, 3], stun])
    #expect(!isBroken && rest == 2)
    #expect(frames([0x80, 0, 0, 0], .turn).isBroken)
    #expect(frames([0x40, 0, 0xFF, 0xFF], .turn).isBroken)
    #expect(frames([0x00, 1, 0xFF, 0xFF], .turn).isBroken)
  }
}
