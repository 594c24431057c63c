import Audio
import Base
import RTP

/// One phone call's media: what the phone sends becomes a track of its room, what the room says goes to the phone.
///
///     opened ──negotiate──▶ sends silence or a tone ──attach──▶ publishes and hears its room
struct PhoneLeg: ~Copyable {
  let id: PhoneLegID
  let port: MediaPort
  /// The lobby before the leg is attached.
  private(set) var room: UnsafeMutablePointer<MediaRoom>
  /// The track that the leg publishes. Nil in the lobby.
  private(set) var source: UnsafeMutablePointer<TrackSource>?
  private let sourcePolicy: PhoneSourcePolicy
  /// Keys that are held before then were told by the loop that the leg came from.
  private let keysToldUntil: MonotonicTime?
  /// Nil before the first negotiation.
  private var receiver: UnsafeMutablePointer<PhoneReceiver>?
  /// Nil in the lobby.
  private var publisher: UnsafeMutablePointer<PhonePublisher>?
  private var sender = PhoneSender()
  /// Covers what the phone says.
  private var roomTone: UnsafeMutablePointer<RoomTone>?
  private var timeout: MediaTimeout
  private var hasStarted = false
  private var packetsBeforeNegotiation: UInt64 = 0
  private var packetsBeforeAttach: UInt64 = 0
  private var reportDue: MonotonicTime

  private static let reportInterval = Duration.seconds(1)

  init(
    _ configuration: PhoneLegConfiguration, on port: MediaPort, lobby: UnsafeMutablePointer<MediaRoom>,
    at now: MonotonicTime
  ) {
    id = configuration.id
    self.port = port
    room = lobby
    sourcePolicy = configuration.sourcePolicy
    keysToldUntil = configuration.hasMoved ? now + TelephoneEventReceiver.quietTime : nil
    timeout = MediaTimeout(initial: configuration.initialMediaTimeout, running: configuration.mediaTimeout)
    reportDue = now + Self.reportInterval
  }

  deinit {
    receiver?.destroy()
    roomTone?.destroy()
    publisher?.destroy()
  }

  mutating func negotiate(_ media: PhoneMedia, at now: MonotonicTime) {
    if let receiver {
      receiver.pointee.renegotiate(media, policy: sourcePolicy)
    } else if let made = PhoneReceiver(media, policy: sourcePolicy, keysToldUntil: keysToldUntil) {
      receiver = .make(made)
    }
    timeout.expectMedia(media.receives && !media.isOnHold, at: now)
  }

  var isNegotiated: Bool { receiver != nil }

  /// The law in which other phones would get this one's sound without loss.
  var law: G711 { receiver?.pointee.media.codec.law ?? .pcmu }

  mutating func attach(to room: UnsafeMutablePointer<MediaRoom>, publishing source: UnsafeMutablePointer<TrackSource>) {
    self.room = room
    self.source = source
    if let made = PhonePublisher(room.pointee.options, law: law, source: source) { publisher = .make(made) }
  }

  mutating func detach(to lobby: UnsafeMutablePointer<MediaRoom>) {
    room = lobby
    source = nil
    publisher?.destroy()
    publisher = nil
  }

  mutating func play(_ tone: PhoneTone?) { sender.play(tone) }
  mutating func play(_ playback: PhonePlayback?) { sender.play(playback) }
  mutating func setComfortNoise(_ isHeard: Bool) { sender.setComfortNoise(isHeard) }
  mutating func setDeaf(_ isDeaf: Bool) { sender.isDeaf = isDeaf }

  mutating func playToRoom(_ tone: PhoneTone?) {
    roomTone?.destroy()
    roomTone = tone.map { .make(RoomTone($0)) }
  }

  mutating func sendDigits(_ text: String) { sender.enqueue(text) }

  mutating func receive(
    _ datagram: RawSpan, from source: Endpoint, at now: MonotonicTime, _ output: inout MediaOutput
  ) {
    guard let receiver else {
      packetsBeforeNegotiation += 1
      return
    }
    switch receiver.pointee.receive(datagram, from: source, at: now) {
    case .stranger, .refused: return
    case .sound: break
    case .event(let digit): if let digit { output.emit(.digit(id, digit.character)) }
    }
    timeout.packetArrived(at: now)
    if publisher == nil { packetsBeforeAttach += 1 }
    if !hasStarted {
      hasStarted = true
      output.emit(.phoneMediaStarted(id))
    }
    publish(at: now, &output)
  }

  /// Passes on what is in turn; packets that are overdue are given up. On each 10 ms tick too.
  mutating func publish(at now: MonotonicTime, _ output: inout MediaOutput) {
    guard let receiver else { return }
    while let piece = receiver.pointee.next(at: now) {
      guard let publisher, roomTone == nil else { continue }
      switch piece {
      case .sound(let count, let isPacket):
        publisher.pointee.publish(
          receiver.pointee.samples(count), payload: isPacket ? receiver.pointee.payload : nil, payloadLaw: law,
          at: now, &output)
      case .gap(let count):
        publisher.pointee.skip(count, at: now, &output)
      }
    }
  }

  /// Takes the frame of this tick that the phone is to hear.
  mutating func hear(_ frame: UnsafeBufferPointer<Int16>) {
    if receiver != nil { sender.add(frame) }
  }

  /// Sends the packet that is due; on each 10 ms tick.
  mutating func pace(_ output: inout MediaOutput) {
    guard let receiver else { return }
    let done = sender.pace(receiver.pointee.media, to: receiver.pointee.remote, via: port, &output)
    if done.digits { output.emit(.digitsSent(id)) }
    if let playback = done.playback { output.emit(.soundPlayed(id, playback: playback)) }
  }

  mutating func skip(tickCount: Int) { sender.skip(tickCount: tickCount) }

  /// Media timeout, statistics and the room's tone; every 20 ms.
  mutating func watch(at now: MonotonicTime, _ output: inout MediaOutput) {
    if let roomTone, let publisher {
      publisher.pointee.publish(roomTone.pointee.next(), payload: nil, payloadLaw: law, at: now, &output)
    }
    if timeout.expires(at: now) { output.emit(.phoneMediaTimedOut(id)) }
    if now >= reportDue {
      reportDue += Self.reportInterval
      output.emit(.phoneLegStatistics(id, statistics))
    }
  }

  var statistics: PhoneLegStatistics {
    var statistics = receiver?.pointee.statistics ?? PhoneLegStatistics()
    statistics.packetsRefused += packetsBeforeNegotiation
    statistics.packetsBeforeAttach = packetsBeforeAttach
    statistics.packetsSent = sender.packetCount
    statistics.bytesSent = sender.byteCount
    statistics.digitsSent = sender.digitCount
    return statistics
  }
}
