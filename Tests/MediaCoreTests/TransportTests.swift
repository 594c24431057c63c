import Base
import MediaCore
import MediaTestSupport
import RTP
import Testing
import Transport

@Suite("WebRTC transport")
struct RoomTransportTests {
  private func failure(_ world: World, _ id: TransportID) -> TransportFailure? {
    for case .transportFailed(id, let reason) in world.events { return reason }
    return nil
  }

  private func isClosed(_ world: World, _ id: TransportID) -> Bool {
    world.count { if case .transportClosed(id, _) = $0 { true } else { false } } == 1
  }

  @Test("a peer connects in either DTLS role", arguments: [false, true])
  func connects(isServerDTLSClient: Bool) throws {
    let world = try World()
    let (id, peer) = try world.connectPeer(world.openRoom(), isServerDTLSClient: isServerDTLSClient)
    #expect(peer.stunResponseCount == 1)
    #expect(world.count { if case .transportConnected(id) = $0 { true } else { false } } == 1)
    #expect(world.count { if case .transportFailed = $0 { true } else { false } } == 0)
  }

  @Test("a peer with another certificate than announced is refused")
  func wrongFingerprint() throws {
    let world = try World()
    let other = try #require(MediaIdentity.make())
    let (id, peer) = try world.openPeer(world.openRoom()) { $0.remoteFingerprints = [other.fingerprint] }
    peer.start()
    world.carry()
    #expect(failure(world, id) == .wrongFingerprint)
    #expect(isClosed(world, id))
    #expect(world.count { if case .transportConnected = $0 { true } else { false } } == 0)
  }

  @Test("one of several announced certificates is enough")
  func severalFingerprints() throws {
    let world = try World()
    let other = try #require(MediaIdentity.make())
    let (_, peer) = try world.openPeer(world.openRoom()) { $0.remoteFingerprints.insert(other.fingerprint, at: 0) }
    peer.start()
    world.carry()
    #expect(peer.isConnected)
  }

