import Base
import RTP
import Transport

/// All rooms of one media loop, without its sockets and clock: commands, datagrams and ticks in, datagrams and
/// events out.
///
/// Rooms, legs, transports and tracks live at addresses of their own, so that packets reach them without a look-up
/// or a reference count; the engine makes and frees them.
public struct MediaEngine: ~Copyable {
  /// Half of a 20 ms frame: it paces packet times that are not multiples of 20 ms, and rooms take turns.
  public static let tickPeriod = Duration.milliseconds(10)
  private static let queueCapacity = 512

  /// Whose a port is.
  enum PortOwner {
    case leg(UnsafeMutablePointer<PhoneLeg>)
    case transport(UnsafeMutablePointer<RoomTransport>)
  }

  struct Track {
    let source: UnsafeMutablePointer<TrackSource>
    /// Nil when a phone leg publishes it.
    let transport: UnsafeMutablePointer<RoomTransport>?
  }

  let limits: MediaLimits
  let identity: MediaIdentity
  var output: MediaOutput
  var rooms: [RoomID: UnsafeMutablePointer<MediaRoom>] = [:]
  var legs: [PhoneLegID: UnsafeMutablePointer<PhoneLeg>] = [:]
  var transports: [TransportID: UnsafeMutablePointer<RoomTransport>] = [:]
  var tracks: [TrackID: Track] = [:]
  /// By `MediaPort.index`.
  var portOwners: [PortOwner?] = []
  /// Transports on the shared port by the sources that have proved to know their password.
  var flows: [Endpoint: UnsafeMutablePointer<RoomTransport>] = [:]
  var fragments: [ICEFragment: UnsafeMutablePointer<RoomTransport>] = [:]
  var closedPorts: [MediaPort] = []
  /// The room of legs that have none: nobody speaks there.
  let lobby: UnsafeMutablePointer<MediaRoom>
  /// All rooms, the lobby first.
  var ticking: [UnsafeMutablePointer<MediaRoom>]
  private var tickCount = 0
  private var nextTicking = 0
  private var strangerCount: UInt64 = 0

  /// `onEvent` is called in the middle of the calls below.
  public init(
    limits: MediaLimits = MediaLimits(), identity: MediaIdentity, unixNanosecondsAtZero: Int64,
    onEvent: @escaping (MediaEvent) -> Void
  ) {
    self.limits = limits
    self.identity = identity
    output = MediaOutput(
      queueCapacity: Self.queueCapacity, streamLimit: limits.streams, unixNanosecondsAtZero: unixNanosecondsAtZero,
      onEvent: onEvent)
    lobby = .make(MediaRoom(id: RoomID(rawValue: 0), options: RoomMediaOptions(), phase: 0, at: .zero))
    ticking = [lobby]
  }

  deinit {
    for leg in legs.values { leg.destroy() }
    for transport in transports.values { transport.destroy() }
    for track in tracks.values { track.source.destroy() }
    for room in ticking { room.destroy() }
  }

  /// What is to be sent. Empty it after each call, or, in a tick, whenever it `isCrowded`.
  public var transmit: TransmitQueue {
    _read { yield output.transmit }
    _modify { yield &output.transmit }
  }

  /// Phone legs and transports.
  public var legCount: Int { legs.count + transports.count }

  /// Takes a datagram from a port of a phone leg's or a transport's own, or a packet from a connection of a transport's,
  /// whose `source` is the other end; it may be decrypted in place.
  public mutating func receive(
    _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, on port: MediaPort, at now: MonotonicTime
  ) {
    if let id = output.streams.owner(of: port), let transport = transports[id] {
      receive(datagram, from: source, on: port, of: transport, at: now)
    }
    let index = Int(port.index)
    guard index >= 0, index < portOwners.count, let owner = portOwners[index] else { return }
    switch owner {
    case .leg(let leg): leg.pointee.receive(UnsafeRawBufferPointer(datagram).bytes, from: source, at: now, &output)
    case .transport(let transport): receive(datagram, from: source, on: port, of: transport, at: now)
    }
  }

