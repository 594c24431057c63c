import Base
import CLinux
import Glibc
import Linux
import MediaCore
import Synchronization

/// The body of one media thread: waits for sockets, timer and mailbox, feeds the engine, sends what it queued.
struct LoopThread: ~Copyable {
  /// Batches that the WebRTC port may deliver before timer and other ports get their turn again.
  private static let webRTCBatchLimit = 4
  /// Datagrams of one leased port in a turn: a flood on it must not starve the others.
  private static let leasedDatagramLimit = 16
  /// Batches of one phone leg before a command that changes it.
  private static let drainBatchLimit = 4
  /// Ticks made up for after a stall; what is beyond is skipped and leaves a gap in what is sent.
  private static let catchUpLimit = 10
  private static let toleratedLateness = Duration.milliseconds(10)

  private let mailbox: Mailbox
  private let load: LoopLoad
  private var engine: MediaEngine
  private var sockets: SocketTable
  private var streams: StreamTable
  private var timer: TickTimer
  private var receiving = ReceiveRing()
  private var transmitting: TransmitRing
  private var messages: [LoopMessage] = []
  private var isClosing = false
  private var counters = MediaLoopStatistics()
  private var reportedAt: MonotonicTime
  private var cpuTimeAtReport = MonotonicTime.zero

  init(
    engine: consuming MediaEngine, sockets: consuming SocketTable, streams: consuming StreamTable,
    timer: consuming TickTimer, mailbox: Mailbox, load: LoopLoad
  ) {
    self.mailbox = mailbox
    self.load = load
    self.sockets = sockets
    self.streams = streams
    self.timer = timer
    transmitting = TransmitRing(capacity: engine.transmit.capacity)
    self.engine = engine
    reportedAt = MonotonicClock.now()
    messages.reserveCapacity(Mailbox.capacity)
  }

  /// Runs until a `close` message; everything is closed and reported then.
  mutating func run() {
    while !isClosing {
      let count = sockets.wait()
      let now = MonotonicClock.now()
      for index in 0..<count {
        switch sockets.source(index) {
        case .timer: tick(at: now)
        case .mailbox: readMailbox(at: now)
        case .webRTC(let descriptor): readWebRTC(descriptor, at: now)
        case .streams:
          streams.poll()
          readStreams(at: now)
        case .leased(let port): readLeased(port, at: now)
        }
      }
      finishTurn()
    }
    mailbox.closeForGood()
    engine.closeAll(at: MonotonicClock.now())
    finishTurn()
  }

  private mutating func readWebRTC(_ descriptor: Int32, at now: MonotonicTime) {
    for _ in 0..<Self.webRTCBatchLimit {
      let count = receiving.receive(from: descriptor)
      for index in 0..<count {
        guard let source = receiving.source(index) else { continue }
        engine.receiveOnWebRTCPort(receiving.bytes(index), from: source, at: now)
        flushIfCrowded()
      }
      counters.datagramsReceived += UInt64(count)
      if count < ReceiveRing.capacity { return }
    }
  }

  /// Reads what waits, several seconds' worth at most.
  private mutating func drain(_ port: MediaPort, at now: MonotonicTime) {
    for _ in 0..<Self.drainBatchLimit {
      if readLeased(port, at: now, limit: ReceiveRing.capacity) < ReceiveRing.capacity { return }
    }
  }

  /// Returns how many datagrams there were.
  @discardableResult
  private mutating func readLeased(_ port: MediaPort, at now: MonotonicTime, limit: Int = leasedDatagramLimit) -> Int {
    let descriptor = sockets.descriptor(of: port, isIPv4: true)
    guard descriptor >= 0 else { return 0 }
    let count = receiving.receive(from: descriptor, limit: limit)
    for index in 0..<count {
      guard let source = receiving.source(index) else { continue }
      engine.receive(receiving.bytes(index), from: source, on: port, at: now)
      flushIfCrowded()
    }
    counters.datagramsReceived += UInt64(count)
    return count
  }

  private mutating func readStreams(at now: MonotonicTime) {
    while let event = streams.nextEvent() {
      switch event {
      case .opened(let port): engine.streamOpened(port, at: now)
      case .closed(let port): engine.streamClosed(port)
      case .packet(let port, let source, let bytes):
        engine.receive(bytes, from: source, on: port, at: now)
        counters.datagramsReceived += 1
      }
      flushIfCrowded()
    }
  }

  private mutating func readMailbox(at now: MonotonicTime) {
    guard mailbox.take(into: &messages) else { return }
    for message in messages {
      switch message {
      case .command(let command):
        if let leg = command.legItChanges, let port = engine.negotiatedPort(of: leg) { drain(port, at: now) }
        engine.perform(command, at: now)
      case .openPhoneLeg(let configuration, let lease):
        let port = sockets.add(lease)
        engine.openPhoneLeg(configuration, on: port, at: now)
      case .openTransport(let configuration, let leases):
        let v4 = leases.first { $0.local.address.isIPv4 }.map { sockets.add($0) }
        let v6 = leases.first { !$0.local.address.isIPv4 }.map { sockets.add($0) }
        engine.openTransport(configuration, on: TransportPorts(v4: v4, v6: v6), at: now)
      case .close: isClosing = true
      }
      flushIfCrowded()
    }
    messages.removeAll(keepingCapacity: true)
  }

  private mutating func tick(at now: MonotonicTime) {
    let count = timer.take()
    guard count > 0 else { return }
    if now - timer.lastDue > Self.toleratedLateness || count > 1 { counters.lateTicks += 1 }
    let skipped = max(0, count - Self.catchUpLimit)
    if skipped > 0 {
      counters.ticksSkipped += UInt64(skipped)
      engine.skipTicks(skipped)
    }
    engine.advanceSharedTimers(to: now)
    for _ in 0..<(count - skipped) {
      engine.beginTick(at: now)
      while engine.continueTick(at: now) { flushIfCrowded() }
    }
    streams.expire(at: now)
    readStreams(at: now)
    if now - reportedAt >= .seconds(1) { report(at: now) }
  }

  private mutating func finishTurn() {
    flush()
    while let order = engine.nextStreamOrder() { streams.perform(order, at: MonotonicClock.now()) }
    while let port = engine.nextClosedPort() { sockets.remove(port) }
    load.set(engine.legCount)
  }

  private mutating func flushIfCrowded() {
    if engine.transmit.isCrowded { flush() }
  }

  private mutating func flush() {
    if engine.transmit.count > 0 { transmitting.flush(&engine.transmit, by: sockets, &streams) }
  }

  private mutating func report(at now: MonotonicTime) {
    let cpuTime = MonotonicClock.threadCPUTime()
    counters.load = Float((cpuTime - cpuTimeAtReport).seconds / (now - reportedAt).seconds)
    cpuTimeAtReport = cpuTime
    reportedAt = now
    counters.datagramsSent = transmitting.sentCount
    counters.datagramsNotSent = transmitting.failedCount + engine.transmit.overflowCount
    engine.report(&counters)
  }
}

extension MediaCommand {
  /// The leg whose waiting packets belong to what was agreed before this command: they are read first, so that a loop
  /// that runs late loses none of them.
  fileprivate var legItChanges: PhoneLegID? {
    switch self {
    case .negotiatePhoneLeg(let leg, _), .closePhoneLeg(let leg): leg
    default: nil
    }
  }
}
