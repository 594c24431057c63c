import Base
import LiveKitProtocol

/// Who speaks, and how well everybody is connected.
extension Room {
  mutating func setLevel(_ level: Float, isSpeaking: Bool, track: MediaTrackID, of sid: String) {
    guard let index = participants[sid]?.trackIndex(id: track) else { return }
    change(sid) {
      guard !$0.tracks[index].info.muted else { return }
      // Not a number compares false with everything.
      $0.tracks[index].level = level >= 0 ? min(level, 1) : 0
      $0.tracks[index].isSpeaking = isSpeaking
    }
  }

  /// Tells everybody whose loudness changed since the last report.
  mutating func reportSpeakers(turn: inout Turn) {
    var changes = Livekit_SpeakersChanged()
    for sid in order {
      guard let participant = participants[sid], participant.reportedSpeaker != participant.speaker else { continue }
      participants[sid]?.reportedSpeaker = participant.speaker
      guard !participant.isHidden else { continue }
      var info = Livekit_SpeakerInfo()
      info.sid = sid
      info.active = participant.speaker != nil
      info.level = Float(participant.speaker?.level ?? 0) / Speaker.steps
      changes.speakers.append(info)
    }
    guard !changes.speakers.isEmpty else { return }
    changes.speakers.sort { $0.level > $1.level }
    turn.send(.speakersChanged(changes), to: order.compactMap { participants[$0]?.session })
  }

  mutating func setReception(_ reception: Reception, track: MediaTrackID, of sid: String) {
    guard let index = participants[sid]?.trackIndex(id: track) else { return }
    participants[sid]?.tracks[index].reception = reception
  }

  mutating func setReception(_ reception: Reception, track: MediaTrackID, sentTo sid: String) {
    change(sid) {
      guard $0.subscriptions.values.contains(where: { $0.track == track && $0.sending != nil }) else { return }
      $0.sentReceptions[track] = reception
    }
  }

  /// Tells everybody whose connection got better or worse, and newcomers everything.
  mutating func reportQuality(turn: inout Turn) {
    qualityReportedAt = turn.now
    var changes: [Livekit_ConnectionQualityInfo] = []
    var all: [Livekit_ConnectionQualityInfo] = []
    var newcomers: [SessionID] = []
    for sid in order {
      guard let participant = participants[sid], participant.isActive else { continue }
      let quality = participant.quality
      if participant.reportedQuality == nil, let session = participant.session { newcomers.append(session) }
      if !participant.isHidden { all.append(.init(sid, quality)) }
      if participant.reportedQuality != quality {
        participants[sid]?.reportedQuality = quality
        if !participant.isHidden { changes.append(.init(sid, quality)) }
      }
    }
    func send(_ updates: [Livekit_ConnectionQualityInfo], _ sessions: [SessionID]) {
      guard !updates.isEmpty else { return }
      var update = Livekit_ConnectionQualityUpdate()
      update.updates = updates
      turn.send(.connectionQuality(update), to: sessions)
    }
    send(all, newcomers)
    send(changes, order.compactMap { participants[$0]?.session }.filter { !newcomers.contains($0) })
  }
}

extension Speaker {
  static let steps: Float = 16
}

extension Participant {
  /// Nil when it is silent.
  var speaker: Speaker? {
    let level = tracks.filter(\.isSpeaking).map(\.level).max()
    return level.map { Speaker(level: Int(($0 * Speaker.steps).rounded(.up))) }
  }

  /// The worst of what it sends and gets.
  var quality: Livekit_ConnectionQuality {
    if !isLocal && (session == nil || primaryTransport?.isConnected != true) { return .lost }
    let receptions = tracks.filter { $0.isPublished && !$0.info.muted }.map(\.reception) + sentReceptions.values
    if receptions.contains(where: { $0.quality == .poor }) { return .poor }
    return receptions.contains { $0.quality == .good } ? .good : .excellent
  }
}

extension Livekit_ConnectionQualityInfo {
  /// The score is a mean opinion score, 1…5, in the middle of what the word stands for.
  init(_ sid: String, _ quality: Livekit_ConnectionQuality) {
    self.init()
    participantSid = sid
    self.quality = quality
    score =
      switch quality {
      case .excellent: 4.5
      case .good: 3.8
      case .poor, .UNRECOGNIZED: 2.5
      case .lost: 1
      }
  }
}