  /// Takes a datagram from the WebRTC port; it may be decrypted in place.
  public mutating func receiveOnWebRTCPort(
    _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, at now: MonotonicTime
  ) {
    let bytes = UnsafeRawBufferPointer(datagram).bytes
    let kind = DatagramKind(bytes)
    if case .stun = kind { return receiveSTUN(bytes, from: source, at: now) }
    guard let transport = flows[source] else {
      strangerCount += 1
      return
    }
    switch kind {
    case .rtp: transport.pointee.receiveRTP(datagram, at: now, &output)
    case .rtcp: transport.pointee.receiveRTCP(datagram, at: now, &output)
    case .dtls:
      transport.pointee.receiveDTLS(bytes, at: now, &output)
      closeIfFailed(transport, at: now)
    case .stun, .unknown: break
    }
  }

  /// What is to be done about connections. Nil when there is nothing left.
  public mutating func nextStreamOrder() -> StreamOrder? { output.streams.next() }

  /// A connection that was ordered is there, TLS included.
  public mutating func streamOpened(_ port: MediaPort, at now: MonotonicTime) {
    guard let id = output.streams.owner(of: port), let transport = transports[id] else { return }
    transport.pointee.streamOpened(port, at: now, &output)
  }

  /// A connection that was ordered could not be made, or has ended.
  public mutating func streamClosed(_ port: MediaPort) {
    guard let id = output.streams.owner(of: port), output.streams.release(port), let transport = transports[id] else {
      return
    }
    transport.pointee.streamClosed(port)
  }

  /// Begins a tick, one each `tickPeriod`.
  public mutating func beginTick(at now: MonotonicTime) {
    tickCount &+= 1
    nextTicking = 0
  }

  /// Does the work of one room. False when all have had theirs.
  public mutating func continueTick(at now: MonotonicTime) -> Bool {
    guard nextTicking < ticking.count else { return false }
    let room = ticking[nextTicking]
    nextTicking += 1
    guard room.pointee.phase == tickCount & 1 else {
      room.pointee.halfTick(at: now, &output)
      return true
    }
    room.pointee.tick(at: now, &output)
    closeFailedTransports(of: room, at: now)
    return true
  }

  /// Ticks that were missed and are not made up for: what is sent next says so by its timestamps.
  public mutating func skipTicks(_ count: Int) {
    for room in ticking { room.pointee.skip(tickCount: count) }
  }

  /// Lets timers that all loops of the process share see the time; on each tick of each loop.
  public func advanceSharedTimers(to now: MonotonicTime) {
    if !transports.isEmpty { SCTPStack.advance(to: now) }
  }

  /// A port whose leg has been closed. Nil when there is none left.
  public mutating func nextClosedPort() -> MediaPort? { closedPorts.popLast() }

  /// Completes `statistics` with what the engine knows and reports it.
  public func report(_ statistics: inout MediaLoopStatistics) {
    statistics.phoneLegs = legs.count
    statistics.transports = transports.count
    statistics.rooms = rooms.count
    statistics.datagramsFromStrangers = strangerCount
    output.emit(.loopStatistics(statistics))
  }

  private mutating func receive(
    _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, on port: MediaPort,
    of transport: UnsafeMutablePointer<RoomTransport>, at now: MonotonicTime
  ) {
    if !transport.pointee.receive(datagram, from: source, on: port, at: now, &output) { strangerCount += 1 }
    closeIfFailed(transport, at: now)
  }

  private mutating func receiveSTUN(_ datagram: RawSpan, from source: Endpoint, at now: MonotonicTime) {
    guard let fragment = ICEFragment(addressedBy: datagram), let transport = fragments[fragment] else {
      strangerCount += 1
      return
    }
    guard transport.pointee.receiveSTUN(datagram, from: source, at: now, &output) else { return }
    guard flows[source] != transport else { return }
    flows[source] = transport
    if let evicted = transport.pointee.addSource(source), flows[evicted] == transport { flows[evicted] = nil }
  }

  private mutating func closeFailedTransports(of room: UnsafeMutablePointer<MediaRoom>, at now: MonotonicTime) {
    // Backwards: closing takes a transport out of the list.
    for index in stride(from: room.pointee.transports.count - 1, through: 0, by: -1) {
      closeIfFailed(room.pointee.transports[index], at: now)
    }
  }
}
