import Base
import MediaCore
import Transport

/// An engine in virtual time, with the peers and phones that it talks to.
public final class World {
  public private(set) var now = MonotonicTime(nanoseconds: 1_000_000_000)
  public let identity: MediaIdentity
  public private(set) var engine: MediaEngine
  /// Phones by the index of the port that they call.
  public private(set) var phones: [TestPhone] = []
  /// Of `phones`, in their order.
  public private(set) var legs: [PhoneLegID] = []
  public private(set) var peers: [TestPeer] = []
  private let log = EventLog()
  private var nextID: UInt64 = 100

  public final class EventLog {
    public var events: [MediaEvent] = []
    /// False while allocations are counted: this log allocates.
    public var isRecording = true
  }

  public struct NotMade: Error {
    public init() {}
  }

  public init(limits: MediaLimits = MediaLimits()) throws {
    guard let identity = MediaIdentity.make() else { throw NotMade() }
    self.identity = identity
    let log = log
    engine = MediaEngine(limits: limits, identity: identity, unixNanosecondsAtZero: 1_700_000_000_000_000_000) {
      if log.isRecording { log.events.append($0) }
    }
  }

  public var events: [MediaEvent] { log.events }
  public func count(_ matches: (MediaEvent) -> Bool) -> Int { events.count(where: matches) }
  public func forgetEvents() { log.events = [] }

  public func makeID() -> UInt64 {
    nextID += 1
    return nextID
  }

  public func perform(_ command: MediaCommand) {
    engine.perform(command, at: now)
    carry()
  }

  public func openRoom(_ options: RoomMediaOptions = RoomMediaOptions()) -> RoomID {
    let id = RoomID(rawValue: makeID())
    perform(.openRoom(id, options))
    return id
  }

  /// Opens a leg for `phone` on the next port, without negotiating it.
  public func openLeg(_ phone: TestPhone, _ change: (inout PhoneLegConfiguration) -> Void = { _ in }) -> PhoneLegID {
    var configuration = PhoneLegConfiguration(id: PhoneLegID(rawValue: makeID()))
    change(&configuration)
    engine.openPhoneLeg(configuration, on: MediaPort(index: Int32(phones.count)), at: now)
    phones.append(phone)
    legs.append(configuration.id)
    return configuration.id
  }

  /// Opens, negotiates and attaches a leg.
  public func call(
    _ phone: TestPhone, into room: RoomID, packetTime: Duration = .milliseconds(20), hasEvents: Bool = true
  ) -> (leg: PhoneLegID, track: TrackID) {
    let leg = openLeg(phone)
    let track = TrackID(rawValue: makeID())
    perform(.negotiatePhoneLeg(leg, phone.media(packetTime: packetTime, hasEvents: hasEvents)))
    perform(.attachPhoneLeg(leg, room, track))
    return (leg, track)
  }

  /// Opens a transport and a peer for it; the handshake is left to `connect`.
  public func openPeer(
    _ room: RoomID, isServerDTLSClient: Bool = false, _ change: (inout TransportConfiguration) -> Void = { _ in }
  ) throws -> (id: TransportID, peer: TestPeer) {
    let credentials = ICECredentials.random()
    let endpoint = Endpoint(IPAddress(v4: 0x0A00_0000 + UInt32(peers.count) + 1), 40_000)
    guard
      let peer = TestPeer(
        at: endpoint, credentials: credentials, serverFingerprint: identity.fingerprint,
        role: isServerDTLSClient ? .server : .client)
    else { throw NotMade() }
    var configuration = TransportConfiguration(
      id: TransportID(rawValue: makeID()), room: room, credentials: credentials,
      remoteFingerprints: [peer.fingerprint], isDTLSClient: isServerDTLSClient)
    change(&configuration)
    peers.append(peer)
    perform(.openTransport(configuration))
    return (configuration.id, peer)
  }

  /// A peer with a completed handshake.
  public func connectPeer(_ room: RoomID, isServerDTLSClient: Bool = false) throws -> (id: TransportID, peer: TestPeer)
  {
    let opened = try openPeer(room, isServerDTLSClient: isServerDTLSClient)
    opened.peer.start()
    carry()
    guard opened.peer.isConnected else { throw NotMade() }
    return opened
  }

  /// A datagram from a phone, or from whoever `source` is.
  public func send(_ datagram: [UInt8], from phone: TestPhone, source: Endpoint? = nil) {
    guard let port = phones.firstIndex(where: { $0 === phone }) else { return }
    var bytes = datagram
    bytes.withUnsafeMutableBytes {
      engine.receive($0, from: source ?? phone.endpoint, on: MediaPort(index: Int32(port)), at: now)
    }
    carry()
  }

  /// Carries datagrams between engine and peers until nobody has any.
  public func carry() {
    while true {
      drain()
      var isQuiet = true
      for peer in peers {
        let outbox = peer.outbox
        peer.outbox = []
        for var datagram in outbox {
          isQuiet = false
          datagram.withUnsafeMutableBytes { engine.receiveOnWebRTCPort($0, from: peer.endpoint, at: now) }
          drain()
        }
      }
      if isQuiet { return }
    }
  }

  /// Lets `duration` pass in ticks of 10 ms; `body` runs before each with its number.
  public func run(_ duration: Duration, _ body: (Int) -> Void = { _ in }) {
    for index in 0..<Int(duration.wholeMilliseconds / 10) {
      body(index)
      now += MediaEngine.tickPeriod
      engine.beginTick(at: now)
      while engine.continueTick(at: now) { drain() }
      carry()
    }
  }

  /// The peer's packets come from elsewhere from now on.
  public func move(_ peer: TestPeer, to endpoint: Endpoint) { peer.endpoint = endpoint }

  /// Lets time pass without a tick.
  public func wait(_ duration: Duration) { now += duration }

  /// Lends the engine without recording events; what it sends must be taken out of `transmit` in there.
  public func withEngine<Result>(_ body: (inout MediaEngine, inout MonotonicTime) -> Result) -> Result {
    log.isRecording = false
    defer { log.isRecording = true }
    return body(&engine, &now)
  }

  /// The totals of a leg that the next second brings.
  public func statistics(of leg: PhoneLegID) -> PhoneLegStatistics? {
    forgetEvents()
    run(.milliseconds(1020))
    for case .phoneLegStatistics(leg, let statistics) in events { return statistics }
    return nil
  }

  public var legCount: Int { engine.legCount }
  /// The next leg is opened on the first port again.
  public func forgetPhones() {
    phones = []
    legs = []
  }

  public func skipTicks(_ count: Int) { engine.skipTicks(count) }
  public func nextClosedPort() -> MediaPort? { engine.nextClosedPort() }

  public func closeAll() {
    engine.closeAll(at: now)
    drain()
  }

  private func drain() {
    for index in 0..<engine.transmit.count {
      let entry = engine.transmit[index]
      let bytes = Array(engine.transmit.bytes(index))
      if entry.port.isWebRTC {
        peers.first { $0.endpoint == entry.destination }?.receive(bytes, at: now)
      } else if phones.indices.contains(Int(entry.port.index)) {
        let phone = phones[Int(entry.port.index)]
        if phone.endpoint == entry.destination { phone.receive(bytes, at: now) }
      }
    }
    engine.transmit.removeAll()
  }
}
