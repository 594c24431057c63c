import API
import Base
import LiveKitProtocol
import Logging
import MediaCore
import RoomCore
import SIP
import Telephony

/// The call as a participant of its room.
extension Call {
  // MARK: What comes in

  /// - Parameter generation: that of the join which this answers.
  func joined(_ result: Result<RoomPlace, JoinFault>, generation: Int) {
    // The end of the call, or a later join, has asked the rooms to undo this one.
    guard generation == joinGeneration else { return }
    switch result {
    case .success(let place):
      self.place = place
      summary.participantSID = place.participantSID
      leg?.open(on: context.loops[place.loop])
      leg?.setComfortNoise(false)
      context.events.callJoined(self)
      handle(.roomJoined(occupancy))
    case .failure(let fault): handle(.joinFailed(fault))
    }
  }

  func roomReported(_ event: CallerRoomEvent) {
    switch event {
    case .occupancy(let occupancy):
      self.occupancy = occupancy
      handle(.roomChanged(occupancy))
    case .agentAwaited(let awaited): handle(.agentAwaited(awaited))
    case .digits(let digits): leg?.play(digits: digits)
    case .attributes(let attributes): self.attributes = attributes
    case .remoteHeadersAsked(let answer): answer(remoteHeaders)
    case .endAsked(let headers): handle(.endRequested(headers: headers.map { CallFacts.Header($0.key, $0.value) }))
    case .removed:
      place = nil
      handle(.participantRemoved)
    case .roomDeleted:
      place = nil
      handle(.roomDeleted)
    case .mediaLost(let reason): roomLost(for: reason)
    case .mediaRestored: roomRestored()
    case .rejoined(let sid): summary.participantSID = sid
    case .moved(let room, let sid):
      log[metadataKey: "room"] = "\(room)"
      log.info("a call was moved by the room server")
      (summary.roomName, summary.participantSID) = (room, sid)
      handle(.roomMoved(room))
    case .lost(let reason):
      place = nil
      handle(.roomLost(reason))
    }
  }

  /// The caller stays on the line and hears that it is there.
  private func roomLost(for reason: String) {
    log.warning("a call cannot hear its room", metadata: ["why": "\(reason)"])
    leg?.setComfortNoise(true)
    guard summary.answeredAtUnixMilliseconds != nil, let prompt = context.sounds.reconnectPrompt else { return }
    leg?.play(PhonePlayback(id: PlaybackID.reconnectPrompt, sound: prompt))
  }

  private func roomRestored() {
    log.notice("a call hears its room again")
    leg?.setComfortNoise(false)
    if context.sounds.reconnectPrompt != nil { leg?.stopSound() }
  }

  /// Headers of the peer's INVITE, or of its answer to ours.
  private var remoteHeaders: [String: String] {
    let headers = invite?.headers ?? peerHeaders
    return [String: String](headers.map { ($0.name, $0.value) }) { first, _ in first }
  }

  // MARK: What goes out

  func performRoom(_ action: CallAction) {
    switch action {
    case .joinRoom(let entry, let status): joinRoom(entry, status)
    case .moveRoom(let entry): moveRoom(entry)
    case .leaveRoom(let reason): leaveRoom(reason)
    case .setCallStatus(let status): setCallStatus(status)
    case .setAttributes(let values): update(values)
    case .takeOverRoom(let callID):
      guard let other = controller.call(callID), other.place != nil else {
        return handle(.joinFailed(.failed("call \(callID) is in no room")))
      }
      other.handle(.replaced(byCallID: self.callID))
    case .handOverRoom(let callID): handOverRoom(to: callID)
    default: break
    }
  }

  private func joinRoom(_ entry: RoomEntry, _ status: CallStatus) {
    log[metadataKey: "room"] = "\(entry.roomName)"
    if case .inbound(let inbound) = machine, let dispatch = inbound.dispatch {
      (summary.ruleID, summary.ruleName) = (dispatch.ruleID, dispatch.ruleLabel)
      log.info(
        "a call rings", metadata: ["rule": "\(dispatch.ruleLabel)", "identity": "\(entry.participant.identity)"])
    }
    attributes = entry.participant.attributes
    attributes[SIPAttribute.callStatus] = status.rawValue
    summary.status = status
    enter(entry)
  }

  private func moveRoom(_ entry: RoomEntry) {
    log[metadataKey: "room"] = "\(entry.roomName)"
    log.info("a call changes its room")
    leg?.detach()
    context.rooms.leave(legID, reason: .clientInitiated)
    place = nil
    enter(entry)
  }

  private func enter(_ entry: RoomEntry) {
    self.entry = entry
    summary.roomName = entry.roomName
    summary.identity = entry.participant.identity
    joinGeneration += 1
    let (inbox, generation, legID) = (controller.inbox, joinGeneration, legID)
    context.rooms.join(
      legID, entry, attributes: attributes,
      answer: { inbox.yield(.joined(legID, $0, generation: generation)) },
      notify: { inbox.yield(.room(legID, $0)) })
  }

  private func leaveRoom(_ reason: DisconnectReason) {
    joinGeneration += 1
    place = nil
    context.rooms.leave(legID, reason: reason)
  }

  /// The participant becomes the other call's; the media of this one's leg goes from it.
  private func handOverRoom(to callID: String) {
    guard let place else { return }
    leg?.detach()
    joinGeneration += 1
    self.place = nil
    guard let heir = controller.call(callID) else { return leaveRoom(.clientInitiated) }
    let (inbox, new) = (controller.inbox, heir.legID)
    context.rooms.rebind(legID, to: new) { inbox.yield(.room(new, $0)) }
    heir.inherit(place, from: self)
  }

  private func inherit(_ place: RoomPlace, from other: Call) {
    self.place = place
    joinGeneration += 1
    entry = other.entry
    attributes = other.attributes.merging(attributes) { $1 }
    summary.roomName = other.summary.roomName
    summary.identity = other.summary.identity
    summary.participantSID = other.summary.participantSID
    occupancy = other.occupancy
    log[metadataKey: "room"] = "\(summary.roomName)"
    leg?.open(on: context.loops[place.loop])
    context.events.callJoined(self)
    handle(.roomJoined(occupancy))
  }

  private func setCallStatus(_ status: CallStatus) {
    summary.status = status
    summary.isEnding = status == .hangup
    update([SIPAttribute.callStatus: status.rawValue])
  }

  private func update(_ values: [String: String]) {
    attributes.merge(values) { $1 }
    context.rooms.update(legID, attributes: values)
  }
}