  @Test("a check with a wrong password gets no answer and opens nothing")
  func wrongPassword() throws {
    let world = try World()
    let (_, peer) = try world.openPeer(world.openRoom())
    let wrong = try #require(
      ICECredentials(ufrag: peer.credentials.ufrag, password: ICECredentials.random().password))
    peer.check(wrong)
    peer.start()
    peer.outbox.remove(at: 1)
    world.carry()
    #expect(peer.stunResponseCount == 0)
    #expect(!peer.isConnected)
  }

  @Test("a transport that nobody speaks to fails after its connect timeout")
  func connectTimeout() throws {
    let world = try World()
    let (id, _) = try world.openPeer(world.openRoom()) { $0.connectTimeout = .seconds(10) }
    world.run(.milliseconds(9900))
    #expect(failure(world, id) == nil)
    world.run(.milliseconds(200))
    #expect(failure(world, id) == .connectTimeout)
    #expect(isClosed(world, id))
  }

  @Test("a peer that stops checking loses the transport, one that checks keeps it")
  func consent() throws {
    let world = try World()
    let (id, peer) = try world.connectPeer(world.openRoom())
    world.run(.seconds(60)) { index in if index % 500 == 0 { peer.check() } }
    #expect(failure(world, id) == nil)
    world.run(.seconds(31))
    #expect(failure(world, id) == .consentExpired)
    #expect(isClosed(world, id))
  }

  @Test("a peer that closes DTLS closes the transport")
  func closedByPeer() throws {
    let world = try World()
    let (id, peer) = try world.connectPeer(world.openRoom())
    peer.close()
    world.carry()
    #expect(failure(world, id) == .closedByPeer)
    #expect(isClosed(world, id))
  }

  @Test("closing tells the peer and reports the totals")
  func close() throws {
    let world = try World()
    let (id, peer) = try world.connectPeer(world.openRoom())
    world.perform(.closeTransport(id))
    #expect(isClosed(world, id))
    #expect(peer.dtlsState == .closed)
    #expect(failure(world, id) == nil)
  }

  @Test("after an ICE restart the new credentials work, from a new address too, and media goes on")
  func restart() throws {
    let world = try World()
    let (id, peer) = try world.connectPeer(world.openRoom())
    let fresh = ICECredentials.random()
    world.perform(.restartICE(id, fresh, remote: nil))
    peer.check()
    world.carry()
    #expect(peer.stunResponseCount == 1)
    peer.check(fresh)
    world.carry()
    #expect(peer.stunResponseCount == 2)
    peer.openChannel("_reliable")
    world.carry()
    #expect(peer.openLabels == ["_reliable"])
  }

  @Test("media follows a peer that moves to another address")
  func moves() throws {
    let world = try World()
    let room = world.openRoom()
    let phone = TestPhone(at: Endpoint(IPAddress(v4: 0xC000_0201), 4000))
    let (_, track) = world.call(phone, into: room)
    let (id, peer) = try world.connectPeer(room)
    world.perform(.subscribe(id, track, SendTrack(ssrc: 7, payloadType: 111)))
    world.move(peer, to: Endpoint(IPAddress(v4: 0x0B00_0001), 999))
    peer.check()
    world.carry()
    world.send(phone.packet([Int16](repeating: 0, count: 160)), from: phone)
    #expect(peer.packets.count == 1)
  }

  @Test(
    "what does not hold together is refused and reported closed",
    arguments: [
      "no fingerprint", "a fingerprint that is none", "no such room", "the ufrag of another",
    ])
  func refused(reason: String) throws {
    let world = try World()
    let room = world.openRoom()
    let (_, first) = try world.openPeer(room)
    let (id, _) = try world.openPeer(room) { configuration in
      switch reason {
      case "no fingerprint": configuration.remoteFingerprints = []
      case "a fingerprint that is none": configuration.remoteFingerprints = ["AB:CD"]
      case "no such room": configuration.room = RoomID(rawValue: 9999)
      default: configuration.credentials = first.credentials
      }
    }
    #expect(failure(world, id) == .refused)
    #expect(isClosed(world, id))
  }

  @Test("datagrams of strangers and rubbish from the peer change nothing")
  func rubbish() throws {
    let world = try World()
    let (id, peer) = try world.connectPeer(world.openRoom())
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let count = Int.random(in: 0...200, using: &generator)
      peer.outbox.append((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }
    world.carry()
    world.run(.seconds(1))
    #expect(failure(world, id) == nil)
    peer.openChannel("_reliable")
    world.carry()
    #expect(peer.openLabels == ["_reliable"])
  }

  @Test("media before the handshake is dropped")
  func early() throws {
    let world = try World()
    let (id, peer) = try world.openPeer(world.openRoom())
    peer.check()
    peer.outbox += [[0x80, 111] + [UInt8](repeating: 0, count: 40), [0x80, 200] + [UInt8](repeating: 0, count: 40)]
    world.carry()
    world.perform(.openDataChannel(id, .reliable))
    world.perform(.sendData(id, label: "_reliable", [1]))
    world.perform(.closeTransport(id))
    for case .transportClosed(id, let statistics) in world.events {
      #expect(statistics.packetsReceived == 2 && statistics.packetsRejected == 2 && statistics.messagesDropped == 1)
    }
    #expect(isClosed(world, id))
  }

  @Test("messages pass both ways on the channel that the peer opened")
  func data() throws {
    let world = try World()
    let (id, peer) = try world.connectPeer(world.openRoom())
    peer.openChannel("_reliable")
    world.carry()
    #expect(world.count { if case .dataChannelOpened(id, "_reliable") = $0 { true } else { false } } == 1)
    let long = (0..<60_000).map { UInt8(truncatingIfNeeded: $0) }
    for message in [[1, 2, 3], long] {
      peer.send(message, label: "_reliable")
      world.carry()
      world.run(.milliseconds(100)) { _ in peer.tick() }
      world.perform(.sendData(id, label: "_reliable", message))
      world.run(.milliseconds(100)) { _ in peer.tick() }
    }
    let received = world.events.compactMap { event -> [UInt8]? in
      if case .data(id, "_reliable", let bytes) = event { bytes } else { nil }
    }
    #expect(received == [[1, 2, 3], long])
    #expect(peer.messages.map(\.bytes) == [[1, 2, 3], long])
  }

  @Test("our side opens channels, once for each label")
  func openedByUs() throws {
    let world = try World()
    let (id, peer) = try world.connectPeer(world.openRoom())
    for _ in 0..<2 {
      world.perform(.openDataChannel(id, .reliable))
      world.perform(.openDataChannel(id, .lossy))
      world.carry()
    }
    #expect(peer.openLabels.sorted() == ["_lossy", "_reliable"])
    world.perform(.sendData(id, label: "_lossy", [7]))
    #expect(peer.messages.map(\.label) == ["_lossy"])
    world.perform(.sendData(id, label: "unheard of", [7]))
    world.perform(.closeTransport(id))
    for case .transportClosed(id, let statistics) in world.events { #expect(statistics.messagesDropped == 1) }
  }
}
