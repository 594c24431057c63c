import Base
import RTP

/// One published track of a room: who gets its packets, who hears it on the phone, how loud it is.
struct TrackSource: ~Copyable {
  /// A stream towards one WebRTC peer that carries this track.
  struct Subscriber {
    let transport: UnsafeMutablePointer<RoomTransport>
    let sent: UnsafeMutablePointer<SentTrack>
  }

  let id: TrackID
  let room: UnsafeMutablePointer<MediaRoom>
  /// The codec of the packets given to `deliver`.
  let codec: TrackCodec
  var level = LevelMeter()
  private(set) var subscribers: [Subscriber] = []
  private(set) var isMuted = false
  private var isActive = false
  private let playoutKind: TrackPlayout.Kind
  /// There while some phone leg hears the track.
  private(set) var playout: UnsafeMutablePointer<TrackPlayout>?

  init(id: TrackID, room: UnsafeMutablePointer<MediaRoom>, codec: TrackCodec, playoutKind: TrackPlayout.Kind) {
    self.id = id
    self.room = room
    self.codec = codec
    self.playoutKind = playoutKind
  }

  deinit { if let playout { playout.destroy() } }

  /// Somebody needs the packets.
  var hasSubscribers: Bool { !subscribers.isEmpty && !isMuted }

  /// The present frame of `playout` has something to hear.
  var isAudible: Bool { !isMuted && playout?.pointee.isAudible == true }

  /// Passes one packet on to the subscribers. Its header is that of the source: `ssrc` tells one from the next.
  /// `level` is how far below full scale its sound is, in decibels, if that is known.
  mutating func deliver(
    _ header: RTPHeader, payload: RawSpan, level: UInt8?, at now: MonotonicTime, _ output: inout MediaOutput
  ) {
    activate(output)
    guard !isMuted else { return }
    for index in 0..<subscribers.count {
      let subscriber = subscribers[index]
      subscriber.transport.pointee.send(
        header, payload: payload, level: level, on: subscriber.sent, at: now, &output)
    }
  }

  /// The first packet came.
  mutating func activate(_ output: borrowing MediaOutput) {
    guard !isActive else { return }
    isActive = true
    output.emit(.trackActive(id))
  }

  mutating func subscribe(_ subscriber: Subscriber) {
    subscriber.sent.pointee.carry(id)
    subscribers.append(subscriber)
  }

  mutating func unsubscribe(_ sent: UnsafeMutablePointer<SentTrack>) {
    guard let index = subscribers.firstIndex(where: { $0.sent == sent }) else { return }
    subscribers.remove(at: index)
    sent.pointee.carry(nil)
  }

  mutating func unsubscribeAll() {
    for subscriber in subscribers { subscriber.sent.pointee.carry(nil) }
    subscribers.removeAll()
  }

  mutating func setMuted(_ isMuted: Bool) {
    self.isMuted = isMuted
    for subscriber in subscribers { subscriber.sent.pointee.endSource() }
  }

  /// Starts or ends the playout towards phone legs.
  mutating func setHeard(_ isHeard: Bool) {
    if !isHeard, let playout {
      playout.destroy()
      self.playout = nil
    } else if isHeard, playout == nil, let made = TrackPlayout(playoutKind) {
      playout = .make(made)
    }
  }
}
