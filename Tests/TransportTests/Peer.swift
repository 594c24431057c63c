import Base
import CWallClock
import Testing

@testable import Transport

/// One after the other, because usrsctp's time is the process's: a test that lets an hour pass lets it pass for all.
@Suite("peers", .serialized)
enum PeerTests {}

/// One end of a peer connection: DTLS with data channels on it, as a media loop would drive it.
final class Peer {
  private var dtls: DTLSConnection
  private(set) var channels: DataChannels?
  private(set) var events: [DataChannels.Event] = []
  /// Datagrams to send.
  var outgoing: [[UInt8]] = []
  private let role: DTLSConnection.Role
  private var buffer = [UInt8](repeating: 0, count: 16_384)

  init(_ context: DTLSContext, role: DTLSConnection.Role, peerFingerprints: [DTLSFingerprint]) throws {
    dtls = try made(DTLSConnection(context, role: role, peerFingerprints: peerFingerprints))
    self.role = role
    dtls.start()
    collect()
  }

  var state: DTLSConnection.State { dtls.state }
  var restartCount: Int { dtls.restartCount }

  var keys: SRTPKeys? {
    if case .connected(let keys) = dtls.state { keys } else { nil }
  }

  func receive(_ datagram: [UInt8]) {
    dtls.receive(datagram.span.bytes)
    if keys != nil, channels == nil { channels = DataChannels(dtlsRole: role) }
    while case .bytes(let count) = buffer.withRaw({ dtls.read(into: &$0) }) {
      let packet = Array(buffer[..<count])
      channels?.receive(packet.span.bytes)
    }
    collect()
  }

  /// What a loop does every 20 ms, but for `SCTPStack.advance`, which is for both peers.
  func tick() {
    dtls.handleTimeout()
    collect()
  }

  func open(_ label: String, isOrdered: Bool = true, reliability: DataChannels.Reliability = .reliable) -> UInt16? {
    defer { collect() }
    return channels?.openChannel(label: label, isOrdered: isOrdered, reliability: reliability)
  }

  func send(_ message: [UInt8], on stream: UInt16, isText: Bool = false) -> DataChannels.SendResult? {
    defer { collect() }
    return channels?.send(message.span.bytes, on: stream, isText: isText)
  }

  func closeChannel(_ stream: UInt16) {
    channels?.closeChannel(stream)
    collect()
  }

  func closeChannels() {
    channels?.close()
    collect()
  }

  func closeDTLS() {
    dtls.close()
    collect()
  }

  func write(_ bytes: [UInt8]) -> Bool {
    defer { collect() }
    return dtls.write(bytes.span.bytes)
  }

  var messages: [[UInt8]] {
    events.compactMap { if case .message(_, _, let bytes, _) = $0 { bytes } else { nil } }
  }

  private func collect() {
    while let event = channels?.nextEvent() { events.append(event) }
    while let count = buffer.withRaw({ channels?.nextPacket(into: &$0) }), count > 0 {
      let packet = Array(buffer[..<count])
      _ = dtls.write(packet.span.bytes)
    }
    while case let count = buffer.withRaw({ dtls.nextDatagram(into: &$0) }), count > 0 {
      outgoing.append(Array(buffer[..<count]))
    }
  }
}

/// Two peers and what lies between them, in virtual time: usrsctp's timers, and the wall clock, which tells usrsctp how
/// long a packet has been under way, and OpenSSL whether a flight is to be sent again.
final class Link {
  let server: Peer
  let client: Peer
  /// Whether the n-th datagram of that direction is lost, or comes twice.
  var fate: (_ isFromClient: Bool, _ number: Int) -> Fate = { _, _ in .delivered }
  private(set) var counts = (fromClient: 0, fromServer: 0)
  private(set) var largestDatagram = 0

  enum Fate { case delivered, lost, twice }

  init(
    serverProfiles: [SRTPProfile] = [.aeadAES128GCM, .aes128CMSHA1With80BitTag],
    clientProfiles: [SRTPProfile] = [.aes128CMSHA1With80BitTag, .aeadAES128GCM],
    forgesFingerprint: Bool = false
  ) throws {
    let serverContext = try makeContext(profiles: serverProfiles)
    let clientContext = try makeContext(profiles: clientProfiles)
    let expected = forgesFingerprint ? serverContext.fingerprint : clientContext.fingerprint
    server = try Peer(serverContext, role: .server, peerFingerprints: [expected])
    client = try Peer(clientContext, role: .client, peerFingerprints: [serverContext.fingerprint])
  }

  /// Lets 20 ms pass at a time until `isDone`. False when it is not within `seconds`.
  func run(seconds: Int = 30, until isDone: () -> Bool) -> Bool {
    for _ in 0..<(50 * seconds) {
      exchange()
      if isDone() { return true }
      cwallclock_advance(20_000)
      SCTPStack.advance(by: .milliseconds(20))
      server.tick()
      client.tick()
    }
    return false
  }

  func handshake() -> Bool { run { server.keys != nil && client.keys != nil } }

  /// Delivers all datagrams, and those that they cause.
  func exchange() {
    while !server.outgoing.isEmpty || !client.outgoing.isEmpty {
      let (fromServer, fromClient) = (server.outgoing, client.outgoing)
      server.outgoing = []
      client.outgoing = []
      for datagram in fromClient {
        counts.fromClient += 1
        deliver(datagram, to: server, fate(true, counts.fromClient))
      }
      for datagram in fromServer {
        counts.fromServer += 1
        deliver(datagram, to: client, fate(false, counts.fromServer))
      }
    }
  }

  private func deliver(_ datagram: [UInt8], to peer: Peer, _ fate: Fate) {
    largestDatagram = max(largestDatagram, datagram.count)
    if fate != .lost { peer.receive(datagram) }
    if fate == .twice { peer.receive(datagram) }
  }
}
