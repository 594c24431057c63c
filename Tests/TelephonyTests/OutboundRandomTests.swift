import Base
import Testing

@testable import Telephony

@Suite("Any sequence of inputs of a call that we place")
struct OutboundRandomTests {
  static let inputs: [CallInput] =
    [
      .mediaOpened, .mediaFailed(.failed("x")), .roomJoined(CallMachineTests.nobody),
      .roomJoined(CallMachineTests.agentSpeaks), .joinFailed(.roomFull), .roomChanged(CallMachineTests.nobody),
      .roomChanged(CallMachineTests.agentSpeaks), .progress(OutboundStage.response(100)),
      .progress(OutboundStage.response(180)), .progress(OutboundStage.response(183, hasSDP: true)),
      .answered(OutboundStage.response(200, hasSDP: true)), .answered(OutboundStage.response(200)),
      .dialFailed(DialFailure(status: SIPStatus(486, "x"))), .dialFailed(DialFailure(.unreachable)),
      .answerApplied(isOnHold: false), .answerApplied(isOnHold: true), .digitsSent, .bye(reason: nil), .reinvited,
      .renegotiated(isOnHold: true), .renegotiationFailed(.sdpError("x")), .terminated("x"), .transportFailed("x"),
      .phoneMediaStarted, .phoneMediaTimedOut, .digit("1"), .participantRemoved, .roomDeleted, .endRequested(),
      .targetUnwanted("x"), .shutdown, .mediaClosed(CallMedia()), .moveRequested(CallStage.dispatch().entry),
      .replaced(byCallID: "SCL_3"),
      .cancelled, .acknowledged(hasSDP: true), .dispatched(.accept(CallStage.dispatch())),
    ] + CallMachineRandomTests.transferInputs + CallTimer.allCases.map { .timerFired($0) }

  /// Room, room with everything, bridge, take-over.
  static func plans() throws -> [OutboundCallPlan] {
    var trunk = OutboundPlannerTests.trunk
    trunk.earlyMedia = true
    trunk.transfer = TransferPolicy(mode: .bridge, acceptsRefer: true)
    let full = try OutboundStage.plan(trunk: trunk) {
      $0.playDialtone = true
      $0.dtmf = "1234"
      $0.waitUntilAnswered = true
    }
    var bridge = full
    bridge.placement = .bridge(callID: "SCL_1")
    var takeOver = full
    takeOver.placement = .takeOver(callID: "SCL_1", roomName: "room", identity: "me")
    return [try OutboundStage.plan(), full, bridge, takeOver]
  }

  static let prefixes: [[CallInput]] = {
    let early = OutboundStage.dialling + [.progress(OutboundStage.response(183, hasSDP: true))]
    let request = CallInput.transferRequested(TransferTests.request(900))
    let talking = OutboundStage.talking + [.roomJoined(CallMachineTests.agentSpeaks), .digitsSent]
    return [
      [], [.mediaOpened], OutboundStage.dialling, early, early + [.answerApplied(isOnHold: false)],
      OutboundStage.dialling + [.answered(OutboundStage.response(200, hasSDP: true))], OutboundStage.talking, talking,
      OutboundStage.dialling + [.roomDeleted], OutboundStage.dialling + [.shutdown, .mediaClosed(CallMedia())],
      talking + [.reinvited], talking + [request],
      talking + [request, .referAnswered(SIPStatus(405, "x"), sequence: 7)],
      talking + [request, .referAnswered(SIPStatus(405, "x"), sequence: 7), .target(.answered(callID: "SCL_4"))],
      talking + [.referReceived(TransferTests.target)], talking + [.bye(reason: nil)],
    ]
  }()

  static func check(_ stage: inout OutboundStage, _ inputs: @autoclosure () -> [CallInput], _ origin: String) {
    stage.handle(.shutdown)
    stage.advance(CallMachine.closingLimit)
    if stage.violation == nil, stage.records.count == 1, stage.machine.isEnded, stage.runningTimers.isEmpty { return }
    Issue.record(
      "\(origin): \(stage.violation ?? "\(stage.records.count) records, timers \(stage.runningTimers)"); \(inputs())")
  }

  static func begun(_ plan: OutboundCallPlan) -> OutboundStage {
    var stage = OutboundStage(plan: plan)
    stage.begin()
    return stage
  }

  @Test("every pair of inputs in every state keeps the rules and leaves one record")
  func pairs() throws {
    let plan = try Self.plans()[1]
    for prefix in Self.prefixes {
      var begun = Self.begun(plan)
      begun.handle(prefix)
      for first in Self.inputs {
        var further = begun
        further.handle(first)
        for second in Self.inputs {
          var stage = further
          stage.handle(second)
          Self.check(&stage, prefix + [first, second], "pair")
        }
      }
    }
  }

  @Test("long random lives keep the rules and leave one record", arguments: [1, 20_260_801, 0xFEED_F00D] as [UInt64])
  func random(seed: UInt64) throws {
    var generator = RandomSource.seeded(seed)
    var reasons: Set<String> = []
    let plans = try Self.plans()
    for round in 0..<6000 {
      var stage = Self.begun(plans[round % plans.count])
      var inputs = Self.prefixes[Int.random(in: 0..<Self.prefixes.count, using: &generator)]
      stage.handle(inputs)
      var request: TransferRequest.ID = 0
      for _ in 0..<Int.random(in: 0..<20, using: &generator) {
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: stage.advance(.milliseconds(Int.random(in: 1...15_000, using: &generator)))
        case 1: stage.handle(CallMachineRandomTests.transfer(&request))
        default:
          let input = Self.inputs[Int.random(in: 0..<Self.inputs.count, using: &generator)]
          inputs.append(input)
          stage.handle(input)
        }
      }
      Self.check(&stage, inputs, "seed \(seed)")
      if let record = stage.records.first { reasons.insert(record.endReason.code) }
    }
    #expect(reasons.count > 12, "the sequences reach too few ends: \(reasons.sorted())")
  }
}
