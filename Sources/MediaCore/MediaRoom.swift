import Audio
import Base
import RTP

/// One room on its loop: its tracks, the phones and the peers that hear them.
struct MediaRoom: ~Copyable {
  let id: RoomID
  let options: RoomMediaOptions
  /// Rooms take turns: one half works on even ticks, the other on odd ones.
  let phase: Int
  private(set) var sources: [UnsafeMutablePointer<TrackSource>] = []
  private(set) var legs: [UnsafeMutablePointer<PhoneLeg>] = []
  private(set) var transports: [UnsafeMutablePointer<RoomTransport>] = []
  private var mixer = Mixer()
  private let frame: UnsafeMutableBufferPointer<Int16>
  private var levelsDue: MonotonicTime

  init(id: RoomID, options: RoomMediaOptions, phase: Int, at now: MonotonicTime) {
    self.id = id
    self.options = options
    self.phase = phase
    levelsDue = now + LevelMeter.window
    frame = .allocate(capacity: Mixer.frameSampleCount)
    frame.initialize(repeating: 0)
  }

  deinit { frame.deallocate() }

  /// Every 20 ms: mixes, and lets time pass for all legs.
  mutating func tick(at now: MonotonicTime, _ output: inout MediaOutput) {
    for index in 0..<legs.count { legs[index].pointee.publish(at: now, &output) }
    if !legs.isEmpty { mix(at: now) }
    for index in 0..<legs.count {
      legs[index].pointee.pace(&output)
      legs[index].pointee.watch(at: now, &output)
    }
    for index in 0..<transports.count { transports[index].pointee.tick(at: now, &output) }
    if now >= levelsDue {
      levelsDue = now + LevelMeter.window
      reportLevels(output)
    }
  }

  /// Between two ticks: packets that are overdue or due.
  mutating func halfTick(at now: MonotonicTime, _ output: inout MediaOutput) {
    for index in 0..<legs.count {
      legs[index].pointee.publish(at: now, &output)
      legs[index].pointee.pace(&output)
    }
  }

  mutating func skip(tickCount: Int) {
    for index in 0..<legs.count { legs[index].pointee.skip(tickCount: tickCount) }
  }

  mutating func add(_ source: UnsafeMutablePointer<TrackSource>) {
    sources.append(source)
    updatePlayouts()
  }

  mutating func remove(_ source: UnsafeMutablePointer<TrackSource>) {
    sources.removeAll { $0 == source }
    updatePlayouts()
  }

  mutating func add(_ leg: UnsafeMutablePointer<PhoneLeg>) {
    legs.append(leg)
    updatePlayouts()
  }

  mutating func remove(_ leg: UnsafeMutablePointer<PhoneLeg>) {
    legs.removeAll { $0 == leg }
    updatePlayouts()
  }

  mutating func add(_ transport: UnsafeMutablePointer<RoomTransport>) { transports.append(transport) }
  mutating func remove(_ transport: UnsafeMutablePointer<RoomTransport>) { transports.removeAll { $0 == transport } }

  /// A track is played out when a leg other than its own listens.
  private mutating func updatePlayouts() {
    for source in sources {
      source.pointee.setHeard(legs.contains { $0.pointee.source != source })
    }
  }

  private mutating func mix(at now: MonotonicTime) {
    mixer.clear()
    for index in 0..<sources.count {
      guard let playout = sources[index].pointee.playout else { continue }
      playout.pointee.advance(at: now)
      if sources[index].pointee.isAudible { mixer.add(playout.pointee.samples.span) }
    }
    for index in 0..<legs.count {
      var mixed = frame.mutableSpan
      if let own = legs[index].pointee.source, own.pointee.isAudible, let playout = own.pointee.playout {
        mixer.mixMinus(playout.pointee.samples.span, into: &mixed)
      } else {
        mixer.mix(into: &mixed)
      }
      legs[index].pointee.hear(UnsafeBufferPointer(frame))
    }
  }

  private func reportLevels(_ output: borrowing MediaOutput) {
    var hasChanged = false
    for index in 0..<sources.count {
      guard let report = sources[index].pointee.level.endWindow() else { continue }
      hasChanged = true
      output.emit(.audioLevel(id, sources[index].pointee.id, report))
    }
    if hasChanged { output.emit(.audioLevelsReported(id)) }
  }
}
