import Base
import Testing

@testable import Telephony

@Suite("Life of a call that we place")
struct OutboundCallMachineTests {
  static func stage(_ change: (inout OutboundCallRequest) -> Void = { _ in }) throws -> OutboundStage {
    var stage = OutboundStage(plan: try OutboundStage.plan(change: change))
    stage.begin()
    return stage
  }

  static func reports(_ stage: OutboundStage) -> [DialReport] {
    stage.done.compactMap { if case .reportDialled(let report) = $0 { report } else { nil } }
  }

  @Test("the plainest call: in the room as dialing, INVITE, ringing, active, hangup")
  func plain() throws {
    let plan = try OutboundStage.plan()
    var stage = OutboundStage(plan: plan)
    #expect(stage.begin() == [.openMedia(plan.media)])
    let room = try #require(plan.room)
    #expect(stage.handle(.mediaOpened) == [.joinRoom(room, .dialing)])
    #expect(stage.handle(.roomJoined(CallMachineTests.nobody)) == [.reportDialled(.placed), .dial(plan)])
    stage.advance(.seconds(2))
    #expect(stage.handle(.progress(OutboundStage.response(100))) == [])
    #expect(stage.handle(.progress(OutboundStage.response(180))) == [.setCallStatus(.ringing)])
    #expect(stage.handle(.progress(OutboundStage.response(180))) == [])
    stage.advance(.seconds(3))
    #expect(
      stage.handle(.answered(OutboundStage.response(200, hasSDP: true))) == [
        .setAttributes(["sip.callTag": "tag"]), .applyAnswer,
      ])
    #expect(stage.handle(.answerApplied(isOnHold: false)) == [.attachMedia, .setCallStatus(.active)])
    #expect(stage.runningTimers == [.maxDuration, .alone])
    stage.handle(.roomChanged(CallMachineTests.agentSpeaks))
    stage.advance(.seconds(60))
    #expect(stage.handle(.bye(reason: nil)) == [.setCallStatus(.hangup), .closeMedia, .leaveRoom()])
    let record = try #require(OutboundStage.finish(&stage))
    #expect(record.direction == .outbound && record.callID == "SCL_test" && record.sipCallID == plan.sipCallID)
    #expect(record.fromUser == "+15550100" && record.toUser == "+15557654321" && record.source == nil)
    #expect(record.dialledAddress == "sip.example.com" && record.trunkID == "ST_main" && record.roomName == "room")
    #expect(record.rangAfter == .seconds(2) && record.answeredAfter == .seconds(5))
    #expect(record.endReason == .hangup && record.sentence == "the callee hung up" && record.sipStatus == .ok)
    #expect(record.talkDuration == .seconds(60) && stage.violation == nil)
  }

  @Test("wait_until_answered is answered after the answer was read, not before")
  func waiting() throws {
    var stage = try Self.stage { $0.waitUntilAnswered = true }
    stage.handle(OutboundStage.dialling)
    #expect(Self.reports(stage).isEmpty)
    stage.handle(.answered(OutboundStage.response(200, hasSDP: true)))
    #expect(Self.reports(stage).isEmpty)
    stage.handle(.answerApplied(isOnHold: false))
    #expect(Self.reports(stage) == [.placed])
  }

  @Test("the dial tone is heard in the room until the answer, or until it fails")
  func dialtone() throws {
    var answered = try Self.stage { $0.playDialtone = true }
    #expect(answered.handle(OutboundStage.dialling).contains(.playDialtone(.room)))
    #expect(answered.handle(.progress(OutboundStage.response(180))) == [.setCallStatus(.ringing)])
    #expect(answered.handle(.answered(OutboundStage.response(200, hasSDP: true))).first == .stopDialtone(.room))
    var busy = try Self.stage { $0.playDialtone = true }
    busy.handle(OutboundStage.dialling)
    #expect(busy.handle(.dialFailed(DialFailure(status: SIPStatus(486, "Busy Here")))).first == .stopDialtone(.room))
    #expect(busy.violation == nil)
  }

  @Test("digits: automation while they are sent in pieces, then active")
  func digits() throws {
    var stage = try Self.stage { $0.dtmf = String(repeating: "1", count: 33) + "w#" }
    stage.handle(OutboundStage.dialling)
    stage.handle(.answered(OutboundStage.response(200, hasSDP: true)))
    #expect(
      stage.handle(.answerApplied(isOnHold: false)) == [
        .attachMedia, .setCallStatus(.automation), .sendDigits(String(repeating: "1", count: 32)),
      ])
    #expect(stage.handle(.digitsSent) == [.sendDigits("1w#")])
    #expect(stage.handle(.digitsSent) == [.setCallStatus(.active)])
    #expect(stage.handle(.digitsSent) == [])
  }

  @Test("digits whose end is never reported end all the same")
  func stuckDigits() throws {
    var stage = try Self.stage { $0.dtmf = "12" }
    stage.handle(OutboundStage.talking)
    #expect(stage.advance(.milliseconds(5999)) == [])
    #expect(stage.advance(.milliseconds(1)) == [.setCallStatus(.active)])
  }

  @Test("headers of the 200 become attributes by map and inclusion, those of known providers from 180 on")
  func attributes() throws {
    var trunk = OutboundPlannerTests.trunk
    trunk.headersToAttributes = ["x-own": "own"]
    trunk.includeHeaders = .x
    var stage = OutboundStage(plan: try OutboundStage.plan(trunk: trunk))
    stage.begin()
    stage.handle(OutboundStage.dialling)
    let headers = [
      CallFacts.Header("X-Twilio-CallSid", "CA1"), CallFacts.Header("X-Own", "1"), CallFacts.Header("Server", "s"),
    ]
    #expect(
      stage.handle(.progress(OutboundStage.response(183, headers: headers))) == [
        .setAttributes(["sip.twilio.callSid": "CA1"]), .setCallStatus(.ringing),
      ])
    #expect(stage.handle(.progress(OutboundStage.response(180, headers: headers))) == [])
    #expect(
      stage.handle(.answered(OutboundStage.response(200, headers: headers, hasSDP: true))).first
        == .setAttributes([
          "own": "1", "sip.h.x-own": "1", "sip.h.x-twilio-callsid": "CA1", "sip.callTag": "tag",
        ]))
  }

  // MARK: Early media

  static func earlyStage(_ change: (inout OutboundCallRequest) -> Void = { _ in }) throws -> OutboundStage {
    var trunk = OutboundPlannerTests.trunk
    trunk.earlyMedia = true
    var stage = OutboundStage(plan: try OutboundStage.plan(trunk: trunk, change: change))
    stage.begin()
    stage.handle(OutboundStage.dialling)
    return stage
  }

  @Test("early media is heard in the room where the trunk wants it, and ends the dial tone")
  func earlyMedia() throws {
    var stage = try Self.earlyStage { $0.playDialtone = true }
    let progress = CallInput.progress(OutboundStage.response(183, hasSDP: true))
    #expect(stage.handle(progress) == [.setCallStatus(.ringing), .applyAnswer])
    #expect(stage.handle(progress) == [])
    #expect(stage.handle(.answerApplied(isOnHold: false)) == [.stopDialtone(.room), .attachEarlyMedia])
    #expect(stage.handle(progress) == [])
    stage.handle(.answered(OutboundStage.response(200)))
    #expect(stage.done.suffix(2) == [.attachMedia, .setCallStatus(.active)], "the 200 need not repeat the answer")
    var plain = try Self.stage()
    plain.handle(OutboundStage.dialling)
    #expect(plain.handle(progress) == [.setCallStatus(.ringing)])
  }

  @Test("early media that cannot be read waits for the answer")
  func unreadableEarlyMedia() throws {
    var stage = try Self.earlyStage()
    stage.handle(.progress(OutboundStage.response(183, hasSDP: true)))
    #expect(stage.handle(.mediaFailed(.sdpError("x"))) == [])
    stage.handle(.answered(OutboundStage.response(200, hasSDP: true)), .answerApplied(isOnHold: false))
    #expect(stage.done.last == .setCallStatus(.active))
  }

  @Test("the 200 that comes while early media is being read is read too")
  func answerOvertakesEarlyMedia() throws {
    var stage = try Self.earlyStage()
    stage.handle(.progress(OutboundStage.response(183, hasSDP: true)))
    #expect(stage.handle(.answered(OutboundStage.response(200, hasSDP: true))).last == .applyAnswer)
    stage.handle(.answerApplied(isOnHold: false))
    #expect(stage.handle(.answerApplied(isOnHold: false)) == [] && stage.violation == nil)
  }

  // MARK: Failure

  @Test("a refused call: one error with the SIP status, one record, no hangup status", arguments: [true, false])
  func refused(waits: Bool) throws {
    var stage = try Self.stage { $0.waitUntilAnswered = waits }
    stage.handle(OutboundStage.dialling)
    stage.handle(.progress(OutboundStage.response(180)))
    let failure = DialFailure(status: SIPStatus(486, "Busy Here"))
    let actions = stage.handle(.dialFailed(failure))
    #expect(actions.suffix(2) == [.closeMedia, .leaveRoom(.userRejected)])
    #expect(Self.reports(stage) == [waits ? .failed(failure.error) : .placed])
    #expect(failure.error == CallError(.resourceExhausted, "sip status 486: Busy Here", sipStatus: failure.status))
    #expect(failure.error.meta == ["sip_status_code": "486", "sip_status": "Busy Here"])
    #expect(!actions.contains(.cancelDial) && !actions.contains(.setCallStatus(.hangup)))
    let record = try #require(OutboundStage.finish(&stage))
    #expect(record.endReason == .dialFailed(.busy) && record.sipStatus == failure.status)
    #expect(record.sentence == "the callee is busy: 486 Busy Here" && stage.violation == nil)
  }

  @Test("no answer in ringing_timeout: CANCEL, and the record waits for the 487")
  func noAnswer() throws {
    var stage = try Self.stage {
      $0.ringingTimeout = .seconds(20)
      $0.waitUntilAnswered = true
    }
    stage.handle(OutboundStage.dialling)
    #expect(stage.advance(.seconds(19)) == [])
    #expect(stage.advance(.seconds(1)).suffix(3) == [.cancelDial, .closeMedia, .leaveRoom(.userUnavailable)])
    #expect(
      Self.reports(stage) == [
        .failed(CallError(.deadlineExceeded, "the callee did not answer in time (20 s)"))
      ])
    #expect(stage.handle(.mediaClosed(CallMedia())) == [])
    #expect(!stage.machine.isEnded)
    stage.handle(.dialFailed(DialFailure(status: .requestTerminated)))
    let record = try #require(stage.records.first)
    #expect(record.endReason == .dialFailed(.noAnswer) && record.sipStatus == .requestTerminated)
  }

  @Test("a 200 that crosses the CANCEL is hung up; one record, unanswered")
  func cancelRace() throws {
    for mediaFirst in [true, false] {
      var stage = try Self.stage()
      stage.handle(OutboundStage.dialling)
      stage.handle(.roomDeleted)
      if mediaFirst { stage.handle(.mediaClosed(CallMedia())) }
      #expect(
        stage.handle(.answered(OutboundStage.response(200, hasSDP: true))).first
          == .hangUp(reason: "the room was deleted"))
      stage.handle(.mediaClosed(CallMedia()), .terminated("x"))
      #expect(stage.records.map(\.endReason) == [.roomDeleted] && stage.violation == nil)
    }
  }

  @Test("a CANCEL that nobody answers is given up after five seconds")
  func silentCancel() throws {
    var stage = try Self.stage()
    stage.handle(OutboundStage.dialling)
    stage.handle(.participantRemoved, .mediaClosed(CallMedia()))
    stage.advance(.milliseconds(4999))
    #expect(stage.records.isEmpty)
    stage.advance(.milliseconds(1))
    #expect(stage.records.map(\.endReason) == [.removed])
  }

  @Test(
    "what ends a call that is being dialled",
    arguments: [
      (.roomDeleted, .roomDeleted, .aborted, .roomDeleted),
      (.participantRemoved, .removed, .aborted, .participantRemoved),
      (.endRequested(), .endRequested, .aborted, .clientInitiated),
      (.shutdown, .shutdown, .unavailable, .serverShutdown),
    ] as [(CallInput, EndReason, RPCCode, DisconnectReason)])
  func cancelled(input: CallInput, reason: EndReason, code: RPCCode, disconnect: DisconnectReason) throws {
    var stage = try Self.stage { $0.waitUntilAnswered = true }
    stage.handle(OutboundStage.dialling)
    let actions = stage.handle(input)
    #expect(actions.contains(.cancelDial) && actions.contains(.leaveRoom(disconnect)))
    guard case .failed(let error) = Self.reports(stage).first else {
      Issue.record("no error")
      return
    }
    #expect(error.code == code && error.sipStatus == nil)
    let ended = try #require(OutboundStage.finish(&stage))
    #expect(ended.endReason == reason && stage.violation == nil)
  }

  @Test(
    "what fails before the INVITE is told and dials nothing",
    arguments: [
      ([.mediaFailed(.failed("no port"))], .mediaFailed, .unavailable),
      ([.mediaOpened, .joinFailed(.roomFull)], .joinFailed, .resourceExhausted),
      ([.mediaOpened, .joinFailed(.failed("x"))], .joinFailed, .internal),
      ([.mediaOpened, .roomDeleted], .roomDeleted, .aborted), ([.shutdown], .shutdown, .unavailable),
    ] as [([CallInput], EndReason, RPCCode)])
  func early(inputs: [CallInput], reason: EndReason, code: RPCCode) throws {
    var stage = try Self.stage()
    stage.handle(inputs)
    guard case .failed(let error) = Self.reports(stage).first else {
      Issue.record("no error")
      return
    }
    #expect(error.code == code)
    stage.handle(.mediaClosed(CallMedia()))
    #expect(stage.records.map(\.endReason) == [reason] && stage.violation == nil)
    #expect(!stage.done.contains { if case .dial = $0 { true } else { $0 == .cancelDial } })
  }

  @Test("an answer without, or with unusable, SDP is hung up and told as a failure")
  func unusableAnswer() throws {
    var bare = try Self.stage { $0.waitUntilAnswered = true }
    bare.handle(OutboundStage.dialling)
    #expect(
      bare.handle(.answered(OutboundStage.response(200))).contains(.hangUp(reason: "the media of the call failed")))
    var bad = try Self.stage { $0.waitUntilAnswered = true }
    bad.handle(OutboundStage.dialling)
    bad.handle(.answered(OutboundStage.response(200, hasSDP: true)))
    #expect(bad.handle(.mediaFailed(.noCommonCodec("G729"))).contains(.leaveRoom(.mediaFailure)))
    for var stage in [bare, bad] {
      #expect(Self.reports(stage).count == 1 && Self.reports(stage) != [.placed])
      let record = try #require(OutboundStage.finish(&stage))
      #expect(record.endReason == .mediaFailed && record.answeredAfter != nil && stage.violation == nil)
    }
    #expect(
      bad.done.contains {
        if case .reportDialled(.failed(let error)) = $0 { error.message.contains("G729") } else { false }
      })
  }

  @Test("the established call ends as an inbound one does")
  func ends() throws {
    let table: [(CallInput, EndReason, Bool)] = [
      (.roomDeleted, .roomDeleted, true), (.participantRemoved, .removed, true),
      (.endRequested(headers: [CallFacts.Header("X-A", "1")]), .endRequested, true),
      (.phoneMediaTimedOut, .mediaTimeout, true), (.shutdown, .shutdown, true), (.bye(reason: "x"), .hangup, false),
      (.mediaFailed(.failed("x")), .mediaFailed, true), (.terminated("x"), .terminated, false),
    ]
    for (input, reason, hangsUp) in table {
      var stage = try Self.stage()
      stage.handle(OutboundStage.talking)
      let actions = stage.handle(input)
      #expect(actions.contains { if case .hangUp = $0 { true } else { false } } == hangsUp, "\(input)")
      if case .endRequested(let headers) = input {
        #expect(actions.contains(.hangUp(reason: reason.sentence(.outbound), headers: headers)))
      }
      stage.handle(.mediaClosed(CallMedia()))
      #expect(stage.records.map(\.endReason) == [reason] && stage.violation == nil)
    }
  }

  @Test("max_call_duration counts from the answer")
  func maxDuration() throws {
    var stage = try Self.stage { $0.maxCallDuration = .seconds(30) }
    stage.handle(OutboundStage.dialling)
    stage.advance(.seconds(60))
    stage.handle(.answered(OutboundStage.response(200, hasSDP: true)), .answerApplied(isOnHold: false))
    stage.handle(.roomChanged(CallMachineTests.agentSpeaks))
    #expect(stage.advance(.seconds(29)) == [])
    stage.advance(.seconds(1))
    let ended = try #require(OutboundStage.finish(&stage))
    #expect(ended.endReason == .maxDuration)
  }

  @Test("a callee whom everyone has left is hung up on")
  func alone() throws {
    var stage = try Self.stage()
    stage.handle(OutboundStage.talking)
    stage.handle(.roomChanged(CallMachineTests.agentSpeaks), .roomChanged(CallMachineTests.nobody))
    stage.advance(.seconds(20))
    let ended = try #require(OutboundStage.finish(&stage))
    #expect(ended.endReason == .alone)
  }

  @Test("a move to another room, and back to work there")
  func move() throws {
    var stage = try Self.stage()
    stage.handle(OutboundStage.talking)
    let entry = RoomEntry(roomName: "other", participant: ParticipantProfile(identity: "me", name: ""))
    #expect(stage.handle(.moveRequested(entry)) == [.moveRoom(entry)])
    #expect(stage.handle(.roomJoined(CallMachineTests.agentSpeaks)) == [.attachMedia])
    #expect(stage.machine.place?.entry.roomName == "other")
    stage.handle(.bye(reason: nil))
    let ended = try #require(OutboundStage.finish(&stage))
    #expect(ended.roomName == "other")
  }
}

