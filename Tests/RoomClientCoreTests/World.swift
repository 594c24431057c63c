import Base
import LiveKitProtocol
import RoomCore
import Testing

@testable import RoomClientCore

/// One session, the room server of `RoomCore`, and the network between them, in virtual time.
final class World {
  private(set) var session: RoomSession
  /// Nil: it is down.
  var server: RoomServerCore?
  private(set) var now = MonotonicTime(nanoseconds: 1_000_000_000)
  /// One way, of everything.
  var latency = Duration.milliseconds(20)
  /// `/rtc/v1` answers 404.
  var isOldServer = false
  /// A status other than 101 for every WebSocket, with its word.
  var refusal: (status: Int, reason: String)?
  /// Neither messages nor the end of a connection come through.
  var losesSignalling = false
  var media = MediaNetwork()
  private(set) var events: [RoomClientEvent] = []
  private(set) var serverEvents: [RoomEvent] = []
  /// Every request that opened a WebSocket.
  private(set) var targets: [RoomSocketTarget] = []
  private(set) var requests: [Livekit_SignalRequest] = []
  private(set) var regionQuestions = 0
  var regions: [RoomServerURL] = []
  /// None can be made when nil.
  var token: String? = "token"
  var hasPorts = true

  private var connections: [RoomSocketID: SessionID] = [:]
  private var nextConnection: UInt64 = 1
  private var scheduled: [(at: MonotonicTime, order: Int, body: () -> Void)] = []
  private var order = 0
  private var nextTick = MonotonicTime(nanoseconds: 1_000_000_000)

  static let entry = RoomClientEntry(
    roomName: "lobby", identity: "sip_+15550123", name: "Phone +15550123", metadata: "m",
    attributes: ["sip.callID": "SCL_1", "sip.callStatus": "ringing"])

  init(
    _ entry: RoomClientEntry = World.entry, isSingle: Bool = true, seed: UInt64 = 7,
    _ change: (inout RoomClientConfiguration) -> Void = { _ in }
  ) {
    var configuration = RoomClientConfiguration(url: World.url("ws://rooms.example.com:7880"), version: "1")
    change(&configuration)
    session = RoomSession(
      entry, number: 3, fingerprint: MediaNetwork.clientAddress.fingerprint, configuration: configuration,
      usesOnePeerConnection: isSingle, seed: seed)
    isOldServer = !isSingle
    server = World.makeServer(seed: seed)
  }

  static func url(_ text: String) -> RoomServerURL {
    guard let url = RoomServerURL(text) else { preconditionFailure("no URL: \(text)") }
    return url
  }

  static func makeServer(seed: UInt64 = 7) -> RoomServerCore {
    RoomServerCore(
      configuration: RoomServerConfiguration(
        mediaAddresses: [MediaNetwork.serverAddress], unixMillisecondsAtZero: 1_700_000_000_000), seed: seed)
  }

  // MARK: What a test does

  /// Joins and lets media connect.
  static func joined(
    isSingle: Bool = true, seed: UInt64 = 7, _ change: (inout RoomClientConfiguration) -> Void = { _ in }
  ) -> World {
    let world = World(isSingle: isSingle, seed: seed, change)
    world.perform(.start)
    world.advance(.seconds(1))
    return world
  }

  func perform(_ input: RoomClientInput) { apply(session.handle(input, now: now)) }

  func advance(_ duration: Duration) {
    let end = now + duration
    while true {
      let due = scheduled.min { ($0.at, $0.order) < ($1.at, $1.order) }
      let next = min(due?.at ?? nextTick, nextTick)
      guard next <= end else { break }
      now = max(now, next)
      if let due, due.at <= nextTick {
        scheduled.removeAll { $0.order == due.order }
        due.body()
      } else {
        nextTick += .milliseconds(100)
        tick()
      }
    }
    now = end
  }

