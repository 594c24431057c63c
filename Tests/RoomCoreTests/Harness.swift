import Base
import LiveKitProtocol
import SDP
import SwiftProtobuf
import Testing

@testable import RoomCore

/// A client that behaves as the stock one does: offers, adds sections when asked, answers offers.
final class Client {
  let identity: String
  var session: SessionID
  let isSingle: Bool
  var peer: ClientPeer
  var subscriberPeer = ClientPeer()
  /// Whether it does what the server asks of it.
  var isObedient = true
  private(set) var messages: [Livekit_SignalResponse] = []
  /// By sid, as the updates left them; those that are gone are not in it.
  private(set) var others: [String: Livekit_ParticipantInfo] = [:]
  private(set) var me = Livekit_ParticipantInfo()
  /// Track sid by section, as the last description has it.
  private(set) var remoteTracks: [String: String] = [:]
  private(set) var leave: Livekit_LeaveRequest?
  var isClosed = false
  var closeCode: UInt16?
  private var offerID: UInt32 = 0

  init(identity: String, session: SessionID, isSingle: Bool, seed: Int) {
    self.identity = identity
    self.session = session
    self.isSingle = isSingle
    peer = ClientPeer.stock(seed: seed)
    subscriberPeer.usernameFragment = "s\(2_000 + seed)"
    if !isSingle {
      peer.sections = []
      peer.add("application", "sendrecv")
    }
  }

  func offer() -> Livekit_SessionDescription {
    offerID += 1
    return .offer(peer.offer(), id: offerID)
  }

  /// Takes a message and says what it answers.
  func receive(_ message: Livekit_SignalResponse) -> [Livekit_SignalRequest] {
    messages.append(message)
    switch message.message {
    case .join(let join):
      me = join.participant
      others = Dictionary(uniqueKeysWithValues: join.otherParticipants.map { ($0.sid, $0) })
    case .update(let update): for info in update.participants { note(info) }
    case .answer(let answer):
      if isSingle { noteTracks(answer.sdp) }
      #expect(answer.id == offerID || !isObedient)
    case .offer(let offer):
      noteTracks(offer.sdp)
      guard isObedient, let description = try? WebRTCDescription(parsing: offer.sdp) else { return [] }
      var answer = Livekit_SessionDescription()
      answer.type = "answer"
      answer.sdp = subscriberPeer.answer(to: description)
      answer.id = offer.id
      return [.init(.answer(answer))]
    case .mediaSectionsRequirement(let requirement):
      guard isObedient else { return [] }
      for _ in 0..<requirement.numAudios { peer.add("audio", "recvonly") }
      return [.init(.offer(offer()))]
    case .leave(let leave): self.leave = leave
    default: break
    }
    return []
  }

  var lastOffer: Livekit_SessionDescription? { messages.last { $0.hasOffer }?.offer }

  func takeMessages() -> [Livekit_SignalResponse] {
    defer { messages = [] }
    return messages
  }

  private func note(_ info: Livekit_ParticipantInfo) {
    if info.identity == identity {
      me = info
    } else if info.state == .disconnected {
      others[info.sid] = nil
    } else if info.version >= others[info.sid]?.version ?? 0 {
      others[info.sid] = info
    }
  }

  private func noteTracks(_ sdp: String) {
    guard let description = try? WebRTCDescription(parsing: sdp) else {
      Issue.record("unreadable: \(sdp)")
      return
    }
    remoteTracks = [:]
    for section in description.sections where section.kind == .audio && section.direction.sends && !section.isRejected {
      remoteTracks[section.mid] = section.msid?.track
    }
  }
}

/// A room server with clients and a media loop, in virtual time.
final class Harness {
  var core: RoomServerCore
  var now = MonotonicTime(nanoseconds: 1_000_000_000)
  var media = MediaModel()
  private(set) var clients: [SessionID: Client] = [:]
  private(set) var events: [RoomEvent] = []
  private(set) var owners: [MediaTransportID: String] = [:]
  /// Connects transports as soon as they are opened.
  var connectsTransports = true
  private var nextSession: UInt64 = 1
  private var inputs: [RoomInput] = []