@Suite("Failures of calls out")
struct DialFailureTests {
  @Test(
    "SIP status to reason, disconnect reason and code",
    arguments: [
      (401, "auth-required", .userRejected, .permissionDenied), (407, "auth-required", .userRejected, .unauthenticated),
      (403, "forbidden", .userRejected, .permissionDenied), (404, "not-found", .userUnavailable, .notFound),
      (408, "request-timeout", .userUnavailable, .deadlineExceeded),
      (480, "unavailable", .userUnavailable, .resourceExhausted), (486, "busy", .userRejected, .resourceExhausted),
      (488, "not-acceptable", .userRejected, .invalidArgument), (302, "client-error", .userUnavailable, .notFound),
      (484, "client-error", .userUnavailable, .invalidArgument),
      (500, "upstream-server-error", .sipTrunkFailure, .failedPrecondition),
      (503, "upstream-server-error", .sipTrunkFailure, .failedPrecondition),
      (504, "upstream-server-error", .sipTrunkFailure, .deadlineExceeded),
      (505, "upstream-server-error", .sipTrunkFailure, .invalidArgument),
      (600, "global-decline", .userRejected, .resourceExhausted),
      (603, "global-decline", .userRejected, .permissionDenied), (604, "global-decline", .userRejected, .notFound),
      (606, "global-decline", .userRejected, .invalidArgument),
    ] as [(Int, String, DisconnectReason, RPCCode)])
  func statuses(code: Int, kind: String, reason: DisconnectReason, rpc: RPCCode) {
    let failure = DialFailure(status: SIPStatus(code, "Text"))
    #expect(failure.kind.rawValue == kind && failure.disconnectReason == reason)
    #expect(failure.error.code == rpc && failure.error.message == "sip status \(code): Text")
  }

