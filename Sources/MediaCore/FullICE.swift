import Base
import RTP
import Transport

/// A full agent and the ways it has to its peer: the transport's own sockets, and, when those lead nowhere,
/// connections to the peer (RFC 6544) and TURN servers (RFC 8656).
///
/// A detour costs the peer or a server something, so none is made before `detourDelay`, and those that are not in use
/// end once a pair is agreed.
struct FullICE {
  /// What a datagram was.
  enum Received {
    /// Nobody's that we know.
    case stranger
    /// A part of ICE or TURN: it has done its work.
    case handled
    /// The peer's, for DTLS, RTP or RTCP.
    case packet(UnsafeMutableRawBufferPointer)
  }

  static let maximumDetourCount = 4
  static let detourDelay = Duration.milliseconds(500)
  private static let maximumPathCount = 8

  var agent: ICEAgent
  let id: TransportID
  let ports: TransportPorts
  let usesRelaysOnly: Bool
  let openedAt: MonotonicTime
  var relays: [ICERelay]
  var connections: [ICEConnection] = []
  /// Ways by which the peer has proved to be there; nothing else than checks is read from others.
  private var paths: [ICEPath] = []
  private(set) var route: ICERoute?

  private static let v4 = ICEBaseID(rawValue: 0)
  private static let v6 = ICEBaseID(rawValue: 1)

  init(
    _ agent: ICEAgent, _ peer: ICEPeer, servers: [ICEServer], id: TransportID, ports: TransportPorts,
    at now: MonotonicTime
  ) {
    self.agent = agent
    self.id = id
    self.ports = ports
    usesRelaysOnly = peer.usesRelaysOnly
    openedAt = now
    relays = servers.prefix(Self.maximumDetourCount).enumerated().map { ICERelay($1, number: $0) }
    paths.reserveCapacity(Self.maximumPathCount)
    if !usesRelaysOnly {
      if ports.v4 != nil { self.agent.add(ICEBase(id: Self.v4)) }
      if ports.v6 != nil { self.agent.add(ICEBase(id: Self.v6, isIPv4: false)) }
    }
    addRemoteCandidates(peer.remoteCandidates)
  }

  mutating func addRemoteCandidates(_ candidates: [ICECandidate]) {
    agent.addRemoteCandidates(candidates)
    guard !usesRelaysOnly else { return }
    for candidate in candidates where candidate.transport == .tcpPassive && candidate.component == 1 {
      guard connections.count < Self.maximumDetourCount, candidate.endpoint.port > 0,
        !connections.contains(where: { $0.remote == candidate.endpoint })
      else { continue }
      connections.append(ICEConnection(to: candidate.endpoint, number: connections.count))
    }
  }

  /// False, and nothing changes, unless the credentials are usable.
  mutating func restart(
    _ fragment: ICEFragment, _ credentials: ICECredentials, remote: ICERemote, at now: MonotonicTime
  ) -> Bool {
    let isRestarted = agent.restart(
      localFragment: fragment, localPassword: credentials.password, remoteFragment: remote.ufrag,
      remotePassword: remote.password, candidates: remote.candidates, at: now)
    // The agent has taken the others already.
    if isRestarted { addRemoteCandidates(remote.candidates.filter { $0.transport == .tcpPassive }) }
    return isRestarted
  }

  /// Takes a datagram, or a packet of a stream.
  mutating func receive(
    _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, on port: MediaPort, at now: MonotonicTime,
    _ output: inout MediaOutput
  ) -> Received {
    var packet = datagram
    let path: ICEPath
    if let index = relays.firstIndex(where: { $0.port == port && $0.server.endpoint == source }) {
      guard let relayed = receive(datagram, ofRelay: index, at: now, &output) else { return .handled }
      packet = UnsafeMutableRawBufferPointer(rebasing: datagram[relayed.range])
      path = ICEPath(relays[index].base, relayed.peer)
    } else if let connection = connections.first(where: { $0.port == port }) {
      path = ICEPath(connection.base, connection.remote)
    } else {
      path = ICEPath(source.address.isIPv4 ? Self.v4 : Self.v6, source)
    }
    let bytes = UnsafeRawBufferPointer(packet).bytes
    guard case .stun = DatagramKind(bytes) else { return paths.contains(path) ? .packet(packet) : .stranger }
    return receive(check: bytes, over: path, at: now, &output)
  }

  /// Sends what is due: checks, and requests to TURN servers. Each 20 ms, and whenever something has changed.
  mutating func send(at now: MonotonicTime, _ output: inout MediaOutput) {
    manageDetours(at: now, &output)
    while let slot = output.transmit.reserve() {
      var check = slot.mutableBytes
      guard let (byteCount, path) = agent.nextCheck(at: now, into: &check) else { return }
      send(byteCount, in: slot, over: path, &output)
    }
  }

  /// Sends the packet in the first `byteCount` bytes of the slot by the path in use, when that is not direct.
  mutating func sendByDetour(
    _ byteCount: Int, in slot: UnsafeMutableRawBufferPointer, _ output: inout MediaOutput
  ) {
    if let path = agent.selected { send(byteCount, in: slot, over: path, &output) }
  }

  /// Gives back what servers hold for us.
  mutating func close(_ output: inout MediaOutput) {
    for index in relays.indices { closeRelay(index, &output) }
    for connection in connections { if let port = connection.port { output.streams.close(port) } }
    connections = []
  }

  private mutating func receive(
    check: RawSpan, over path: ICEPath, at now: MonotonicTime, _ output: inout MediaOutput
  ) -> Received {
    guard let slot = output.transmit.reserve() else { return .handled }
    var response = slot.mutableBytes
    switch agent.receive(check, over: path, at: now, response: &response) {
    case .ignore: return .stranger
    case .respond(let byteCount): send(byteCount, in: slot, over: path, &output)
    case .accepted: break
    }
    remember(path)
    updateRoute()
    return .handled
  }

  private mutating func remember(_ path: ICEPath) {
    guard !paths.contains(path) else { return }
    // A peer that changes its address with every check must not fill anything.
    if paths.count >= Self.maximumPathCount, let oldest = paths.firstIndex(where: { $0 != agent.selected }) {
      paths.remove(at: oldest)
    }
    paths.append(path)
  }

  private mutating func send(
    _ byteCount: Int, in slot: UnsafeMutableRawBufferPointer, over path: ICEPath, _ output: inout MediaOutput
  ) {
    if let index = relays.firstIndex(where: { $0.base == path.base }) {
      guard let port = relays[index].port else { return }
      let wrapped = relays[index].client.wrap(slot, byteCount: byteCount, for: path.remote)
      if wrapped > 0 { output.transmit.commit(byteCount: wrapped, to: relays[index].server.endpoint, via: port) }
    } else if let connection = connections.first(where: { $0.base == path.base }) {
      guard let port = connection.port else { return }
      let framed = ICEConnection.frame(slot, byteCount: byteCount)
      if framed > 0 { output.transmit.commit(byteCount: framed, to: path.remote, via: port) }
    } else if let port = ports.port(isIPv4: path.base == Self.v4) {
      output.transmit.commit(byteCount: byteCount, to: path.remote, via: port)
    }
  }

  mutating func updateRoute() {
    guard let path = agent.selected else {
      route = nil
      return
    }
    let isDirect = path.base == Self.v4 || path.base == Self.v6
    let port = isDirect ? ports.port(isIPv4: path.base == Self.v4) : .webRTC
    route = port.map { ICERoute(port: $0, destination: path.remote, isDirect: isDirect) }
  }
}