  static let configuration = RoomServerConfiguration(
    mediaAddresses: [
      MediaAddress(
        candidates: [Endpoint(IPAddress(v4: 0xC000_0201), 7_882)], fingerprint: Array(repeating: 0xAB, count: 32))
    ], unixMillisecondsAtZero: 1_700_000_000_000)

  init(configuration: RoomServerConfiguration = Harness.configuration, seed: UInt64 = 7) {
    core = RoomServerCore(configuration: configuration, seed: seed)
  }

  static func grants(_ identity: String, room: String = "lobby") -> Grants {
    var grants = Grants(identity: identity, name: identity.uppercased())
    grants.video.roomJoin = true
    grants.video.room = room
    return grants
  }

  // MARK: Clients

  /// Joins a client of one peer connection, or of two.
  @discardableResult
  func join(
    _ identity: String, room: String = "lobby", isSingle: Bool = true, autoSubscribe: Bool = true,
    _ change: (inout Grants) -> Void = { _ in }
  ) -> Client {
    let client = Client(identity: identity, session: newSession(), isSingle: isSingle, seed: Int(nextSession))
    var grants = Harness.grants(identity, room: room)
    change(&grants)
    var request = Livekit_JoinRequest()
    request.connectionSettings.autoSubscribe = autoSubscribe
    request.clientInfo.sdk = .python
    if isSingle { request.publisherOffer = client.offer() }
    clients[client.session] = client
    perform(.join(client.session, JoinIntent(grants: grants, query: .init(joinRequest: request, isSingle))))
    return client
  }

  func newSession() -> SessionID {
    defer { nextSession += 1 }
    return SessionID(rawValue: nextSession)
  }

  func resume(
    _ client: Client, sid: String? = nil, room: String = "lobby", _ change: (inout Grants) -> Void = { _ in }
  ) {
    clients[client.session] = nil
    client.session = newSession()
    client.isClosed = false
    clients[client.session] = client
    var request = Livekit_JoinRequest()
    request.reconnect = true
    request.participantSid = sid ?? client.me.sid
    var grants = Harness.grants(client.identity, room: room)
    change(&grants)
    perform(.join(client.session, JoinIntent(grants: grants, query: .init(joinRequest: request, client.isSingle))))
  }

  func send(_ message: Livekit_SignalRequest.OneOf_Message, from client: Client) {
    perform(.request(client.session, .init(message)))
  }

  /// Announces a track, negotiates it and lets its first packet arrive. Returns its sid.
  @discardableResult
  func publish(_ cid: String, from client: Client, source: Livekit_TrackSource = .microphone) -> String {
    var request = Livekit_AddTrackRequest()
    request.cid = cid
    request.name = cid
    request.type = .audio
    request.source = source
    send(.addTrack(request), from: client)
    client.peer.add("audio", "sendonly", cid: cid)
    send(.offer(client.offer()), from: client)
    let published = client.messages.last { $0.trackPublished.cid == cid }
    return published?.trackPublished.track.sid ?? ""
  }

  func unpublish(_ cid: String, from client: Client) {
    for index in client.peer.sections.indices where client.peer.sections[index].cid == cid {
      client.peer.sections[index].direction = "inactive"
      client.peer.sections[index].cid = nil
    }
    send(.offer(client.offer()), from: client)
  }

  func sendData(_ packet: Livekit_DataPacket, from client: Client, label: String = DataLabel.reliable) throws {
    let id = try #require(transport(of: client, isPublisher: true))
    perform(.data(id, label: label, try packet.serializedBytes()))
  }

  /// The transport a client sends data on, or gets it on.
  func transport(of client: Client, isPublisher: Bool = false) -> MediaTransportID? {
    let mine = media.transports.values.filter { owners[$0.id] == client.me.sid }
    let prints = client.isSingle || isPublisher ? client.peer.fingerprint : client.subscriberPeer.fingerprint
    return mine.first { $0.remoteFingerprint == prints }?.id
  }

  // MARK: Phone calls

  func call(_ identity: String, room: String = "lobby", attributes: [String: String] = [:]) throws -> LocalJoin {
    var local = LocalParticipant(identity: identity, name: "Phone " + identity)
    local.attributes = attributes
    let (join, actions) = try core.joinLocal(local, room: room, now: now)
    media.localTracks.insert(join.mediaTrack)
    perform(actions)
    return join
  }