  /// Someone whose media the server has itself.
  @discardableResult
  func join(_ identity: String, kind: Livekit_ParticipantInfo.Kind = .standard, room: String = "lobby") throws
    -> LocalJoin
  {
    var local = LocalParticipant(identity: identity, name: identity)
    local.kind = kind
    guard let (join, actions) = try server?.joinLocal(local, room: room, now: now) else {
      throw WorldError.serverIsDown
    }
    media.serverLocalTracks.insert(join.mediaTrack)
    apply(actions)
    return join
  }

  func onServer(_ body: (inout RoomServerCore, MonotonicTime) throws -> [RoomAction]) rethrows {
    guard var core = server else { return }
    // Not two owners of one value, or all of it is copied.
    server = nil
    defer { server = server ?? core }
    let actions = try body(&core, now)
    server = core
    apply(actions)
  }

  /// What the server has of the call.
  var participant: Livekit_ParticipantInfo? {
    try? server?.participants(of: session.entry.roomName).first { $0.identity == World.entry.identity }
  }

  /// The process of the server ends: connections with it, and nothing is told of the media.
  func stopServer() {
    server = nil
    media.stopServer()
    for id in connections.keys { later { $0.perform(.socketClosed(id, reason: "connection reset")) } }
    connections = [:]
  }

  func startServer(seed: UInt64 = 8) { server = World.makeServer(seed: seed) }

  /// Ends the WebSocket; the server learns it too.
  func cutSignalling() {
    for (id, connection) in connections {
      connections[id] = nil
      perform(.socketClosed(id, reason: "connection reset"))
      onServer { $0.handle(.sessionClosed(connection), now: $1) }
    }
  }

  /// A message that the server of `RoomCore` does not send.
  func say(_ message: Livekit_SignalResponse.OneOf_Message) {
    var response = Livekit_SignalResponse()
    response.message = message
    guard let id = connections.keys.first else { return }
    perform(.message(id, response))
  }

  func takeEvents() -> [RoomClientEvent] {
    defer { events = [] }
    return events.filter { if case .note = $0 { false } else { true } }
  }

  /// What the server's own participants were sent.
  var digits: [String] {
    serverEvents.compactMap { event in
      if case .localData(_, let packet) = event { packet.sipDtmf.digit } else { nil }
    }
  }

  var lastPresence: RoomPresence? {
    events.reversed().lazy.compactMap { if case .changed(let presence) = $0 { presence } else { nil } }.first
  }

  var isConnected: Bool { !connections.isEmpty }

  // MARK: The network

  private func later(_ body: @escaping (World) -> Void) { later(latency, body) }

  private func later(_ delay: Duration, _ body: @escaping (World) -> Void) {
    order += 1
    scheduled.append((now + delay, order, { [unowned self] in body(self) }))
  }

  private func tick() {
    perform(.tick)
    onServer { $0.handle(.tick, now: $1) }
    for (input, isClient) in media.inputs(now: now) {
      if isClient { performMedia(input) } else { onServer { $0.handle(input, now: $1) } }
    }
  }

  private func performMedia(_ input: RoomInput) {
    switch input {
    case .transportConnected(let id): perform(.transportConnected(id))
    case .transportFailed(let id): perform(.transportFailed(id, reason: "consent expired"))
    case .dataChannelOpened(let id, let label): perform(.dataChannelOpened(id, label: label))
    case .data(let id, let label, let bytes): perform(.data(id, label: label, bytes))
    case .trackActive(let id): perform(.trackActive(id))
    default: Issue.record("no input of a client: \(input)")
    }
  }

  private func apply(_ actions: [RoomClientAction]) {
    for action in actions {
      switch action {
      case .prepare(let transports): later { $0.prepare(transports) }
      case .connect(let id, let target): connect(id, target)
      case .send(let id, let request):
        requests.append(request)
        // What is sent on a connection that is not open is lost.
        guard let connection = connections[id], !losesSignalling else { continue }
        later { world in world.onServer { $0.handle(.request(connection, request), now: $1) } }
      case .disconnect(let id):
        guard let connection = connections.removeValue(forKey: id) else { continue }
        later { world in world.onServer { $0.handle(.sessionClosed(connection), now: $1) } }
      case .findRegions:
        regionQuestions += 1
        later { $0.perform(.regions($0.regions)) }
      case .media(let action):
        media.client.apply(action)
        if case .closeTransport(let id) = action { media.leases.remove(id) }
        if case .closeRoom = action { media.leases.subtract(media.opened) }
        if case .openTransport(let transport) = action {
          #expect(media.leases.contains(transport.id), "opened without a port")
          media.opened.insert(transport.id)
        }
        if case .restartICE(let id, _, _, _) = action { media.noteRestart(id) }
      case .event(let event): events.append(event)
      }
    }
    #expect(media.client.problems == [])
    for id in media.takeInterrupted(now: now) { perform(.transportInterrupted(id)) }
    for id in media.takeResumed(now: now) { perform(.transportResumed(id)) }
  }

