import RoomCore
import SDP

/// What a media loop would have open, and every command that it could not have carried out.
struct MediaModel {
  struct Subscription: Hashable {
    let transport: MediaTransportID
    let track: MediaTrackID
  }

  private(set) var rooms: Set<MediaRoomID> = []
  private(set) var transports: [MediaTransportID: RoomTransport] = [:]
  private(set) var published: [MediaTrackID: (transport: MediaTransportID, track: RoomReceiveTrack)] = [:]
  private(set) var subscriptions: [Subscription: RoomSendTrack] = [:]
  /// What each stream carries for life, by transport and SSRC.
  private var codecs: [MediaTransportID: [UInt32: RoomCodec]] = [:]
  /// Subscriptions whose track has gone: they carry nothing, and may be ended.
  private var orphans: Set<Subscription> = []
  private(set) var muted: Set<MediaTrackID> = []
  private(set) var sent: [(transport: MediaTransportID, label: String, bytes: [UInt8])] = []
  private(set) var channels: [MediaTransportID: [String]] = [:]
  private(set) var restarts: [MediaTransportID] = []
  /// Tracks of phone legs: published by the gateway.
  var localTracks: Set<MediaTrackID> = []
  private(set) var problems: [String] = []

  mutating func apply(_ action: RoomMediaAction) {
    switch action {
    case .openRoom(let id): check(rooms.insert(id).inserted, action)
    case .closeRoom(let id):
      check(rooms.remove(id) != nil, action)
      for transport in transports.values where transport.room == id { close(transport.id) }
    case .openTransport(let transport):
      check(rooms.contains(transport.room) && transport.remoteFingerprint.count == 32, action)
      check(transports.updateValue(transport, forKey: transport.id) == nil, action)
    case .closeTransport(let id):
      // Nothing, when it was never opened.
      close(id)
    case .restartICE(let id, _, _, let peer):
      check(transports[id] != nil && peer == nil, action)
      restarts.append(id)
    // A server is ICE-lite.
    case .addCandidates: check(false, action)
    case .publishTrack(let transport, let track, let receive):
      check(transports[transport] != nil && published[track] == nil, action)
      published[track] = (transport, receive)
    case .unpublishTrack(let transport, let track):
      check(published.removeValue(forKey: track)?.transport == transport, action)
      orphan(track)
    case .setTrackMuted(let track, let isMuted):
      check(published[track] != nil || localTracks.contains(track), action)
      if isMuted { muted.insert(track) } else { muted.remove(track) }
    case .subscribe(let transport, let track, let send):
      check(transports[transport] != nil, action)
      check(published[track] != nil || localTracks.contains(track), action)
      let key = Subscription(transport: transport, track: track)
      check(subscriptions[key] == nil, action)
      let isTaken = subscriptions.contains { $0.key.transport == transport && $0.value.ssrc == send.ssrc }
      check(!isTaken, action)
      check(codecs[transport]?[send.ssrc] ?? send.codec == send.codec, action)
      codecs[transport, default: [:]][send.ssrc] = send.codec
      subscriptions[key] = send
    case .unsubscribe(let transport, let track):
      let key = Subscription(transport: transport, track: track)
      check(subscriptions.removeValue(forKey: key) != nil || orphans.remove(key) != nil, action)
    case .openDataChannel(let transport, let channel):
      check(transports[transport] != nil, action)
      channels[transport, default: []].append(channel.label)
    case .sendData(let transport, let label, let bytes):
      check(transports[transport] != nil, action)
      sent.append((transport, label, bytes))
    }
  }

  mutating func takeSent() -> [(transport: MediaTransportID, label: String, bytes: [UInt8])] {
    defer { sent = [] }
    return sent
  }

  private mutating func close(_ id: MediaTransportID) {
    transports[id] = nil
    subscriptions = subscriptions.filter { $0.key.transport != id }
    for track in published.filter({ $0.value.transport == id }).keys {
      published[track] = nil
      orphan(track)
    }
  }

  private mutating func orphan(_ track: MediaTrackID) {
    let keys = subscriptions.keys.filter { $0.track == track }
    orphans.formUnion(keys)
    for key in keys { subscriptions[key] = nil }
  }

  private mutating func check(_ isRight: Bool, _ action: RoomMediaAction) {
    if !isRight { problems.append("cannot: \(action)") }
  }
}
