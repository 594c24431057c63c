import Base
import LiveKitProtocol
import Logging
import MediaCore
import MediaIO
import RoomCore
import SIP
import Telephony

/// The call handed on: REFER, a second call joined with it, and calls that take another's place.
extension Call {
  // MARK: What comes in

  /// Returns when the outcome is known, at the latest when the call ends.
  func transfer(_ request: TransferRequest) async -> TransferResult {
    context.log.info("a transfer was asked for", metadata: ["call": "\(callID)", "to": "\(request.target)"])
    return await withCheckedContinuation { continuation in
      transfers[request.id] = continuation
      summary.isTransferring = true
      context.events.transferBegan(self, request)
      handle(.transferRequested(request))
    }
  }

  /// Where the other side's requests come from. Nil for a call of ours that DNS led somewhere.
  var peerAddress: IPAddress? {
    switch machine {
    case .inbound: invite?.source.address
    case .outbound(let machine): IPAddress(machine.plan.invite.target.host)
    }
  }

  /// Whom another call's phone must call to get this one's other side, which gives this call up then. Nil unless it is
  /// in a room and not being transferred itself.
  var targetInItsPlace: ReferTarget? {
    guard machine.place != nil, let inviteID, let contact = agent.remoteTarget(of: inviteID),
      let dialog = agent.replacesHeader(of: inviteID)
    else { return nil }
    return ReferTarget(contact: contact, replacing: dialog)
  }

  // MARK: What goes out

  func performTransfer(_ action: CallAction) {
    switch action {
    case .refer(let request):
      guard let inviteID else { return }
      let headers = mappedHeaders + request.headers.map { SIPHeader($0.name, $0.value) }
      agent.refer(inviteID, to: request.target.headerValue, headers: headers)
    case .reportTransfer(let ids, let result): report(result, to: ids)
    case .dialTarget(let target): controller.placeTarget(target, for: self)
    case .endTarget(let sentence): controller.endTarget(of: self, sentence)
    case .joinLegs(let callID): joinLegs(with: callID)
    case .reportTarget(let event, let callID):
      guard let call = controller.call(callID) else {
        return handle(.targetUnwanted("the call that was to be transferred is over"))
      }
      call.handle(.target(event))
    case .answerRefer(let status): if let inviteID { agent.answerRefer(inviteID, status) }
    case .notifyReferrer(let status, let isFinal):
      if let inviteID { agent.notifyReferrer(inviteID, status, isFinal: isFinal) }
    default: break
    }
  }

  private func report(_ result: TransferResult, to ids: [TransferRequest.ID]) {
    for id in ids { transfers.removeValue(forKey: id)?.resume(returning: result) }
    summary.isTransferring = !transfers.isEmpty
    log.info(
      "a transfer ended",
      metadata: ["transfer": "\(result.transferID)", "why": "\(result.error?.message ?? "the call is transferred")"])
    context.events.transferEnded(self, result)
  }

  /// A media room of their own, on the loop of the first leg, where each hears the other.
  private func joinLegs(with callID: String) {
    guard let other = controller.call(callID), let loop = leg?.loop, let otherLeg = other.leg else { return }
    let room = controller.makeBridgeRoom()
    bridge = Bridge(room: room, loop: loop)
    loop.post(.openRoom(room, context.roomMediaOptions))
    leg?.detach()
    leg?.attach(to: room, as: controller.makeBridgeTrack(), hearsRoom: true)
    otherLeg.open(on: loop)
    otherLeg.attach(to: room, as: controller.makeBridgeTrack(), hearsRoom: true)
    other.noteAnswer()
  }

  /// The loop of the call whose leg this one's will be joined with.
  var companionLoop: Int? {
    guard case .outbound(let machine) = machine, case .bridge(let callID) = machine.plan.placement else { return nil }
    return controller.call(callID)?.leg?.loop?.index
  }

  /// The room of two joined legs goes with the call that made it.
  func closeBridge() {
    guard let bridge else { return }
    self.bridge = nil
    bridge.loop.post(.closeRoom(bridge.room))
  }
}
