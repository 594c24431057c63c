import Base
import Testing

@testable import Telephony

@Suite("Life of a call")
struct CallMachineTests {
  static let agentSpeaks = RoomOccupancy(participants: 1, subscribedTracks: 1)
  static let agentSilent = RoomOccupancy(participants: 1)
  static let nobody = RoomOccupancy()

  /// A stage whose call rings in its room.
  static func ringing(_ policy: CallPolicy = CallPolicy(), hasOffer: Bool = true) -> CallStage {
    var stage = CallStage(hasOffer: hasOffer)
    stage.handle(.dispatched(.accept(CallStage.dispatch(policy))), .mediaOpened, .roomJoined(nobody))
    return stage
  }

  /// A stage whose call was answered, and acknowledged.
  static func talking(_ policy: CallPolicy = CallPolicy(), hasOffer: Bool = true) -> CallStage {
    var stage = ringing(policy, hasOffer: hasOffer)
    stage.handle(.roomChanged(agentSpeaks), .acknowledged(hasSDP: !hasOffer))
    return stage
  }

  static func end(_ stage: inout CallStage, _ inputs: CallInput...) -> CallRecord? {
    _ = stage.handle(inputs)
    _ = stage.handle(.mediaClosed(CallMedia(codec: "PCMU/8000", packetsReceived: 7)))
    #expect(stage.violation == nil)
    #expect(stage.records.count == 1)
    return stage.records.first
  }

  @Test("a call rings, waits for a track, is answered, talks and ends with one record")
  func whole() throws {
    var stage = CallStage()
    let dispatch = CallStage.dispatch()
    #expect(stage.handle(.dispatched(.accept(dispatch))) == [.ring, .openMedia(MediaOptions())])
    #expect(stage.handle(.mediaOpened) == [.joinRoom(dispatch.entry, .ringing)])
    #expect(stage.handle(.roomJoined(Self.nobody)) == [])
    #expect(stage.advance(.milliseconds(2500)) == [.ring, .ring])
    #expect(stage.handle(.roomChanged(Self.agentSilent)) == [])
    #expect(stage.handle(.roomChanged(Self.agentSpeaks)) == [.answer, .attachMedia])
    #expect(stage.handle(.acknowledged(hasSDP: false)) == [])
    #expect(stage.handle(.phoneMediaStarted) == [.setCallStatus(.active)])
    #expect(stage.advance(.seconds(60)) == [])
    #expect(stage.handle(.bye(reason: nil)) == [.setCallStatus(.hangup), .closeMedia, .leaveRoom()])
    let record = try #require(Self.end(&stage))
    #expect(record.endReason == .hangup)
    #expect(record.sipStatus == .ok)
    #expect(record.answeredAfter == .milliseconds(2500))
    #expect(record.talkDuration == .seconds(60))
    #expect(record.media?.packetsReceived == 7)
    #expect(record.trunkID == "ST_1" && record.ruleID == "SDR_1" && record.identity == "sip_+15557654321")
    #expect(record.roomName == "call-_+15557654321_abc")
    #expect(stage.runningTimers.isEmpty && stage.machine.isEnded)
  }

  @Test(
    "what each answer policy waits for",
    arguments: [
      (AnswerPolicy.trackSubscribed, nobody, false), (.trackSubscribed, agentSilent, false),
      (.trackSubscribed, agentSpeaks, true), (.trackSubscribed, RoomOccupancy(participants: 1, phones: 1), true),
      (.participantJoined, nobody, false), (.participantJoined, agentSilent, true), (.immediately, nobody, true),
    ])
  func policies(policy: AnswerPolicy, occupancy: RoomOccupancy, isAnswered: Bool) {
    var changed = Self.ringing(CallPolicy(answerPolicy: policy))
    changed.handle(.roomChanged(occupancy))
    #expect(changed.machine.isAnswered == isAnswered)
    var present = CallStage()
    present.handle(
      .dispatched(.accept(CallStage.dispatch(CallPolicy(answerPolicy: policy)))), .mediaOpened, .roomJoined(occupancy))
    #expect(present.machine.isAnswered == isAnswered)
  }