  // MARK: Running

  func perform(_ input: RoomInput) {
    inputs.append(input)
    run()
  }

  func perform(_ actions: [RoomAction]) {
    apply(actions)
    run()
  }

  /// Lets time pass, with a tick every quarter of a second.
  func advance(_ duration: Duration) {
    let end = now + duration
    while now < end {
      now += .milliseconds(250)
      perform(.tick)
    }
  }

  private func run() {
    var rounds = 0
    while !inputs.isEmpty {
      rounds += 1
      guard rounds < 10_000 else {
        Issue.record("it does not come to rest")
        return
      }
      apply(core.handle(inputs.removeFirst(), now: now))
    }
  }

  private func apply(_ actions: [RoomAction]) {
    for action in actions {
      switch action {
      case .send(let sessions, let message):
        for session in sessions { deliver(message, to: session) }
      case .close(let session, let code, _):
        clients[session]?.isClosed = true
        clients[session]?.closeCode = code
      case .media(_, let action):
        media.apply(action)
        if case .openTransport(let transport) = action { opened(transport) }
        if case .openDataChannel(let transport, let channel) = action {
          inputs.append(.dataChannelOpened(transport, label: channel.label))
        }
      case .event(let event): events.append(event)
      }
    }
    #expect(media.problems == [])
  }

  private func deliver(_ message: Livekit_SignalResponse, to session: SessionID) {
    guard let client = clients[session] else {
      Issue.record("sent to nobody: \(message)")
      return
    }
    #expect(!client.isClosed, "sent after closing")
    for request in client.receive(message) { inputs.append(.request(session, request)) }
  }

  private func opened(_ transport: RoomTransport) {
    owners[transport.id] = core.turn.transports[transport.id]?.participantSID
    guard connectsTransports else { return }
    inputs.append(.transportConnected(transport.id))
    for label in [DataLabel.reliable, DataLabel.lossy, DataLabel.dataTrack] {
      inputs.append(.dataChannelOpened(transport.id, label: label))
    }
  }

  func takeEvents() -> [String] {
    defer { events = [] }
    return events.map(\.line)
  }
}

extension RoomEvent {
  /// Short, for comparing.
  var line: String {
    switch self {
    case .roomStarted(let room, _): "room \(room.name) started"
    case .roomFinished(let room, let reason): "room \(room.name) finished: \(reason)"
    case .participantJoined(_, let info): "\(info.identity) joined"
    case .participantActive(_, let info): "\(info.identity) active"
    case .participantLeft(_, let info): "\(info.identity) left: \(info.disconnectReason)"
    case .participantDropped(_, let info): "\(info.identity) dropped"
    case .participantResumed(_, let info): "\(info.identity) resumed"
    case .trackPublished(_, let info, let track): "\(info.identity) published \(track.name)"
    case .trackUnpublished(_, let info, let track): "\(info.identity) unpublished \(track.name)"
    case .localRemoved(_, let reason): "call removed: \(reason)"
    case .localHears(_, let info, _): "call hears \(info.identity)"
    case .localHeard(_, let by): "call heard by \(by.identity)"
    case .localData(_, let packet): "call gets data of \(packet.participantIdentity)"
    case .localChanged(let info): "call \(info.identity) changed"
    case .serverAnswered(let info, let packet):
      "server answered by \(info.identity): "
        + (packet.rpcResponse.error.code == 0 ? packet.rpcResponse.payload : "error \(packet.rpcResponse.error.code)")
    case .localMuted(_, let isMuted): "call muted: \(isMuted)"
    }
  }
}

extension SignalQuery {
  init(joinRequest: Livekit_JoinRequest, _ isSingle: Bool) {
    self.init(joinRequest: joinRequest, isSinglePeerConnection: isSingle)
  }
}

extension Livekit_SignalRequest {
  init(_ message: OneOf_Message) {
    self.init()
    self.message = message
  }
}

extension Livekit_SessionDescription {
  static func offer(_ sdp: String, id: UInt32) -> Livekit_SessionDescription {
    var description = Livekit_SessionDescription()
    description.type = "offer"
    description.sdp = sdp
    description.id = id
    return description
  }
}
