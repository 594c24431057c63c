import Base
import Configuration
import Dispatch
import Linux
import LiveKitProtocol
import Logging
import MediaCore
import MediaIO
import RoomClient
import RoomClientCore
import RoomCore
import SDP
import Telephony

/// The rooms of another LiveKit server: each call is a client of its own there. Performs what the sessions of
/// `RoomClientCore` decide, on WebSockets and media loops.
actor RemoteRooms {
  /// Work that must be done in the order of its posting.
  typealias Job = @Sendable (isolated RemoteRooms) -> Void

  struct Session {
    var machine: RoomSession
    let entry: RoomEntry
    var call: PhoneLegID
    let loop: MediaLoop
    /// Nil once it was given.
    var answer: (@Sendable (Result<RoomPlace, JoinFault>) -> Void)?
    var notify: @Sendable (CallerRoomEvent) -> Void
    /// UDP ports of transports that are not open yet.
    var leases: [MediaTransportID: [PortLease]] = [:]
    /// Media actions that wait until TURN servers' names are looked up, and since when. Nil: none wait.
    var held: (actions: [RoomMediaAction], since: MonotonicTime)?
    /// Whether the room's agents were last told to be missing.
    var misses: Bool?
  }

  let access: RemoteRoomAccess
  let log: Logger
  let loops: [MediaLoop]
  let options: RoomMediaOptions
  var sessions: [UInt64: Session] = [:]
  private var numbers: [PhoneLegID: UInt64] = [:]
  private var nextNumber: UInt64 = 1
  /// When a server without `/rtc/v1` is tried with it again.
  var usesTwoPeerConnectionsUntil = MonotonicTime.zero
  private let sockets: RoomClient
  private let socketEvents: SocketEventQueue
  var hosts = RelayHosts()

  static let versionMemory = Duration.seconds(600)
  static let lookupPatience = Duration.seconds(2)

  init(
    _ access: RemoteRoomAccess, loops: [MediaLoop], options: RoomMediaOptions, log: Logger
  ) throws(RoomClient.StartError) {
    self.access = access
    self.loops = loops
    self.options = options
    self.log = log
    let events = SocketEventQueue()
    socketEvents = events
    var settings = RoomClient.Options()
    settings.authorityFile = access.settings.authorityFile
    sockets = try RoomClient.start(settings) { number, event in
      let socket = SocketNumber(number)
      if events.push(SocketEvent(socket: socket, event: event)) { return }
      // Its session resumes, and is told all that counts.
      events.push(
        SocketEvent(socket: socket, event: .closed(reason: "the gateway cannot keep up with what servers say")))
    }
  }

  // MARK: What is asked, and what happens

  /// Does what calls ask, in order, until the stream ends.
  func work(_ jobs: AsyncStream<Job>) async {
    for await job in jobs { job(self) }
  }

  /// Feeds what the media loops report, until the queue is closed.
  func consume(_ queue: MediaEventQueue) async {
    for await event in queue.events {
      if let (id, input) = RoomClientInput.of(event) { handle(input, of: RoomSession.number(of: id)) }
      queue.finishedHandling(event)
    }
  }

  /// Feeds what servers say, until the end.
  func consumeSockets() async {
    for await event in socketEvents.events {
      receive(event.event, on: event.socket)
      socketEvents.finishedHandling(event)
    }
  }

  /// Lets time pass until the task is cancelled.
  func keepTime() async {
    while (try? await Task.sleep(for: .milliseconds(100))) != nil {
      releaseHeld()
      for number in sessions.keys { handle(.tick, of: number) }
    }
  }

  func close() async {
    // Those whose last packets are on their way, too.
    for number in sessions.keys { handle(.leave(.clientInitiated), of: number) }
    // It waits for a thread.
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async { [sockets] in
        sockets.close()
        continuation.resume()
      }
    }
    socketEvents.close()
  }

  private func receive(_ event: RoomClient.Event, on socket: SocketNumber) {
    guard sessions[socket.session] != nil else { return }
    switch event {
    case .opened: handle(.socketOpened(socket.id), of: socket.session)
    case .closed(let reason): handle(.socketClosed(socket.id, reason: reason), of: socket.session)
    case .refused(let status): refused(status, on: socket)
    case .message(let bytes, let isBinary):
      let coding: SignalCoding = isBinary ? .protobuf : .json
      guard let message = coding.decode(bytes, as: Livekit_SignalResponse.self) else {
        log.debug("the room server said something unreadable", metadata: ["bytes": "\(bytes.count)"])
        return
      }
      handle(.message(socket.id, message), of: socket.session)
    }
  }

  /// The server's own words for a refusal are to be had without a WebSocket.
  private func refused(_ status: Int, on socket: SocketNumber) {
    let machine = sessions[socket.session]?.machine
    // The first 404 is that of a server without `/rtc/v1`, until its `/rtc` says otherwise.
    let isVersion = status == 404 && machine?.usesOnePeerConnection == true
    let mayTell = (400..<500).contains(status) && !isVersion || status == 503
    guard mayTell, let target = machine?.lastTarget else {
      return handle(.socketRefused(socket.id, status: status, reason: ""), of: socket.session)
    }
    Task { [access] in
      let reason = await access.reason(for: target)
      handle(.socketRefused(socket.id, status: status, reason: reason), of: socket.session)
    }
  }

  // MARK: Calls

  func join(
    _ call: PhoneLegID, _ entry: RoomEntry, attributes: [String: String],
    answer: @escaping @Sendable (Result<RoomPlace, JoinFault>) -> Void,
    notify: @escaping @Sendable (CallerRoomEvent) -> Void
  ) {
    let (profile, pass) = (entry.participant, entry.pass)
    let url = RoomServerURL(pass.url)
    guard pass.url.isEmpty || url != nil else {
      return answer(.failure(.failed("ws_url of the cluster cannot be read: \(pass.url.prefix(100))")))
    }
    guard let loop = loops.min(by: { $0.load < $1.load }) else { return }
    let number = nextNumber
    nextNumber += 1
    let machine = RoomSession(
      RoomClientEntry(
        roomName: entry.roomName, identity: profile.identity, name: profile.name, metadata: profile.metadata,
        attributes: attributes, url: url, token: pass.token),
      number: number, fingerprint: access.fingerprint, configuration: access.session,
      usesOnePeerConnection: MonotonicClock.now() >= usesTwoPeerConnectionsUntil)
    sessions[number] = Session(
      machine: machine, entry: entry, call: call, loop: loop, answer: answer, notify: notify)
    numbers[call] = number
    tellAgents(of: number, RoomPresence())
    handle(.start, of: number)
  }

  func leave(_ call: PhoneLegID, reason: DisconnectReason) {
    guard let number = numbers.removeValue(forKey: call) else { return }
    sessions[number]?.answer = nil
    sessions[number]?.notify = { _ in }
    handle(.leave(Livekit_DisconnectReason(rawValue: reason.rawValue) ?? .unknownReason), of: number)
  }

  func rebind(_ old: PhoneLegID, to new: PhoneLegID, notify: @escaping @Sendable (CallerRoomEvent) -> Void) {
    guard let number = numbers.removeValue(forKey: old) else {
      return notify(.lost(reason: "the call that was in the room has left it"))
    }
    numbers[new] = number
    sessions[number]?.call = new
    sessions[number]?.notify = notify
    if let presence = sessions[number]?.machine.presence { notify(.occupancy(RoomOccupancy(presence))) }
  }

  func update(_ call: PhoneLegID, attributes: [String: String]) {
    if let number = numbers[call] { handle(.setAttributes(attributes), of: number) }
  }

  func sendDigit(_ digit: DTMFDigit, from call: PhoneLegID) {
    guard let number = numbers[call] else { return }
    var packet = Livekit_DataPacket()
    packet.sipDtmf.code = digit.code
    packet.sipDtmf.digit = digit.text
    handle(.send(packet), of: number)
  }

  // MARK: Decisions and their effects

  func handle(_ input: RoomClientInput, of number: UInt64) {
    guard let actions = sessions[number]?.machine.handle(input, now: MonotonicClock.now()) else { return }
    for action in actions { perform(action, of: number) }
    if sessions[number]?.machine.isEnded == true { forget(number) }
  }

  /// Its number stays with no call.
  private func forget(_ number: UInt64) {
    closeHeld(of: number)
    guard let session = sessions.removeValue(forKey: number) else { return }
    if numbers[session.call] == number { numbers[session.call] = nil }
  }

  private func perform(_ action: RoomClientAction, of number: UInt64) {
    switch action {
    case .prepare(let transports): prepare(transports, of: number)
    case .connect(let id, let target):
      sockets.connect(
        SocketNumber(number, id).rawValue,
        RoomClient.Target(
          isSecure: target.url.isSecure, host: target.url.host, port: target.url.port, path: target.path,
          token: target.token))
    case .send(let id, let request):
      if let bytes = SignalCoding.protobuf.encode(request) { sockets.send(SocketNumber(number, id).rawValue, bytes) }
    case .disconnect(let id): sockets.close(SocketNumber(number, id).rawValue)
    case .findRegions(let url, let token):
      Task { [access] in handle(.regions(await access.regions(of: url, token: token)), of: number) }
    case .media(let action): perform(action, of: number)
    case .event(let event): report(event, of: number)
    }
  }

  private func prepare(_ transports: [MediaTransportID], of number: UInt64) {
    guard let session = sessions[number] else { return }
    var ports: [MediaTransportID: [Endpoint]] = [:]
    for transport in transports {
      let leases = access.leasePorts()
      guard !leases.isEmpty else { continue }
      sessions[number]?.leases[transport] = leases.map(\.lease)
      ports[transport] = leases.map(\.announced)
    }
    let machine = session.machine
    Task { [access, ports] in
      let token = machine.entry.token.isEmpty ? await access.token(to: machine.entry, of: session.entry) : nil
      handle(.prepared(token: token, ports: ports), of: number)
    }
  }
}
