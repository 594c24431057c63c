import Base
import Testing

@testable import Telephony

@Suite("Transfers")
struct TransferTests {
  static let target = ReferTarget("sip:ann@b.example") ?? Self.missing
  static let other = ReferTarget("tel:+15550199") ?? Self.missing
  private static var missing: ReferTarget { preconditionFailure("the text is a target") }

  static func request(
    _ id: TransferRequest.ID = 1, to target: ReferTarget = target, tone: Bool = false, timeout: Duration = .seconds(30)
  ) -> TransferRequest {
    TransferRequest(
      id: id, transferID: "STR_\(id)", target: target, playDialtone: tone, headers: [CallFacts.Header("X-A", "1")],
      ringingTimeout: timeout)
  }

  /// An inbound call that is talked in.
  static func stage(_ policy: TransferPolicy = TransferPolicy(), allow: String? = nil) -> CallStage {
    var facts = CallStage.facts
    if let allow { facts.headers = [CallFacts.Header("Allow", allow)] }
    var stage = CallStage(facts: facts)
    stage.handle(
      .dispatched(.accept(CallStage.dispatch(transfer: policy))), .mediaOpened,
      .roomJoined(CallMachineTests.agentSpeaks), .acknowledged(hasSDP: false), .phoneMediaStarted)
    return stage
  }

  static func result(
    _ id: TransferRequest.ID, _ reason: TransferResult.Reason, _ status: SIPStatus? = nil, _ error: CallError? = nil
  ) -> TransferResult {
    TransferResult(transferID: "STR_\(id)", reason: reason, sipStatus: status, error: error)
  }

  static func notify(_ code: Int, id: UInt32? = nil, isFinal: Bool = false) -> CallInput {
    .referNotified(.status(SIPStatus(code, "Phrase"), id: id, isFinal: isFinal))
  }

  static let accepted = CallInput.referAnswered(SIPStatus(202, "Accepted"), sequence: 7)

  static func end(_ stage: inout CallStage) -> CallRecord? {
    stage.handle(.mediaClosed(CallMedia()))
    return stage.records.last
  }

  // MARK: REFER

