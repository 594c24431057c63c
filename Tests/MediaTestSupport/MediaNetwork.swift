import Base
import MediaCore

/// Media engines in virtual time, and a network between them that loses, delays, translates and cuts.
public final class MediaNetwork {
  /// One machine: an engine, its sockets and the phones that call it.
  public final class Host {
    public let identity: MediaIdentity
    fileprivate var engine: MediaEngine
    private let log = World.EventLog()
    /// Where the datagrams of a port come from, as everybody else sees it. Changing one is a NAT that forgot.
    public var outside: [MediaPort: Endpoint] = [:]
    /// Where this host takes TCP connections for its WebRTC port, framed as RFC 4571 has it.
    public var streamListener: Endpoint?
    /// Connections of this host: what the other end sees, and what it connected to.
    fileprivate var streams: [MediaPort: (outside: Endpoint, remote: Endpoint)] = [:]
    fileprivate var phones: [MediaPort: TestPhone] = [:]
    private var nextPort: Int32 = 0
    public private(set) var closedPorts: [MediaPort] = []

    fileprivate init(limits: MediaLimits) throws {
      guard let identity = MediaIdentity.make() else { throw World.NotMade() }
      self.identity = identity
      let log = log
      engine = MediaEngine(limits: limits, identity: identity, unixNanosecondsAtZero: 1_700_000_000_000_000_000) {
        if log.isRecording { log.events.append($0) }
      }
    }

    public var events: [MediaEvent] { log.events }
    public func count(_ matches: (MediaEvent) -> Bool) -> Int { events.count(where: matches) }
    public func forgetEvents() { log.events = [] }
    public var legCount: Int { engine.legCount }
    /// Connections that are there or being made.
    public var streamCount: Int { streams.count }

    fileprivate func makePort() -> MediaPort {
      nextPort += 1
      return MediaPort(index: nextPort - 1)
    }

    fileprivate func takeClosedPorts() {
      while let port = engine.nextClosedPort() { closedPorts.append(port) }
    }

    /// Lends the engine without recording events.
    public func withEngine<Result>(_ body: (inout MediaEngine) -> Result) -> Result {
      log.isRecording = false
      defer { log.isRecording = true }
      return body(&engine)
    }
  }

  private struct Flight {
    var at: MonotonicTime
    var from: Endpoint
    var to: Endpoint
    var bytes: [UInt8]
    var isInStream = false
  }

  private struct Connecting {
    var at: MonotonicTime
    var host: Host
    var port: MediaPort
  }

  public private(set) var now = MonotonicTime(nanoseconds: 1_000_000_000)
  public private(set) var hosts: [Host] = []
  public var delay = Duration.milliseconds(10)
  /// Of 100 datagrams between hosts.
  public var lossPercent = 0
  public var isCut = false
  /// For datagrams alone; connections go on.
  public var isCutForDatagrams = false
  private var connecting: [Connecting] = []
  private var flights: [Flight] = []
  private var random: RandomSource
  private var nextID: UInt64 = 100

  public init(seed: UInt64) { random = .seeded(seed) }

  public func addHost(limits: MediaLimits = MediaLimits()) throws -> Host {
    let host = try Host(limits: limits)
    host.outside[.webRTC] = Endpoint(IPAddress(v4: 0x0A00_0001 + UInt32(hosts.count)), 7882)
    hosts.append(host)
    return host
  }

  public func makeID() -> UInt64 {
    nextID += 1
    return nextID
  }

  public func perform(_ command: MediaCommand, on host: Host) {
    host.engine.perform(command, at: now)
    drain(host)
  }

  public func openRoom(on host: Host) -> RoomID {
    let id = RoomID(rawValue: makeID())
    perform(.openRoom(id, RoomMediaOptions()), on: host)
    return id
  }

  /// Opens, negotiates and attaches a leg.
  public func call(
    _ phone: TestPhone, into room: RoomID, on host: Host
  ) -> (leg: PhoneLegID, track: TrackID, port: MediaPort) {
    let port = host.makePort()
    let leg = PhoneLegID(rawValue: makeID())
    let track = TrackID(rawValue: makeID())
    host.phones[port] = phone
    host.engine.openPhoneLeg(PhoneLegConfiguration(id: leg), on: port, at: now)
    perform(.negotiatePhoneLeg(leg, phone.media()), on: host)
    perform(.attachPhoneLeg(leg, room, track), on: host)
    return (leg, track, port)
  }

  /// Binds a port that `host` is seen to use as `endpoint`, and opens a transport there.
  public func openTransport(_ configuration: TransportConfiguration, at endpoint: Endpoint, on host: Host) -> MediaPort
  {
    let port = host.makePort()
    host.outside[port] = endpoint
    let isIPv4 = endpoint.address.isIPv4
    host.engine.openTransport(
      configuration, on: TransportPorts(v4: isIPv4 ? port : nil, v6: isIPv4 ? nil : port), at: now)
    drain(host)
    return port
  }