  private func prepare(_ transports: [MediaTransportID]) {
    var ports: [MediaTransportID: [Endpoint]] = [:]
    for transport in transports where hasPorts {
      media.leases.insert(transport)
      ports[transport] = MediaNetwork.clientAddress.candidates
    }
    perform(.prepared(token: token, ports: ports))
  }

  private func connect(_ id: RoomSocketID, _ target: RoomSocketTarget) {
    targets.append(target)
    guard !losesSignalling else { return }
    later { world in
      guard world.server != nil else { return world.perform(.socketClosed(id, reason: "connection refused")) }
      if let refusal = world.refusal {
        return world.perform(.socketRefused(id, status: refusal.status, reason: refusal.reason))
      }
      guard let query = World.query(target.path) else {
        Issue.record("unreadable: \(target.path)")
        return
      }
      if query.isSinglePeerConnection, world.isOldServer {
        return world.perform(.socketRefused(id, status: 404, reason: ""))
      }
      world.open(id, query)
    }
  }

  private func open(_ id: RoomSocketID, _ query: SignalQuery) {
    let connection = SessionID(rawValue: nextConnection)
    nextConnection += 1
    var grants = Grants(identity: session.entry.identity, name: session.entry.name)
    grants.kind = .sip
    grants.metadata = session.entry.metadata
    grants.video.roomJoin = true
    grants.video.room = session.entry.roomName
    grants.video.canUpdateOwnMetadata = true
    let intent = JoinIntent(grants: grants, query: query)
    if let refusal = server?.refusal(of: intent) {
      return perform(.socketRefused(id, status: refusal.status, reason: refusal.reason))
    }
    connections[id] = connection
    perform(.socketOpened(id))
    onServer { $0.handle(.join(connection, intent), now: $1) }
  }

  static func query(_ path: String) -> SignalQuery? {
    let halves = path.split(separator: "?", maxSplits: 1)
    guard halves.count == 2, halves[0].hasSuffix("/rtc/v1") || halves[0].hasSuffix("/rtc") else { return nil }
    let parameters = halves[1].split(separator: "&").map { pair in
      let parts = pair.split(separator: "=", maxSplits: 1)
      return (name: String(parts[0]), value: parts.count > 1 ? String(parts[1]) : "")
    }
    return try? SignalQuery(path: halves[0].hasSuffix("/v1") ? .v1 : .classic, parameters: parameters)
  }

  private func apply(_ actions: [RoomAction]) {
    for action in actions {
      switch action {
      case .send(let sessions, let message):
        for session in sessions { deliver(message, session) }
      case .close(let session, _, let reason):
        guard let id = connections.first(where: { $0.value == session })?.key else { continue }
        guard !losesSignalling else { continue }
        later { world in
          if world.connections.removeValue(forKey: id) != nil { world.perform(.socketClosed(id, reason: reason)) }
        }
      case .media(_, let action):
        media.server.apply(action)
        if case .restartICE(let id, _, _, _) = action { media.noteRestart(id) }
      case .event(let event): serverEvents.append(event)
      }
    }
    #expect(media.server.problems == [])
  }

  private func deliver(_ message: Livekit_SignalResponse, _ session: SessionID) {
    guard let id = connections.first(where: { $0.value == session })?.key, !losesSignalling else { return }
    later { world in if world.connections[id] != nil { world.perform(.message(id, message)) } }
  }
}

enum WorldError: Error { case serverIsDown }
