import Base
import RoomCore
import SDP

/// The media loops of both sides, and the path between them.
struct MediaNetwork {
  static let clientAddress = MediaAddress(
    candidates: [Endpoint(IPAddress(v4: 0xC633_6401), 7_882)], fingerprint: Array(repeating: 0xC1, count: 32))
  static let serverAddress = MediaAddress(
    candidates: [Endpoint(IPAddress(v4: 0xC000_0201), 7_882)], fingerprint: Array(repeating: 0x5E, count: 32))

  /// Two transports that have found each other.
  struct Pair {
    let client: MediaTransportID
    let server: MediaTransportID
    var heardAt: MonotonicTime
    var isInterrupted = false
    var hasFailed = false
    var labels: Set<String> = []
  }

  var client = LoopModel()
  var server = LoopModel()
  var serverLocalTracks: Set<MediaTrackID> = []
  var isCut = false
  /// Transports of the client that have ports, and those that were ever opened.
  var leases: Set<MediaTransportID> = []
  var opened: Set<MediaTransportID> = []
  private(set) var pairs: [Pair] = []
  private(set) var restarts: [MediaTransportID] = []
  private var active: Set<String> = []
  private var interrupted: [MediaTransportID] = []
  private var resumed: [MediaTransportID] = []

  static let interruptionTime = Duration.seconds(5)
  static let consentTime = Duration.seconds(30)

  mutating func stopServer() {
    server = LoopModel()
    serverLocalTracks = []
  }

  mutating func noteRestart(_ id: MediaTransportID) { restarts.append(id) }

  mutating func takeInterrupted(now: MonotonicTime) -> [MediaTransportID] {
    defer { interrupted = [] }
    return interrupted
  }

  mutating func takeResumed(now: MonotonicTime) -> [MediaTransportID] {
    defer { resumed = [] }
    return resumed
  }

  /// What both loops report now: the client's inputs are those of a room server, which knows the same events.
  mutating func inputs(now: MonotonicTime) -> [(RoomInput, isClient: Bool)] {
    var inputs: [(RoomInput, isClient: Bool)] = []
    pairs.removeAll { client.transports[$0.client] == nil && server.transports[$0.server] == nil }
    if !isCut { meet(&inputs, now: now) }
    for index in pairs.indices { age(index, &inputs, now: now) }
    for pair in pairs where !pair.hasFailed && !isCut { carry(pair, &inputs) }
    client.sent = []
    server.sent = []
    return inputs
  }

  private mutating func meet(_ inputs: inout [(RoomInput, isClient: Bool)], now: MonotonicTime) {
    for own in client.transports.values.sorted(by: { $0.id.rawValue < $1.id.rawValue }) {
      guard !pairs.contains(where: { $0.client == own.id }),
        let other = server.transports.values.first(where: { fits(own, $0) })
      else { continue }
      pairs.append(Pair(client: own.id, server: other.id, heardAt: now))
      inputs.append((.transportConnected(own.id), true))
      inputs.append((.transportConnected(other.id), false))
    }
  }

  /// Each knows the other's credentials and certificate, one of them begins DTLS, and the client nominates.
  private func fits(_ own: RoomTransport, _ other: RoomTransport) -> Bool {
    own.peer?.ufrag == other.localUfrag && own.peer?.password == other.localPassword
      && own.remoteFingerprint == Self.serverAddress.fingerprint
      && other.remoteFingerprint == Self.clientAddress.fingerprint && own.isDTLSClient != other.isDTLSClient
      && own.peer?.isControlled == true && own.peer?.candidates.first?.endpoint == Self.serverAddress.candidates[0]
  }

  private mutating func age(
    _ index: Int, _ inputs: inout [(RoomInput, isClient: Bool)], now: MonotonicTime
  ) {
    guard !pairs[index].hasFailed else { return }
    let own = client.transports[pairs[index].client]
    let other = server.transports[pairs[index].server]
    if !isCut, let own, let other, fits(own, other) {
      pairs[index].heardAt = now
      if pairs[index].isInterrupted {
        pairs[index].isInterrupted = false
        resumed.append(pairs[index].client)
      }
    }
    let silence = now - pairs[index].heardAt
    if silence >= Self.consentTime {
      pairs[index].hasFailed = true
      inputs.append((.transportFailed(pairs[index].client), true))
      inputs.append((.transportFailed(pairs[index].server), false))
    } else if silence >= Self.interruptionTime, !pairs[index].isInterrupted {
      pairs[index].isInterrupted = true
      interrupted.append(pairs[index].client)
    }
  }

