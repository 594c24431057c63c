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
  func joined(_ result: Result<LocalJoin, RoomError>, generation: Int) {
    // The end of the call, or a later join, has asked the room server to undo this one.
    guard generation == joinGeneration else { return }
    switch result {
    case .success(let join):
      self.join = join
      summary.participantSID = join.participantSID
      leg?.open(on: context.loops[join.loop])
      handle(.roomJoined(occupancy))
    case .failure(let error):
      handle(.joinFailed(error.code == .resourceExhausted ? .roomFull : .failed(error.reason)))
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
      join = nil
      handle(.participantRemoved)
    case .roomDeleted:
      join = nil
      handle(.roomDeleted)
    }
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
      guard let other = controller.call(callID), other.join != nil else {
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
    let reason = DisconnectReason.clientInitiated
    context.roomJobs.yield { [legID] rooms in rooms.leave(legID, reason: reason) }
    join = nil
    enter(entry)
  }

  private func enter(_ entry: RoomEntry) {
    summary.roomName = entry.roomName
    summary.identity = entry.participant.identity
    var participant = LocalParticipant(identity: entry.participant.identity, name: entry.participant.name)
    participant.metadata = entry.participant.metadata
    participant.attributes = attributes
    let caller = participant
    let configuration = entry.roomConfiguration.map { Livekit_RoomConfiguration($0) }
    joinGeneration += 1
    let (inbox, generation, legID) = (controller.inbox, joinGeneration, legID)
    context.roomJobs.yield { rooms in
      do throws(RoomError) {
        let join = try rooms.join(legID, as: caller, room: entry.roomName, configuration: configuration) {
          inbox.yield(.room(legID, $0))
        }
        inbox.yield(.joined(legID, .success(join), generation: generation))
      } catch {
        inbox.yield(.joined(legID, .failure(error), generation: generation))
      }
    }
  }

  private func leaveRoom(_ reason: DisconnectReason) {
    joinGeneration += 1
    join = nil
    context.roomJobs.yield { [legID] rooms in rooms.leave(legID, reason: reason) }
  }

  /// The participant becomes the other call's; the media of this one's leg goes from it.
  private func handOverRoom(to callID: String) {
    guard let place = join else { return }
    leg?.detach()
    joinGeneration += 1
    join = nil
    guard let heir = controller.call(callID) else { return leaveRoom(.clientInitiated) }
    let (inbox, old, new) = (controller.inbox, legID, heir.legID)
    context.roomJobs.yield { rooms in rooms.rebind(old, to: new) { inbox.yield(.room(new, $0)) } }
    heir.inherit(place, from: self)
  }

  private func inherit(_ place: LocalJoin, from other: Call) {
    join = place
    joinGeneration += 1
    attributes = other.attributes.merging(attributes) { $1 }
    summary.roomName = other.summary.roomName
    summary.identity = other.summary.identity
    summary.participantSID = other.summary.participantSID
    occupancy = other.occupancy
    log[metadataKey: "room"] = "\(place.roomName)"
    leg?.open(on: context.loops[place.loop])
    handle(.roomJoined(occupancy))
  }

  private func setCallStatus(_ status: CallStatus) {
    summary.status = status
    summary.isEnding = status == .hangup
    update([SIPAttribute.callStatus: status.rawValue])
  }

  private func update(_ values: [String: String]) {
    attributes.merge(values) { $1 }
    context.roomJobs.yield { [legID] rooms in rooms.update(legID, attributes: values) }
  }
}
