import LiveKitProtocol
import MediaCore
import RoomCore
import SDP

/// Media actions of rooms as commands of a media loop. Ids are the same numbers on both sides.
extension MediaCommand {
  /// Nil when the ICE credentials are not what the media loop takes, which we never make.
  init?(_ action: RoomMediaAction, options: RoomMediaOptions) {
    switch action {
    case .openRoom(let room): self = .openRoom(RoomID(room), options)
    case .closeRoom(let room): self = .closeRoom(RoomID(room))
    case .openTransport(let transport):
      guard let configuration = TransportConfiguration(transport) else { return nil }
      self = .openTransport(configuration)
    case .closeTransport(let transport): self = .closeTransport(TransportID(transport))
    case .restartICE(let transport, let ufrag, let password, let peer):
      guard let credentials = ICECredentials(ufrag: ufrag, password: password) else { return nil }
      let remote = peer.map { ICERemote(ufrag: $0.ufrag, password: $0.password, candidates: $0.candidates) }
      self = .restartICE(TransportID(transport), credentials, remote: remote)
    case .addCandidates(let transport, let candidates):
      self = .addRemoteCandidates(TransportID(transport), candidates)
    case .publishTrack(let transport, let track, let stream):
      self = .publishTrack(TransportID(transport), TrackID(track), ReceiveTrack(stream))
    case .unpublishTrack(let transport, let track):
      self = .unpublishTrack(TransportID(transport), TrackID(track))
    case .setTrackMuted(let track, let isMuted): self = .setTrackMuted(TrackID(track), isMuted)
    case .subscribe(let transport, let track, let stream):
      self = .subscribe(TransportID(transport), TrackID(track), SendTrack(stream))
    case .unsubscribe(let transport, let track): self = .unsubscribe(TransportID(transport), TrackID(track))
    case .openDataChannel(let transport, let channel):
      let options = DataChannelOptions(
        label: channel.label, isOrdered: channel.isOrdered, maxRetransmits: channel.maxRetransmits)
      self = .openDataChannel(TransportID(transport), options)
    case .sendData(let transport, let label, let bytes):
      self = .sendData(TransportID(transport), label: label, bytes)
    }
  }
}

/// What media loops report, as the room server's inputs. Nil for what concerns calls or statistics alone.
extension RoomInput {
  init?(_ event: MediaEvent) {
    switch event {
    case .transportConnected(let id): self = .transportConnected(MediaTransportID(rawValue: id.rawValue))
    case .transportFailed(let id, _): self = .transportFailed(MediaTransportID(rawValue: id.rawValue))
    case .dataChannelOpened(let id, let label):
      self = .dataChannelOpened(MediaTransportID(rawValue: id.rawValue), label: label)
    case .data(let id, let label, let bytes):
      self = .data(MediaTransportID(rawValue: id.rawValue), label: label, bytes)
    case .trackActive(let track): self = .trackActive(MediaTrackID(rawValue: track.rawValue))
    case .trackFlowing(let track, let id):
      self = .trackFlowing(MediaTrackID(rawValue: track.rawValue), to: MediaTransportID(rawValue: id.rawValue))
    case .audioLevel(_, let track, let report):
      self = .audioLevel(
        MediaTrackID(rawValue: track.rawValue), level: report.level, isActive: report.isActive)
    case .audioLevelsReported(let room): self = .audioLevelsReported(MediaRoomID(rawValue: room.rawValue))
    case .receivedTrackStatistics(let track, let statistics):
      self = .trackReceived(
        MediaTrackID(rawValue: track.rawValue), loss: statistics.recentLoss, jitter: statistics.jitter)
    case .sentTrackStatistics(let id, let track, let statistics):
      self = .trackSent(
        MediaTrackID(rawValue: track.rawValue), to: MediaTransportID(rawValue: id.rawValue),
        loss: statistics.recentLoss, jitter: statistics.jitter)
    case .transportInterrupted, .transportResumed, .localCandidate, .transportClosed, .digit, .digitsSent, .soundPlayed,
      .phoneMediaStarted, .phoneMediaTimedOut, .phoneLegClosed, .phoneLegStatistics, .loopStatistics:
      return nil
    }
  }
}

extension RoomID {
  init(_ room: MediaRoomID) { self.init(rawValue: room.rawValue) }
}

extension TransportID {
  init(_ transport: MediaTransportID) { self.init(rawValue: transport.rawValue) }
}

extension TrackID {
  init(_ track: MediaTrackID) { self.init(rawValue: track.rawValue) }
}

extension TrackCodec {
  init(_ codec: SDP.RoomCodec) {
    switch codec {
    case .opus: self = .opus
    case .pcmu: self = .pcmu
    }
  }
}

extension TransportConfiguration {
  init?(_ transport: RoomTransport) {
    let credentials = ICECredentials(ufrag: transport.localUfrag, password: transport.localPassword)
    guard let credentials else { return nil }
    let fingerprint = transport.remoteFingerprint.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }
    self.init(
      id: TransportID(transport.id), room: RoomID(transport.room), credentials: credentials,
      remoteUfrag: transport.peer?.ufrag, ice: transport.peer.map { .full(ICEPeer($0)) } ?? .lite,
      remoteFingerprints: [fingerprint.joined(separator: ":")], isDTLSClient: transport.isDTLSClient)
  }
}

extension ICEPeer {
  init(_ peer: RoomICEPeer) {
    self.init(
      isControlling: peer.isControlled, remotePassword: peer.password, remoteCandidates: peer.candidates,
      usesRelaysOnly: peer.isRelayed)
  }
}

extension ReceiveTrack {
  init(_ track: RoomReceiveTrack) {
    self.init(
      ssrc: track.ssrc, mid: track.mid, payloadType: track.payloadType, codec: TrackCodec(track.codec),
      levelExtensionID: track.levelExtensionID, midExtensionID: track.midExtensionID)
  }
}

extension SendTrack {
  init(_ track: RoomSendTrack) {
    self.init(
      ssrc: track.ssrc, payloadType: track.payloadType, codec: TrackCodec(track.codec), mid: track.mid,
      midExtensionID: track.midExtensionID, levelExtensionID: track.levelExtensionID)
  }
}
