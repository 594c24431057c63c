import Base
import Linux
import LiveKitProtocol
import Logging
import MediaCore
import MediaIO
import RoomClientCore
import RoomCore
import SDP
import Telephony

/// What calls learn of their rooms.
extension RemoteRooms {
  func report(_ event: RoomClientEvent, of number: UInt64) {
    guard let session = sessions[number] else { return }
    switch event {
    case .joined(let sid):
      if session.machine.usesOnePeerConnection { usesTwoPeerConnectionsUntil = .zero }
      answer(
        .success(
          RoomPlace(
            participantSID: sid, mediaRoom: RoomID(session.machine.mediaRoom),
            mediaTrack: TrackID(session.machine.mediaTrack), loop: session.loop.index)), of: number)
    case .joinFailed(let fault): answer(.failure(JoinFault(fault)), of: number)
    case .rejoined(let sid): session.notify(.rejoined(participantSID: sid))
    case .mediaLost(let reason): session.notify(.mediaLost(reason: reason))
    case .mediaRestored: session.notify(.mediaRestored)
    case .changed(let presence):
      session.notify(.occupancy(RoomOccupancy(presence)))
      tellAgents(of: number, presence)
    case .attributes(let attributes): session.notify(.attributes(attributes))
    case .data(let packet): receive(packet, of: number)
    case .moved(let room, let sid): session.notify(.moved(room: room, participantSID: sid))
    case .removed: session.notify(.removed)
    case .roomDeleted: session.notify(.roomDeleted)
    case .lost(let reason): session.notify(.lost(reason: reason))
    case .note(let note): self.note(note, session)
    }
  }

  private func answer(_ result: Result<RoomPlace, JoinFault>, of number: UInt64) {
    sessions[number]?.answer?(result)
    sessions[number]?.answer = nil
  }

  private func receive(_ packet: Livekit_DataPacket, of number: UInt64) {
    guard let session = sessions[number] else { return }
    switch packet.value {
    case .sipDtmf(let dtmf): session.notify(.digits(dtmf.digit))
    case .rpcRequest(let request):
      let reply = CallRPC.reply(to: request, from: packet.participantIdentity) { [weak self] packet in
        Task { await self?.send(packet, of: number) }
      }
      for packet in reply.packets { handle(.send(packet), of: number) }
      if let event = reply.event { session.notify(event) }
    default: break
    }
  }

  private func send(_ packet: Livekit_DataPacket, of number: UInt64) { handle(.send(packet), of: number) }

  /// Whether an agent that the rule names is there. Which one it is only its server knows.
  func tellAgents(of number: UInt64, _ presence: RoomPresence) {
    guard let session = sessions[number], let agents = session.entry.roomConfiguration?.agents, !agents.isEmpty
    else { return }
    let misses = presence.agents == 0
    guard misses != session.misses else { return }
    sessions[number]?.misses = misses
    session.notify(.agentAwaited(misses ? AwaitedAgent(elsewhere: agents.map(\.agentName)) : nil))
  }

  private func note(_ note: RoomClientNote, _ session: Session) {
    var log = log
    log[metadataKey: "room"] = "\(session.machine.entry.roomName)"
    log[metadataKey: "participant"] = "\(session.machine.entry.identity)"
    switch note {
    case .connectionLost(let reason):
      log.notice("the connection to a room was lost", metadata: ["why": "\(reason)"])
    case .resumed(let milliseconds):
      log.notice("the connection to a room was resumed", metadata: ["after_ms": "\(milliseconds)"])
    case .attemptFailed(let reason, let attempt):
      log.notice("a room could not be reached", metadata: ["why": "\(reason)", "attempt": "\(attempt)"])
    case .usesTwoPeerConnections:
      usesTwoPeerConnectionsUntil = MonotonicClock.now() + Self.versionMemory
      log.debug("the room server has no /rtc/v1")
    case .refused(let reason): log.warning("the room server refused a request", metadata: ["why": "\(reason)"])
    case .muted(let isMuted): log.info(isMuted ? "a call was muted" : "a call was unmuted")
    }
  }
}

extension RoomOccupancy {
  init(_ presence: RoomPresence) {
    self.init(
      participants: presence.participants, phones: presence.phones, subscribedTracks: presence.audibleTracks)
  }
}

extension JoinFault {
  init(_ fault: RoomClientFault) {
    switch fault {
    case .roomFull: self = .roomFull
    case .refused(let reason): self = .failed(reason)
    case .unreachable(let reason): self = .unavailable(reason)
    }
  }
}

extension AwaitedAgent {
  /// Named agents of a room that no participant of kind agent is in.
  init(elsewhere names: [String]) {
    let list = names.map { "'\($0)'" }.joined(separator: ", ")
    self.init(sentence: "agent \(list) of the room server", isNamed: true, isMissing: true)
  }
}