  @Test("a refused call gets its status at once and opens nothing", arguments: RefusalReason.allCases)
  func refused(reason: RefusalReason) throws {
    var stage = CallStage()
    let refusal = Refusal(reason, sentence: "because")
    let actions = stage.handle(.dispatched(.refuse(refusal)))
    #expect(actions.first == .refuse(refusal))
    #expect(actions.count == 2)
    let record = try #require(stage.records.first)
    #expect(record.endReason == .refused(reason) && record.sipStatus == reason.status && record.sentence == "because")
    #expect(record.rangAfter == nil && record.media == nil)
  }

  @Test(
    "media that cannot be opened refuses the call",
    arguments: [
      (MediaFault.sdpError("x"), 400), (.noCommonCodec("x"), 488), (.noCommonCrypto("x"), 488), (.failed("x"), 500),
    ])
  func mediaFaults(fault: MediaFault, status: Int) throws {
    var stage = CallStage()
    stage.handle(.dispatched(.accept(CallStage.dispatch())))
    let record = try #require(Self.end(&stage, .mediaFailed(fault)))
    #expect(record.sipStatus?.code == status)
    #expect(
      stage.done.contains { if case .refuse(let refusal) = $0 { refusal.warning != nil } else { false } }
        == (status == 488))
  }

  @Test("a room that cannot be joined refuses the call", arguments: [JoinFault.roomFull, .failed("x")])
  func joinFaults(fault: JoinFault) throws {
    var stage = CallStage()
    stage.handle(.dispatched(.accept(CallStage.dispatch())), .mediaOpened)
    #expect(try #require(Self.end(&stage, .joinFailed(fault))).sipStatus?.code == 486)
  }

  @Test("a call that nobody answers rings out: 480 in an empty room, 486 beside silent participants")
  func ringsOut() throws {
    let policy = CallPolicy(ringingTimeout: .seconds(30))
    var empty = Self.ringing(policy)
    empty.advance(.milliseconds(29_999))
    #expect(empty.done.count { $0 == .ring } == 30)
    empty.advance(.milliseconds(1))
    let record = try #require(Self.end(&empty))
    #expect(record.endReason == .refused(.nobodyJoined) && record.sipStatus?.code == 480)
    #expect(record.endedAfter == .seconds(30))
    var silent = Self.ringing(policy)
    silent.handle(.roomChanged(Self.agentSilent))
    silent.advance(.seconds(30))
    #expect(try #require(Self.end(&silent)).sipStatus?.code == 486)
    var stuck = CallStage()
    stuck.handle(.dispatched(.accept(CallStage.dispatch(policy))), .mediaOpened)
    stuck.advance(.seconds(30))
    #expect(try #require(Self.end(&stuck)).endReason == .refused(.joinFailed))
  }

  @Test("every 10 s a sentence says what a ringing call waits for")
  func waitReports() {
    var stage = CallStage()
    stage.handle(.dispatched(.accept(CallStage.dispatch())))
    func report(_ actions: [CallAction]) -> String? {
      actions.compactMap { if case .reportWaiting(let sentence) = $0 { sentence } else { nil } }.first
    }
    #expect(report(stage.advance(.seconds(10))) == "has rung for 10 s; waits for a media port")
    stage.handle(.mediaOpened)
    let room = "room call-_+15557654321_abc"
    #expect(report(stage.advance(.seconds(10))) == "has rung for 20 s; waits to be let into \(room)")
    stage.handle(.roomJoined(Self.nobody))
    #expect(report(stage.advance(.seconds(10))) == "has rung for 30 s; waits for someone to join \(room)")
    stage.handle(.roomChanged(Self.agentSilent))
    #expect(
      report(stage.advance(.seconds(10)))
        == "has rung for 40 s; waits for an audio track in \(room): 1 participant is there and publishes none")
    stage.handle(.roomChanged(RoomOccupancy(participants: 2)))
    #expect(
      report(stage.advance(.seconds(10)))
        == "has rung for 50 s; waits for an audio track in \(room): 2 participants are there and publish none")
    stage.handle(.roomChanged(Self.agentSpeaks), .acknowledged(hasSDP: false))
    #expect(report(stage.advance(.seconds(60))) == nil)
  }

  @Test("CANCEL ends a ringing call; the SIP stack has answered it")
  func cancelled() throws {
    for depth in 0...3 {
      var stage = CallStage()
      let inputs: [CallInput] = [
        .dispatched(.accept(CallStage.dispatch())), .mediaOpened, .roomJoined(Self.nobody),
      ]
      _ = stage.handle(Array(inputs.prefix(depth)))
      let record = try #require(Self.end(&stage, .cancelled))
      #expect(record.endReason == .cancelled && record.sipStatus == .requestTerminated)
      #expect(!stage.done.contains { if case .refuse = $0 { true } else { false } })
      #expect(stage.done.contains(.setCallStatus(.hangup)) == (depth > 1))
    }
  }

  @Test("a CANCEL that crosses our 200 changes nothing until the ACK stays away or the caller hangs up")
  func crossing() throws {
    var unacknowledged = Self.ringing()
    unacknowledged.handle(.roomChanged(Self.agentSpeaks))
    #expect(unacknowledged.handle(.cancelled) == [])
    unacknowledged.advance(.seconds(32))
    #expect(unacknowledged.done.contains { if case .hangUp = $0 { true } else { false } })
    #expect(try #require(Self.end(&unacknowledged)).endReason == .cancelled)
    var acknowledged = Self.ringing()
    acknowledged.handle(.roomChanged(Self.agentSpeaks), .cancelled, .acknowledged(hasSDP: false))
    #expect(try #require(Self.end(&acknowledged, .bye(reason: nil))).endReason == .hangup)
  }

  @Test("a 200 that is never acknowledged ends the call with BYE after 32 s")
  func noAcknowledgement() throws {
    var stage = Self.ringing()
    stage.handle(.roomChanged(Self.agentSpeaks))
    #expect(stage.advance(.milliseconds(31_999)) == [.setCallStatus(.active)])
    stage.advance(.milliseconds(1))
    #expect(try #require(Self.end(&stage)).endReason == .noAcknowledgement)
    #expect(stage.done.contains(.hangUp(reason: EndReason.noAcknowledgement.sentence())))
  }

  @Test("BYE waits for the ACK when the call is over before it comes")
  func byeWaits() throws {
    var stage = Self.ringing()
    stage.handle(.roomChanged(Self.agentSpeaks))
    #expect(stage.handle(.roomDeleted) == [])
    #expect(stage.handle(.participantRemoved, .phoneMediaStarted, .roomChanged(Self.nobody)) == [])
    let actions = stage.handle(.acknowledged(hasSDP: false))
    #expect(actions == [.hangUp(reason: EndReason.roomDeleted.sentence()), .closeMedia, .leaveRoom(.roomDeleted)])
    #expect(try #require(Self.end(&stage)).endReason == .roomDeleted)
    var gone = Self.ringing()
    gone.handle(.roomChanged(Self.agentSpeaks), .participantRemoved, .bye(reason: nil))
    #expect(try #require(Self.end(&gone)).endReason == .removed)
    #expect(!gone.done.contains { if case .hangUp = $0 { true } else { false } })
    var silent = Self.ringing()
    silent.handle(.roomChanged(Self.agentSpeaks), .roomDeleted)
    silent.advance(.seconds(32))
    #expect(try #require(Self.end(&silent)).endReason == .roomDeleted)
  }

  @Test("the record names the room that the server has put the caller into")
  func movedByTheServer() throws {
    var stage = Self.talking()
    #expect(stage.handle(.roomMoved("second")) == [])
    let record = try #require(Self.end(&stage, .bye(reason: nil)))
    #expect(record.roomName == "second")
  }

  @Test(
    "how an answered call ends",
    arguments: [
      (CallInput.bye(reason: "Q.850;cause=16"), EndReason.hangup, false, true),
      (.roomDeleted, .roomDeleted, true, false), (.participantRemoved, .removed, true, false),
      (.endRequested(), .endRequested, true, true), (.phoneMediaTimedOut, .mediaTimeout, true, true),
      (.shutdown, .shutdown, true, false), (.terminated("gone"), .terminated, false, false),
      (.transportFailed("reset"), .transportFailed, true, false),
      (.mediaFailed(.failed("x")), .mediaFailed, true, false),
    ])
  func ends(input: CallInput, reason: EndReason, sendsBye: Bool, setsStatus: Bool) throws {
    var stage = Self.talking()
    let record = try #require(Self.end(&stage, input))
    #expect(record.endReason == reason && record.sipStatus == .ok)
    #expect(stage.done.contains { if case .hangUp = $0 { true } else { false } } == sendsBye)
    #expect(stage.done.contains(.setCallStatus(.hangup)) == setsStatus)
  }

  @Test(
    "how a ringing call ends",
    arguments: [
      (CallInput.bye(reason: nil), EndReason.cancelled, 487), (.roomDeleted, .refused(.roomDeleted), 486),
      (.participantRemoved, .refused(.removed), 486), (.endRequested(), .refused(.removed), 486),
      (.shutdown, .refused(.shutdown), 503), (.mediaFailed(.failed("x")), .refused(.mediaFailed), 500),
      (.transportFailed("x"), .refused(.transportFailed), 503), (.terminated("x"), .terminated, nil),
    ] as [(CallInput, EndReason, Int?)])
  func endsRinging(input: CallInput, reason: EndReason, status: Int?) throws {
    var stage = Self.ringing()
    let record = try #require(Self.end(&stage, input))
    #expect(record.endReason == reason && record.sipStatus?.code == status)
  }

  @Test("a call lasts no longer than it may")
  func maxDuration() throws {
    var stage = Self.talking(CallPolicy(maxCallDuration: .seconds(100)))
    stage.advance(.seconds(99))
    #expect(!stage.machine.isEnded)
    stage.advance(.seconds(1))
    #expect(try #require(Self.end(&stage)).endReason == .maxDuration)
    var ringing = Self.ringing(CallPolicy(maxCallDuration: .seconds(10)))
    ringing.advance(.seconds(10))
    #expect(try #require(Self.end(&ringing)).endReason == .refused(.nobodyJoined))
  }

  @Test("a caller left alone is hung up on after departure_timeout, unless someone comes back")
  func alone() throws {
    var stage = Self.talking()
    stage.handle(.roomChanged(Self.nobody))
    stage.advance(.seconds(19))
    stage.handle(.roomChanged(Self.agentSilent))
    stage.advance(.seconds(60))
    #expect(!stage.machine.isEnded)
    stage.handle(.roomChanged(Self.nobody), .roomChanged(Self.nobody))
    stage.advance(.seconds(20))
    #expect(try #require(Self.end(&stage)).endReason == .alone)
    var stays = Self.talking(CallPolicy(hangupWhenAlone: false))
    stays.handle(.roomChanged(Self.nobody))
    stays.advance(.seconds(3600))
    #expect(stays.runningTimers == [.maxDuration])
  }

  @Test("a caller answered at once waits for company as long as a phone may ring")
  func neverCompany() throws {
    var stage = Self.ringing(CallPolicy(answerPolicy: .immediately))
    stage.handle(.acknowledged(hasSDP: false))
    stage.advance(.seconds(179))
    #expect(!stage.machine.isEnded)
    stage.advance(.seconds(1))
    #expect(try #require(Self.end(&stage)).endReason == .alone)
  }

  @Test("without RTP from the phone the call counts as active after one second")
  func active() {
    var stage = Self.talking()
    #expect(stage.advance(.milliseconds(999)) == [])
    #expect(stage.advance(.milliseconds(1)) == [.setCallStatus(.active)])
    #expect(stage.handle(.phoneMediaStarted) == [])
  }

  @Test("an INVITE without SDP is answered with our offer, and the ACK must carry the answer")
  func delayedOffer() throws {
    var stage = Self.ringing(hasOffer: false)
    stage.handle(.roomChanged(Self.agentSpeaks))
    #expect(stage.handle(.reinvited) == [.refuseReinvite(SIPStatus(491, "Request Pending"), retryAfterSeconds: nil)])
    #expect(stage.handle(.acknowledged(hasSDP: true)) == [.applyAnswer])
    #expect(stage.handle(.acknowledged(hasSDP: true)) == [])
    let bad = try #require(Self.end(&stage, .mediaFailed(.noCommonCodec("G729"))))
    #expect(bad.endReason == .mediaFailed)
    var without = Self.ringing(hasOffer: false)
    without.handle(.roomChanged(Self.agentSpeaks))
    #expect(try #require(Self.end(&without, .acknowledged(hasSDP: false))).endReason == .mediaFailed)
    #expect(without.done.contains { if case .hangUp = $0 { true } else { false } })
  }

  @Test("re-INVITEs: answered one at a time, refused before the answer, and a bad one leaves the call as it was")
  func reinvites() {
    let busy = CallAction.refuseReinvite(SIPStatus(500, "Server Internal Error"), retryAfterSeconds: 2)
    var stage = Self.ringing()
    #expect(stage.handle(.reinvited) == [busy])
    stage.handle(.roomChanged(Self.agentSpeaks), .acknowledged(hasSDP: false))
    #expect(stage.handle(.reinvited) == [.renegotiate])
    #expect(stage.handle(.renegotiated(isOnHold: true)) == [.answerReinvite])
    #expect(stage.handle(.reinvited) == [.renegotiate])
    let failure = stage.handle(.renegotiationFailed(.noCommonCodec("x")))
    #expect(failure == [.refuseReinvite(SIPStatus(488, "Not Acceptable Here"), retryAfterSeconds: nil)])
    #expect(stage.handle(.renegotiated(isOnHold: false)) == [])
    #expect(!stage.machine.isEnded && stage.violation == nil)
  }

  @Test("a second re-INVITE beside an open one is refused, and an open one gets 487 when the call ends")
  func reinviteGlare() {
    var machine = Self.talking().machine
    #expect(machine.handle(.reinvited, now: .zero) == [.renegotiate])
    #expect(
      machine.handle(.reinvited, now: .zero)
        == [.refuseReinvite(SIPStatus(500, "Server Internal Error"), retryAfterSeconds: 2)])
    let actions = machine.handle(.bye(reason: nil), now: .zero)
    #expect(actions.first == .refuseReinvite(.requestTerminated, retryAfterSeconds: nil))
  }

  @Test("a call on hold does not end for want of RTP")
  func hold() throws {
    var stage = Self.talking()
    stage.handle(.reinvited, .renegotiated(isOnHold: true))
    #expect(stage.handle(.phoneMediaTimedOut) == [])
    stage.handle(.reinvited, .renegotiated(isOnHold: false))
    #expect(try #require(Self.end(&stage, .phoneMediaTimedOut)).endReason == .mediaTimeout)
  }

  @Test("a record is written without totals when the media loop does not report them")
  func closingLimit() {
    var stage = Self.talking()
    stage.handle(.bye(reason: nil))
    #expect(stage.records.isEmpty && stage.runningTimers == [.closing])
    stage.advance(CallMachine.closingLimit)
    #expect(stage.records.count == 1 && stage.records[0].media == nil)
    #expect(stage.handle(.mediaClosed(CallMedia()), .bye(reason: nil), .reinvited) == [])
  }

  @Test("a record shows numbers only as configured, wherever they stand")
  func redaction() throws {
    var stage = Self.talking()
    let record = try #require(Self.end(&stage, .bye(reason: nil))).redacted(.last4)
    #expect(record.fromUser == "…4321" && record.toUser == "…0100")
    #expect(record.roomName == "call-_…4321_abc" && record.identity == "sip_…4321")
  }
}