  private mutating func carry(_ pair: Pair, _ inputs: inout [(RoomInput, isClient: Bool)]) {
    guard let index = pairs.firstIndex(where: { $0.client == pair.client }) else { return }
    for label in (client.channels[pair.client] ?? []).union(server.channels[pair.server] ?? [])
    where pairs[index].labels.insert(label).inserted {
      inputs.append((.dataChannelOpened(pair.client, label: label), true))
      inputs.append((.dataChannelOpened(pair.server, label: label), false))
    }
    for message in client.sent where message.transport == pair.client {
      inputs.append((.data(pair.server, label: message.label, message.bytes), false))
    }
    for message in server.sent where message.transport == pair.server {
      inputs.append((.data(pair.client, label: message.label, message.bytes), true))
    }
    for (key, stream) in client.subscriptions where key.transport == pair.client {
      for (track, received) in server.published where received.transport == pair.server {
        guard received.stream.ssrc == stream.ssrc, active.insert("server \(track)").inserted else { continue }
        inputs.append((.trackActive(track), false))
      }
    }
    for (key, stream) in server.subscriptions where key.transport == pair.server {
      for (track, received) in client.published where received.transport == pair.client {
        guard received.stream.ssrc == stream.ssrc, received.stream.payloadType == stream.payloadType,
          received.stream.codec == stream.codec, active.insert("client \(track)").inserted
        else { continue }
        inputs.append((.trackActive(track), true))
      }
    }
  }
}

/// What one media loop would have open, and every command that it could not have carried out.
struct LoopModel {
  struct Key: Hashable {
    let transport: MediaTransportID
    let track: MediaTrackID
  }

  private(set) var rooms: Set<MediaRoomID> = []
  private(set) var transports: [MediaTransportID: RoomTransport] = [:]
  private(set) var published: [MediaTrackID: (transport: MediaTransportID, stream: RoomReceiveTrack)] = [:]
  private(set) var subscriptions: [Key: RoomSendTrack] = [:]
  private(set) var channels: [MediaTransportID: Set<String>] = [:]
  private(set) var muted: Set<MediaTrackID> = []
  var sent: [(transport: MediaTransportID, label: String, bytes: [UInt8])] = []
  private(set) var problems: [String] = []

  mutating func apply(_ action: RoomMediaAction) {
    switch action {
    case .openRoom(let id): check(rooms.insert(id).inserted, action)
    case .closeRoom(let id):
      check(rooms.remove(id) != nil, action)
      for transport in transports.values where transport.room == id { close(transport.id) }
    case .openTransport(let transport):
      check(rooms.contains(transport.room) && transports[transport.id] == nil, action)
      check(
        transport.localUfrag.utf8.count == 8 && transport.localPassword.utf8.count == 24 || transport.peer == nil,
        action)
      transports[transport.id] = transport
    case .closeTransport(let id): close(id)
    case .restartICE(let id, let ufrag, let password, let peer):
      check(transports[id] != nil, action)
      transports[id]?.localUfrag = ufrag
      transports[id]?.localPassword = password
      if let peer { transports[id]?.peer = peer }
    case .addCandidates(let id, let candidates):
      check(transports[id] != nil, action)
      transports[id]?.peer?.candidates += candidates
    case .publishTrack(let transport, let track, let stream):
      check(transports[transport] != nil && published[track] == nil, action)
      published[track] = (transport, stream)
    case .unpublishTrack(let transport, let track):
      check(published.removeValue(forKey: track)?.transport == transport, action)
    case .setTrackMuted(let track, let isMuted): if isMuted { muted.insert(track) } else { muted.remove(track) }
    case .subscribe(let transport, let track, let stream):
      check(transports[transport] != nil, action)
      check(subscriptions.updateValue(stream, forKey: Key(transport: transport, track: track)) == nil, action)
    case .unsubscribe(let transport, let track): subscriptions[Key(transport: transport, track: track)] = nil
    case .openDataChannel(let transport, let channel):
      check(transports[transport] != nil, action)
      channels[transport, default: []].insert(channel.label)
    case .sendData(let transport, let label, let bytes):
      check(transports[transport] != nil, action)
      sent.append((transport, label, bytes))
    }
  }

  private mutating func close(_ id: MediaTransportID) {
    transports[id] = nil
    channels[id] = nil
    published = published.filter { $0.value.transport != id }
    subscriptions = subscriptions.filter { $0.key.transport != id }
  }

  private mutating func check(_ isRight: Bool, _ action: RoomMediaAction) {
    if !isRight { problems.append("\(action)") }
  }
}