  @Test("every code of livekit-wire 3.6")
  func codes() {
    let table: [(RPCCode, [Int])] = [
      (
        .invalidArgument,
        [
          300, 305, 380, 400, 405, 406, 411, 413, 414, 415, 417, 420, 421, 422, 423, 424, 425, 429, 430, 439, 469, 484,
          485, 488, 489, 493, 505, 513, 606, 499, 699, 399,
        ]
      ),
      (.notFound, [301, 302, 404, 410, 481, 604]), (.permissionDenied, [401, 402, 403, 433, 470, 603, 607, 608]),
      (.unauthenticated, [407, 428, 436, 437, 438, 494]), (.deadlineExceeded, [408, 504]),
      (.failedPrecondition, [409, 412, 482, 483, 500, 501, 502, 503, 599]), (.outOfRange, [416]),
      (.resourceExhausted, [440, 480, 486, 600]), (.aborted, [487, 491]), (.unknown, [100, 180, 199]),
    ]
    for (code, statuses) in table {
      for status in statuses { #expect(RPCCode(sipStatus: status) == code, "\(status)") }
    }
  }

  @Test("what providers write beside a status counts")
  func hints() {
    #expect(DialFailure(status: SIPStatus(503, "x"), hints: ["CPS limit exceeded"]).kind == .cpsLimitExceeded)
    #expect(
      DialFailure(status: SIPStatus(503, "x"), hints: ["Concurrent call limit exceeded."]).kind
        == .concurrentLimitExceeded)
    #expect(DialFailure(status: SIPStatus(403, "x"), hints: ["32203 blocked"]).kind == .carrierBlocked)
    #expect(DialFailure(status: SIPStatus(404, "x"), hints: ["cps limit exceeded"]).kind == .notFound)
  }

  @Test("failures without a status")
  func local() {
    #expect(DialFailure(.unresolved).error.code == .invalidArgument)
    #expect(DialFailure(.unreachable).error.code == .unavailable)
    #expect(DialFailure(.noAnswer).error.code == .deadlineExceeded)
    #expect(DialFailure(.unresolved).disconnectReason == .sipTrunkFailure)
  }
}