  /// The other ends close.
  public func endStreams(of host: Host) {
    for port in host.streams.keys {
      host.streams[port] = nil
      host.engine.streamClosed(port)
    }
    drain(host)
  }

  /// Bytes of no meaning from where the peer may be.
  public func rubbish(_ count: Int, to port: MediaPort, of host: Host) {
    for source in hosts.flatMap(\.outside.values) {
      var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      bytes.withUnsafeMutableBytes { host.engine.receive($0, from: source, on: port, at: now) }
    }
    drain(host)
  }

  public func closeAll(_ host: Host) {
    host.engine.closeAll(at: now)
    drain(host)
  }

  /// A datagram from a phone.
  public func send(_ datagram: [UInt8], from phone: TestPhone, to host: Host) {
    guard let port = host.phones.first(where: { $0.value === phone })?.key else { return }
    var bytes = datagram
    bytes.withUnsafeMutableBytes { host.engine.receive($0, from: phone.endpoint, on: port, at: now) }
    drain(host)
  }

  /// Lets `duration` pass in ticks of 10 ms; `body` runs before each with its number.
  public func run(_ duration: Duration, _ body: (Int) -> Void = { _ in }) {
    for index in 0..<Int(duration.wholeMilliseconds / 10) {
      body(index)
      now += MediaEngine.tickPeriod
      connect()
      deliver()
      for host in hosts {
        host.engine.advanceSharedTimers(to: now)
        host.engine.beginTick(at: now)
        while host.engine.continueTick(at: now) { drain(host) }
        drain(host)
      }
    }
  }

  /// Runs until `condition` holds. Nil when it does not within `limit`.
  public func run(until condition: () -> Bool, within limit: Duration, _ body: () -> Void = {}) -> Duration? {
    let start = now
    while !condition() {
      guard now - start < limit else { return nil }
      body()
      run(.milliseconds(10))
    }
    return now - start
  }

  private func deliver() {
    while let next = flights.indices.min(by: { flights[$0].at < flights[$1].at }), flights[next].at <= now {
      var flight = flights.remove(at: next)
      guard !isCut, !isCutForDatagrams || flight.isInStream else { continue }
      for host in hosts {
        for (port, stream) in host.streams where stream.outside == flight.to {
          flight.bytes.withUnsafeMutableBytes { host.engine.receive($0, from: stream.remote, on: port, at: now) }
          drain(host)
        }
        if host.streamListener == flight.to {
          flight.bytes.withUnsafeMutableBytes { host.engine.receiveOnWebRTCPort($0, from: flight.from, at: now) }
          drain(host)
        }
        for (port, endpoint) in host.outside where endpoint == flight.to {
          flight.bytes.withUnsafeMutableBytes {
            if port.isWebRTC {
              host.engine.receiveOnWebRTCPort($0, from: flight.from, at: now)
            } else {
              host.engine.receive($0, from: flight.from, on: port, at: now)
            }
          }
          drain(host)
        }
      }
    }
  }

  private func drain(_ host: Host) {
    for index in 0..<host.engine.transmit.count {
      let entry = host.engine.transmit[index]
      let bytes = Array(host.engine.transmit.bytes(index))
      if let phone = host.phones[entry.port] {
        if phone.endpoint == entry.destination { phone.receive(bytes, at: now) }
      } else if let stream = host.streams[entry.port] {
        flights.append(
          Flight(
            at: now + delay, from: stream.outside, to: stream.remote, bytes: Array(bytes.dropFirst(2)),
            isInStream: true))
      } else if isConnection(entry.destination), let from = host.streamListener {
        flights.append(Flight(at: now + delay, from: from, to: entry.destination, bytes: bytes, isInStream: true))
      } else if let from = host.outside[entry.port], !isCut, Int.random(in: 0..<100, using: &random) >= lossPercent {
        flights.append(Flight(at: now + delay, from: from, to: entry.destination, bytes: bytes))
      }
    }
    host.engine.transmit.removeAll()
    while let order = host.engine.nextStreamOrder() { perform(order, of: host) }
    host.takeClosedPorts()
  }

  private func perform(_ order: StreamOrder, of host: Host) {
    switch order {
    case .open(let port, let configuration):
      host.streams[port] = (Endpoint(IPAddress(v4: 0xC612_0001), UInt16(nextID)), configuration.endpoint)
      nextID += 1
      connecting.append(Connecting(at: now + delay * 2, host: host, port: port))
    case .close(let port): host.streams[port] = nil
    }
  }

  private func connect() {
    for next in connecting where next.at <= now && next.host.streams[next.port] != nil {
      let isListening = hosts.contains { $0.streamListener == next.host.streams[next.port]?.remote }
      if isListening && !isCut {
        next.host.engine.streamOpened(next.port, at: now)
      } else {
        next.host.streams[next.port] = nil
        next.host.engine.streamClosed(next.port)
      }
      drain(next.host)
    }
    connecting.removeAll { $0.at <= now }
  }

  private func isConnection(_ endpoint: Endpoint) -> Bool {
    hosts.contains { $0.streams.values.contains { $0.outside == endpoint } }
  }
}