  @Test("success: result at once, BYE after a second where the phone sends none")
  func success() throws {
    var stage = Self.stage()
    #expect(stage.handle(.transferRequested(Self.request())) == [.refer(Self.request())])
    #expect(stage.handle(Self.accepted) == [] && stage.handle(Self.notify(100, id: 7)) == [])
    #expect(stage.handle(Self.notify(180)) == [])
    #expect(stage.handle(Self.notify(200, id: 7)) == [.reportTransfer([1], Self.result(1, .completed, .ok))])
    #expect(stage.advance(.milliseconds(999)) == [])
    #expect(
      stage.advance(.milliseconds(1)) == [
        .hangUp(reason: "the caller was transferred"), .setCallStatus(.hangup), .closeMedia, .leaveRoom(),
      ])
    let record = try #require(Self.end(&stage))
    #expect(record.endReason == .transferred && stage.violation == nil)
    #expect(
      record.transfers == [
        TransferRecord(transferID: "STR_1", target: "sip:ann@b.example", result: Self.result(1, .completed, .ok))
      ])
  }

  @Test("a record shows no more of a target's number than of the callers'")
  func redacted() throws {
    var stage = Self.stage()
    let target = try #require(ReferTarget("sip:+15557770199@b.example;user=phone"))
    stage.handle(.transferRequested(Self.request(to: target)))
    let busy = SIPStatus(486, "+15557770199 is busy")
    stage.handle(.referAnswered(busy, sequence: 7), .bye(reason: nil))
    let record = try #require(Self.end(&stage)).redacted(.last4)
    #expect(record.transfers.map(\.target) == ["sip:…0199@b.example;user=phone"])
    #expect(record.transfers.first?.result?.error?.message == "sip status 486: …0199 is busy")
  }

  @Test("the phone's BYE ends a transferred call, and counts as success before the NOTIFY")
  func bye() throws {
    let table: [([CallInput], TransferResult.Reason)] = [
      ([], .callEnded), ([Self.accepted], .callEnded), ([Self.accepted, Self.notify(200)], .completed),
    ]
    for (inputs, reason) in table {
      var stage = Self.stage()
      stage.handle(.transferRequested(Self.request()))
      stage.handle(inputs)
      let actions = stage.handle(.bye(reason: nil))
      #expect(!actions.contains { if case .hangUp = $0 { true } else { false } })
      let record = try #require(Self.end(&stage))
      #expect(record.endReason == .transferred && record.transfers.first?.result?.reason == reason)
      #expect(record.transfers.first?.result?.isSuccess == true && stage.violation == nil)
    }
  }

  @Test("a REFER that is refused fails with its status; the call stays up and may be transferred again")
  func refused() throws {
    var stage = Self.stage()
    stage.handle(.transferRequested(Self.request(tone: true)))
    let status = SIPStatus(405, "Method Not Allowed")
    let error = CallError(.invalidArgument, "sip status 405: Method Not Allowed", sipStatus: status)
    #expect(
      stage.handle(.referAnswered(status, sequence: 7)) == [
        .stopDialtone(.phone), .reportTransfer([1], Self.result(1, .rejected, status, error)),
      ])
    #expect(stage.handle(.transferRequested(Self.request(2))) == [.refer(Self.request(2))])
    stage.handle(.bye(reason: nil))
    let record = try #require(Self.end(&stage))
    #expect(record.transfers.map(\.transferID) == ["STR_1", "STR_2"] && stage.violation == nil)
  }

  @Test("a NOTIFY of anything but 200 fails the transfer with that status", arguments: [202, 302, 486, 503, 603])
  func notifiedFailure(code: Int) {
    var stage = Self.stage()
    stage.handle(.transferRequested(Self.request()), Self.accepted)
    let status = SIPStatus(code, "Phrase")
    let error = CallError(
      RPCCode(sipStatus: code), "call transfer failed: sip status \(code): Phrase", sipStatus: status)
    #expect(stage.handle(Self.notify(code)) == [.reportTransfer([1], Self.result(1, .rejected, status, error))])
    #expect(stage.handle(Self.notify(200)) == [] && !stage.machine.isEnded)
  }

  @Test("a NOTIFY about another REFER is not ours, one that overtakes the response is")
  func otherRefer() {
    var stage = Self.stage()
    stage.handle(.transferRequested(Self.request()), Self.accepted)
    #expect(stage.handle(Self.notify(486, id: 6)) == [])
    #expect(stage.handle(.referNotified(.refused(SIPStatus(400, "x")))) == [])
    var early = Self.stage()
    early.handle(.transferRequested(Self.request()))
    #expect(early.handle(Self.notify(200, id: 7)) == [.reportTransfer([1], Self.result(1, .completed, .ok))])
    #expect(early.handle(Self.accepted) == [] && early.violation == nil)
  }

  @Test("a subscription that ends before the transfer is decided is a failure")
  func subscriptionEnds() throws {
    var stage = Self.stage()
    stage.handle(.transferRequested(Self.request()), Self.accepted)
    guard case .reportTransfer([1], let result) = try #require(stage.handle([Self.notify(180, isFinal: true)]).first)
    else {
      Issue.record("no result")
      return
    }
    #expect(result.reason == .subscriptionTerminated && result.error?.code == .unknown)
  }

  @Test("the time is up: the call stays, and a late success sends it away all the same", arguments: [true, false])
  func timeout(isAccepted: Bool) throws {
    var stage = Self.stage()
    stage.handle(.transferRequested(Self.request(tone: true, timeout: .seconds(5))))
    if isAccepted { stage.handle(Self.accepted) }
    #expect(stage.advance(.milliseconds(4999)) == [])
    let error = CallError(.deadlineExceeded, "the transfer was not decided within 5 s")
    #expect(
      stage.advance(.milliseconds(1)) == [
        .stopDialtone(.phone), .reportTransfer([1], Self.result(1, .ringingTimeout, nil, error)),
      ])
    #expect(stage.handle(Self.notify(200, id: 7)) == [])
    stage.advance(.seconds(1))
    #expect(stage.machine.isEnded == false && stage.records.isEmpty)
    let hasHungUp = stage.done.contains(.hangUp(reason: "the caller was transferred"))
    #expect(hasHungUp == isAccepted)
  }

  @Test("equal requests share one result, a different one is refused")
  func concurrent() throws {
    var stage = Self.stage()
    stage.handle(.transferRequested(Self.request()))
    #expect(stage.handle(.transferRequested(Self.request(2))) == [])
    let error = CallError(.invalidArgument, "the call is already being transferred elsewhere")
    let refusal = [CallAction.reportTransfer([3], Self.result(3, .rejected, nil, error))]
    #expect(stage.handle(.transferRequested(Self.request(3, to: Self.other))) == refusal)
    stage.handle(Self.accepted)
    #expect(stage.handle(.transferRequested(Self.request(4))) == [])
    #expect(stage.handle(Self.notify(200)) == [.reportTransfer([1, 2, 4], Self.result(1, .completed, .ok))])
    #expect(
      stage.handle(.transferRequested(Self.request(5))) == [.reportTransfer([5], Self.result(1, .completed, .ok))])
    guard
      case .reportTransfer([6], let late) = try #require(
        stage.handle([.transferRequested(Self.request(6, to: Self.other))]).first)
    else {
      Issue.record("no result")
      return
    }
    #expect(late.error?.code == .failedPrecondition && stage.violation == nil)
  }

  @Test("as many as 64 programs wait for one transfer")
  func waiters() throws {
    var stage = Self.stage()
    for id in 1...64 { stage.handle(.transferRequested(Self.request(TransferRequest.ID(id)))) }
    guard
      case .reportTransfer([65], let result) = try #require(
        stage.handle([.transferRequested(Self.request(65))]).first)
    else {
      Issue.record("no result")
      return
    }
    #expect(result.error?.code == .resourceExhausted)
  }

  @Test("a call that is not established, or over, is not transferred")
  func notEstablished() {
    var ringing = CallStage()
    ringing.handle(.dispatched(.accept(CallStage.dispatch())), .mediaOpened)
    var hangingUp = CallStage()
    hangingUp.handle(
      .dispatched(.accept(CallStage.dispatch())), .mediaOpened, .roomJoined(CallMachineTests.agentSpeaks), .roomDeleted)
    var over = Self.stage()
    over.handle(.bye(reason: nil))
    var ended = over
    ended.handle(.mediaClosed(CallMedia()))
    let error = CallError(.failedPrecondition, "the call is not established")
    for var stage in [ringing, hangingUp, over, ended] {
      let actions = stage.handle(.transferRequested(Self.request()))
      #expect(actions == [.reportTransfer([1], Self.result(1, .rejected, nil, error))])
    }
  }

  @Test("whoever is being transferred is not alone, and is again when it failed")
  func alone() throws {
    var stage = Self.stage()
    stage.handle(.transferRequested(Self.request(timeout: .seconds(100))))
    stage.handle(.roomChanged(CallMachineTests.nobody))
    stage.advance(.seconds(60))
    #expect(stage.records.isEmpty && !stage.machine.isEnded)
    stage.handle(.referAnswered(SIPStatus(603, "Decline"), sequence: 7))
    stage.advance(.seconds(20))
    #expect(try #require(Self.end(&stage)).endReason == .alone)
  }

  @Test("a call that ends by our doing cancels its transfer")
  func ended() throws {
    var stage = Self.stage()
    stage.handle(.transferRequested(Self.request()), Self.accepted, .roomDeleted)
    let record = try #require(Self.end(&stage))
    let result = try #require(record.transfers.first?.result)
    #expect(record.endReason == .roomDeleted && result.reason == .canceled && result.error?.code == .aborted)
    #expect(stage.violation == nil)
  }

  // MARK: Bridge

  static let bridge = TransferPolicy(mode: .bridge, trunk: "out")

  static func dialled(_ stage: CallStage) -> TransferTarget? {
    stage.done.compactMap { if case .dialTarget(let target) = $0 { target } else { nil } }.last
  }

  @Test("a refused REFER leads to a bridge: the target is dialled, joined, and the participant leaves the room")
  func bridged() throws {
    var stage = Self.stage(Self.bridge)
    stage.handle(.transferRequested(Self.request(tone: true)))
    let actions = stage.handle(.referAnswered(SIPStatus(405, "Method Not Allowed"), sequence: 7))
    let target = try #require(Self.dialled(stage))
    #expect(actions == [.dialTarget(target)])
    #expect(target.callID == "SCL_test" && target.purpose == .bridge && target.target == Self.target)
    #expect(target.trunk == "out" && target.headers == Self.request().headers && target.ringingTimeout == .seconds(30))
    #expect(stage.handle(.target(.ringing)) == [])
    #expect(
      stage.handle(.target(.answered(callID: "SCL_2"))) == [
        .stopDialtone(.phone), .reportTransfer([1], Self.result(1, .completed, .ok)), .joinLegs(callID: "SCL_2"),
        .setCallStatus(.hangup), .leaveRoom(),
      ])
    #expect(stage.handle(.roomDeleted, .participantRemoved, .roomChanged(CallMachineTests.nobody)) == [])
    stage.advance(.seconds(600))
    #expect(stage.records.isEmpty)
    #expect(
      stage.handle(.target(.ended)) == [
        .hangUp(reason: "the other side of the bridge hung up"), .closeMedia,
      ])
    let record = try #require(Self.end(&stage))
    #expect(record.endReason == .bridgeEnded && record.joinedCallID == "SCL_2" && stage.violation == nil)
    #expect(record.transfers.map(\.wasBridged) == [true])
  }

  @Test("a bridge counts for the limits of the key that asked for it")
  func bridgeKey() {
    var stage = Self.stage(TransferPolicy(mode: .bridgeOnly))
    var request = Self.request()
    request.apiKey = "key"
    stage.handle(.transferRequested(request))
    #expect(Self.dialled(stage)?.apiKey == "key")
  }

  @Test("the phone hangs up in a bridge: the other side is hung up on")
  func bridgeLeft() throws {
    var stage = Self.stage(TransferPolicy(mode: .bridgeOnly))
    let first = stage.handle(.transferRequested(Self.request()))
    #expect(first == [.dialTarget(try #require(Self.dialled(stage)))], "no REFER is tried")
    stage.handle(.target(.answered(callID: "SCL_2")))
    #expect(stage.handle(.bye(reason: nil)) == [.endTarget(reason: "the caller hung up"), .closeMedia])
    #expect(try #require(Self.end(&stage)).endReason == .hangup && stage.violation == nil)
  }

  @Test("a target that does not answer leaves the call up", arguments: [true, false])
  func bridgeFails(byTime: Bool) throws {
    var stage = Self.stage(TransferPolicy(mode: .bridgeOnly))
    stage.handle(.transferRequested(Self.request(timeout: .seconds(5))))
    let failure = DialFailure(status: SIPStatus(486, "Busy Here")).error
    let actions = byTime ? stage.advance(.seconds(5)) : stage.handle(.target(.failed(failure)))
    let error = byTime ? CallError(.deadlineExceeded, "the transfer was not decided within 5 s") : failure
    let result = Self.result(1, byTime ? .ringingTimeout : .rejected, error.sipStatus, error)
    let ended: [CallAction] = byTime ? [.endTarget(reason: "the target did not answer in time")] : []
    #expect(actions == ended + [.reportTransfer([1], result)])
    #expect(stage.handle(.target(.ended)) == [] && stage.handle(.target(.answered(callID: "x"))) == [])
    #expect(!stage.machine.isEnded && stage.violation == nil)
  }

  @Test("the caller hangs up while the target rings: the target is let go, the transfer failed")
  func leftWhileBridging() throws {
    var stage = Self.stage(TransferPolicy(mode: .bridgeOnly))
    stage.handle(.transferRequested(Self.request()))
    #expect(stage.handle(.bye(reason: nil)).first == .endTarget(reason: "the caller hung up"))
    let record = try #require(Self.end(&stage))
    #expect(record.endReason == .hangup && record.transfers.first?.result?.reason == .callEnded)
    #expect(record.transfers.first?.result?.isSuccess == false && stage.violation == nil)
  }

  @Test("a phone whose Allow names no REFER is bridged at once; a dead dialog and a dialog to replace are not")
  func whenToBridge() throws {
    var unable = Self.stage(Self.bridge, allow: "INVITE, ACK,BYE")
    unable.handle(.transferRequested(Self.request()))
    #expect(Self.dialled(unable) != nil)
    var able = Self.stage(Self.bridge, allow: "INVITE,refer")
    #expect(able.handle(.transferRequested(Self.request())) == [.refer(Self.request())])
    able.handle(.referAnswered(.noSuchCall, sequence: 7))
    #expect(Self.dialled(able) == nil)
    var attended = Self.stage(TransferPolicy(mode: .bridgeOnly))
    let replacing = try #require(ReferTarget("sip:a@b.example?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2"))
    #expect(
      attended.handle(.transferRequested(Self.request(to: replacing))) == [.refer(Self.request(to: replacing))])
    attended.handle(.referAnswered(SIPStatus(405, "x"), sequence: 7))
    #expect(Self.dialled(attended) == nil)
  }

  // MARK: REFER towards us

  @Test("a phone may not have us call others unless its trunk says so")
  func referDeclined() {
    var stage = Self.stage()
    #expect(stage.handle(.referReceived(Self.target)) == [.answerRefer(SIPStatus(603, "Decline"))])
    var ringing = CallStage()
    ringing.handle(.dispatched(.accept(CallStage.dispatch(transfer: TransferPolicy(acceptsRefer: true)))))
    #expect(ringing.handle(.referReceived(Self.target)) == [.answerRefer(SIPStatus(603, "Decline"))])
  }

  @Test("where it may, the target takes the call's place in the room, and the phone is told and hung up on")
  func relayed() throws {
    var stage = Self.stage(TransferPolicy(trunk: "out", acceptsRefer: true))
    let actions = stage.handle(.referReceived(Self.target))
    let target = try #require(Self.dialled(stage))
    #expect(
      actions == [
        .answerRefer(SIPStatus(202, "Accepted")), .notifyReferrer(SIPStatus(100, "Trying"), isFinal: false),
        .dialTarget(target),
      ])
    #expect(target.purpose == .takeOver && target.trunk == "out" && target.roomName == "call-_+15557654321_abc")
    #expect(stage.handle(.referReceived(Self.other)) == [.answerRefer(SIPStatus(491, "Request Pending"))])
    #expect(
      stage.handle(.target(.ringing)) == [.notifyReferrer(SIPStatus(180, "Ringing"), isFinal: false)])
    #expect(
      stage.handle(.target(.answered(callID: "SCL_2"))) == [
        .notifyReferrer(.ok, isFinal: true), .handOverRoom(toCallID: "SCL_2"),
      ])
    #expect(stage.handle(.roomDeleted) == [])
    #expect(stage.advance(.seconds(1)) == [.hangUp(reason: "the caller was transferred"), .closeMedia])
    let record = try #require(Self.end(&stage))
    #expect(record.endReason == .transferred && record.joinedCallID == "SCL_2" && stage.violation == nil)
  }

  @Test("the phone is told when the target does not take the call, which goes on")
  func relayFails() throws {
    var stage = Self.stage(TransferPolicy(acceptsRefer: true))
    stage.handle(.referReceived(Self.target))
    let busy = SIPStatus(486, "Busy Here")
    #expect(
      stage.handle(.target(.failed(DialFailure(status: busy).error))) == [.notifyReferrer(busy, isFinal: true)])
    stage.handle(.referReceived(Self.target))
    #expect(stage.handle(.bye(reason: nil)).first == .endTarget(reason: "the caller hung up"))
    #expect(try #require(Self.end(&stage)).endReason == .hangup && stage.violation == nil)
  }

  // MARK: The second leg

  static func leg(_ purpose: TransferTarget.Purpose) throws -> OutboundStage {
    var generator = RandomSource.seeded(1)
    let planner = OutboundPlanner(trunks: [OutboundPlannerTests.trunk])
    let plan = try planner.plan(
      TransferTarget(
        callID: "SCL_1", purpose: purpose, target: Self.target, headers: [CallFacts.Header("X-A", "1")],
        ringingTimeout: .seconds(9), roomName: "room", identity: "me"), callID: "SCL_2", using: &generator)
    #expect(plan.invite.requestURI == "sip:ann@sip.example.com" && plan.policy.ringingTimeout == .seconds(9))
    #expect(plan.invite.headers == [CallFacts.Header("X-A", "1")])
    var stage = OutboundStage(plan: plan)
    stage.begin()
    #expect(stage.handle(.mediaOpened) == [.dial(plan)])
    return stage
  }

  @Test("the second leg of a bridge has no room and tells its owner everything")
  func bridgeLeg() throws {
    var stage = try Self.leg(.bridge)
    #expect(stage.handle(.progress(OutboundStage.response(180))) == [.reportTarget(.ringing, callID: "SCL_1")])
    stage.handle(.answered(OutboundStage.response(200, hasSDP: true)))
    #expect(
      stage.handle(.answerApplied(isOnHold: false)) == [
        .reportDialled(.placed), .reportTarget(.answered(callID: "SCL_2"), callID: "SCL_1"),
      ])
    stage.advance(.seconds(600))
    #expect(stage.handle(.bye(reason: nil)) == [.reportTarget(.ended, callID: "SCL_1"), .closeMedia])
    let record = try #require(OutboundStage.finish(&stage))
    #expect(record.endReason == .hangup && record.joinedCallID == "SCL_1" && record.roomName.isEmpty)
    #expect(stage.violation == nil)
  }

  @Test("a second leg that is refused, or let go, tells its owner once")
  func legFails() throws {
    var refused = try Self.leg(.bridge)
    let failure = DialFailure(status: SIPStatus(404, "Not Found"))
    #expect(
      refused.handle(.dialFailed(failure)) == [
        .reportDialled(.failed(failure.error)), .reportTarget(.failed(failure.error), callID: "SCL_1"), .closeMedia,
      ])
    var letGo = try Self.leg(.bridge)
    let actions = letGo.handle(.targetUnwanted("the caller hung up"))
    #expect(actions.contains(.cancelDial) && actions.count { if case .reportTarget = $0 { true } else { false } } == 1)
    let record = try #require(OutboundStage.finish(&letGo))
    #expect(record.endReason == .cancelled && record.sentence == "the caller hung up" && letGo.violation == nil)
    var joined = try Self.leg(.bridge)
    joined.handle(.answered(OutboundStage.response(200, hasSDP: true)))
    joined.handle(.answerApplied(isOnHold: false))
    joined.handle(.targetUnwanted("the caller hung up"))
    #expect(try #require(OutboundStage.finish(&joined)).endReason == .bridgeEnded && joined.violation == nil)
  }

  @Test("the target of a REFER towards us becomes the participant once the place is handed over")
  func takeOverLeg() throws {
    var stage = try Self.leg(.takeOver)
    stage.handle(.answered(OutboundStage.response(200, hasSDP: true)))
    #expect(
      stage.handle(.answerApplied(isOnHold: false)) == [
        .reportDialled(.placed), .reportTarget(.answered(callID: "SCL_2"), callID: "SCL_1"),
      ])
    let actions = stage.handle(.roomJoined(CallMachineTests.agentSpeaks))
    guard case .setAttributes(let attributes) = actions.dropFirst().first else {
      Issue.record("\(actions)")
      return
    }
    #expect(attributes["sip.callID"] == "SCL_2" && attributes["sip.callTag"] == "tag")
    #expect(actions.first == .attachMedia && actions.last == .setCallStatus(.active))
    #expect(stage.machine.place?.entry.roomName == "room" && stage.machine.place?.entry.participant.identity == "me")
    #expect(stage.handle(.roomDeleted).contains(.leaveRoom(.roomDeleted)))
    let record = try #require(OutboundStage.finish(&stage))
    #expect(record.roomName == "room" && record.identity == "me" && record.endReason == .roomDeleted)
  }

  @Test("the trunk of a bridge: the policy's, else the call's own, else the only one")
  func bridgeTrunk() throws {
    func label(_ trunk: String, own: String, _ trunks: [String]) -> String? {
      var generator = RandomSource.seeded(1)
      let planner = OutboundPlanner(
        trunks: trunks.map { OutboundTrunk(id: $0, address: SIPHostPort(host: "h.example"), numbers: ["1"]) })
      let target = TransferTarget(
        callID: "SCL_1", purpose: .bridge, target: Self.target, trunk: trunk, ownTrunkID: own)
      return try? planner.plan(target, callID: "SCL_2", using: &generator).trunkID
    }
    #expect(label("a", own: "b", ["a", "b"]) == "a" && label("", own: "b", ["a", "b"]) == "b")
    #expect(label("", own: "", ["a"]) == "a" && label("", own: "", ["a", "b"]) == nil && label("", own: "", []) == nil)
    #expect(label("c", own: "a", ["a"]) == nil)
  }

  // MARK: INVITE with Replaces

  static func verdict(
    trunk change: (inout InboundTrunk) -> Void = { _ in }, named: ReplacesJudge.Named
  ) -> ReplacesJudge.Verdict {
    var trunk = InboundTrunk(id: "ST_1", name: "trunk")
    change(&trunk)
    var call = CallStage.facts
    call.callID = "SCL_new"
    return ReplacesJudge.judge(call, trunk: trunk, named: named)
  }

  @Test("who may take a call's place")
  func judged() throws {
    let place = try #require(Self.stage().machine.place)
    let own = ReplacesJudge.Named(isEstablished: true, peer: nil, place: place)
    guard case .takeOver(let takeover) = Self.verdict(named: own) else {
      Issue.record("refused")
      return
    }
    #expect(takeover.callID == "SCL_test" && takeover.dispatch.roomName == "call-_+15557654321_abc")
    #expect(takeover.dispatch.participant.attributes["sip.callID"] == "SCL_new")
    var neighbour = own
    neighbour.peer = IPAddress("192.0.2.1")
    var ringing = own
    ringing.isEstablished = false
    var leaving = neighbour
    leaving.place = nil
    let stranger: (inout InboundTrunk) -> Void = { $0.id = "ST_2" }
    let table: [(ReplacesJudge.Verdict, isAllowed: Bool)] = [
      (Self.verdict(trunk: { $0.transfer.acceptsReplaces = false }, named: own), false),
      (Self.verdict(trunk: stranger, named: own), false), (Self.verdict(trunk: stranger, named: neighbour), true),
      (Self.verdict(named: ringing), false), (Self.verdict(named: leaving), false),
    ]
    for (index, (verdict, isAllowed)) in table.enumerated() {
      switch verdict {
      case .takeOver: #expect(isAllowed, "\(index)")
      case .refuse(let refusal): #expect(!isAllowed && refusal.status.code == 403, "\(index)")
      }
    }
  }

  @Test("the new call is answered into the room at once, the old one hung up without leaving it")
  func replaced() throws {
    var old = Self.stage()
    let place = try #require(old.machine.place)
    guard
      case .takeOver(let takeover) = Self.verdict(
        named: ReplacesJudge.Named(isEstablished: true, peer: nil, place: place))
    else {
      Issue.record("refused")
      return
    }
    var new = CallStage()
    new.handle(.takesOver(takeover))
    #expect(new.handle(.mediaOpened) == [.takeOverRoom(callID: "SCL_test")])
    #expect(
      old.handle(.replaced(byCallID: "SCL_new")) == [
        .handOverRoom(toCallID: "SCL_new"), .hangUp(reason: "another call took its place"), .closeMedia,
      ])
    let actions = new.handle(.roomJoined(CallMachineTests.nobody))
    #expect(actions == [.answer, .attachMedia, .setAttributes(takeover.dispatch.participant.attributes)])
    #expect(new.handle(.phoneMediaStarted) == [.setCallStatus(.active)])
    #expect(try #require(Self.end(&old)).endReason == .replaced && old.violation == nil && new.violation == nil)
    #expect(old.machine.place == nil)
  }

  @Test("a place that is gone ends the new call")
  func placeGone() throws {
    let place = try #require(Self.stage().machine.place)
    guard
      case .takeOver(let takeover) = Self.verdict(
        named: ReplacesJudge.Named(isEstablished: true, peer: nil, place: place))
    else { return }
    var new = CallStage()
    new.handle(.takesOver(takeover), .mediaOpened)
    #expect(new.handle(.joinFailed(.failed("gone"))).contains { if case .refuse = $0 { true } else { false } })
    #expect(new.violation == nil)
  }
}
