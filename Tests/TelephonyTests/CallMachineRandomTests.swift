import Base
import Testing

@testable import Telephony

@Suite("Any sequence of inputs")
struct CallMachineRandomTests {
  static let inputs: [CallInput] =
    [
      .dispatched(.accept(CallStage.dispatch())), .dispatched(.requestPIN(CallStage.pinRequest())),
      .dispatched(.refuse(Refusal(.noRule))), .mediaOpened, .mediaFailed(.failed("x")),
      .roomJoined(CallMachineTests.nobody), .roomJoined(CallMachineTests.agentSpeaks), .joinFailed(.roomFull),
      .roomChanged(CallMachineTests.nobody), .roomChanged(CallMachineTests.agentSilent),
      .roomChanged(CallMachineTests.agentSpeaks), .acknowledged(hasSDP: true), .acknowledged(hasSDP: false), .cancelled,
      .bye(reason: nil), .bye(reason: "x"), .renegotiated(isOnHold: true), .renegotiated(isOnHold: false),
      .renegotiationFailed(.sdpError("x")), .terminated("x"), .transportFailed("x"), .phoneMediaStarted,
      .phoneMediaTimedOut, .digit("1"), .digit("#"), .participantRemoved, .roomDeleted, .endRequested(), .shutdown,
      .mediaClosed(CallMedia()), .reinvited, .agentAwaited(AwaitedAgent(sentence: "x", isNamed: true, isMissing: true)),
      .announcementPlayed, .promptPlayed, .moveRequested(CallStage.dispatch().entry), .replaced(byCallID: "SCL_2"),
      .takesOver(Takeover(callID: "SCL_2", dispatch: CallStage.dispatch())),
    ] + transferInputs + CallTimer.allCases.map { .timerFired($0) }

  static let transferInputs: [CallInput] = [
    .referAnswered(SIPStatus(202, "Accepted"), sequence: 7), .referAnswered(SIPStatus(405, "x"), sequence: 7),
    .referNotified(.status(.ok, id: 7, isFinal: true)),
    .referNotified(.status(SIPStatus(486, "x"), id: nil, isFinal: false)),
    .target(.ringing), .target(.answered(callID: "SCL_2")), .target(.failed(CallError(.aborted, "x"))), .target(.ended),
    .referReceived(TransferTests.target),
  ]

  /// A request of its own, so that each is answered once.
  static func transfer(_ id: inout TransferRequest.ID) -> CallInput {
    id += 1
    return .transferRequested(TransferTests.request(id, to: id % 5 == 0 ? TransferTests.other : TransferTests.target))
  }

  /// Ways to each state, so that short tails reach everything.
  static let prefixes: [[CallInput]] = {
    let policy = TransferPolicy(mode: .bridge, acceptsRefer: true)
    let accept = CallInput.dispatched(.accept(CallStage.dispatch(transfer: policy)))
    let ringing = [accept, .mediaOpened, .roomJoined(CallMachineTests.nobody)]
    let answered = ringing + [.roomChanged(CallMachineTests.agentSpeaks)]
    let talking = answered + [.acknowledged(hasSDP: true)]
    let lonely = [NoAgentPolicy.busy, .announce].map { policy -> [CallInput] in
      [
        .dispatched(.accept(CallStage.dispatch(CallPolicy(noAgent: policy)))), .mediaOpened,
        .agentAwaited(CallMachineAgentTests.missing), .roomJoined(CallMachineTests.nobody),
      ]
    }
    let told = lonely[1] + [.timerFired(.noAgent)]
    let pin: [CallInput] = [.dispatched(.requestPIN(CallStage.pinRequest())), .mediaOpened]
    return lonely + [told, told + [.acknowledged(hasSDP: true)]] + [
      [], [accept], [accept, .mediaOpened], ringing, answered, talking, talking + [.reinvited],
      talking + [.roomChanged(CallMachineTests.nobody)], answered + [.roomDeleted], answered + [.cancelled],
      talking + [.transferRequested(TransferTests.request(900))],
      talking + [.transferRequested(TransferTests.request(900)), .referAnswered(SIPStatus(202, "x"), sequence: 7)],
      talking + [.transferRequested(TransferTests.request(900)), .referAnswered(SIPStatus(405, "x"), sequence: 7)],
      talking + [
        .transferRequested(TransferTests.request(900)), .referAnswered(SIPStatus(405, "x"), sequence: 7),
        .target(.answered(callID: "SCL_2")),
      ],
      talking + [.referReceived(TransferTests.target)],
      [.takesOver(Takeover(callID: "SCL_2", dispatch: CallStage.dispatch())), .mediaOpened],
      talking + [.bye(reason: nil)], pin, pin + [.digit("1"), .digit("#")],
      pin + [.digit("#"), .dispatched(.refuse(Refusal(.noRule)))], pin + [.digit("#"), accept],
    ]
  }()

  /// Ends whatever is left; the last inputs are ones that always come.
  static func finish(_ stage: inout CallStage) {
    stage.handle(.shutdown, .acknowledged(hasSDP: false))
    stage.advance(CallMachine.closingLimit)
  }

  static func check(_ stage: CallStage, _ inputs: @autoclosure () -> [CallInput], _ origin: String) {
    if stage.violation == nil, stage.records.count == 1, stage.machine.isEnded, stage.runningTimers.isEmpty { return }
    Issue.record(
      "\(origin): \(stage.violation ?? "\(stage.records.count) records, timers \(stage.runningTimers)"); \(inputs())")
  }

  @Test("every pair of inputs in every state keeps the rules and leaves one record", arguments: [true, false])
  func pairs(hasOffer: Bool) {
    // Without an offer the call differs up to the ACK alone.
    for prefix in hasOffer ? Self.prefixes[...] : Self.prefixes.prefix(7) {
      var begun = CallStage(hasOffer: hasOffer)
      _ = begun.handle(prefix)
      for first in Self.inputs {
        var further = begun
        further.handle(first)
        for second in Self.inputs {
          var stage = further
          stage.handle(second)
          Self.finish(&stage)
          Self.check(stage, prefix + [first, second], "offer \(hasOffer)")
        }
      }
    }
  }

  @Test("long random lives keep the rules and leave one record", arguments: [1, 20_260_801, 0xFEED_F00D] as [UInt64])
  func random(seed: UInt64) {
    var generator = RandomSource.seeded(seed)
    var reasons: Set<String> = []
    for _ in 0..<2000 {
      var stage = CallStage(hasOffer: Bool.random(using: &generator))
      var inputs = Self.prefixes[Int.random(in: 0..<Self.prefixes.count, using: &generator)]
      _ = stage.handle(inputs)
      var request: TransferRequest.ID = 0
      for _ in 0..<Int.random(in: 0..<25, using: &generator) {
        if Int.random(in: 0..<4, using: &generator) == 0 {
          stage.advance(.milliseconds(Int.random(in: 1...15_000, using: &generator)))
        } else {
          // Ends are rare in life too; without this few sequences would get far.
          let isMild = Int.random(in: 0..<4, using: &generator) > 0
          let choice = isMild ? Self.mildInputs : Self.inputs
          let input = choice[Int.random(in: 0..<choice.count, using: &generator)]
          inputs.append(input)
          stage.handle(input)
          if Int.random(in: 0..<8, using: &generator) == 0 { stage.handle(Self.transfer(&request)) }
        }
      }
      Self.finish(&stage)
      Self.check(stage, inputs, "seed \(seed)")
      if let record = stage.records.first { reasons.insert(record.endReason.code) }
    }
    #expect(reasons.count > 15, "the sequences reach too few ends: \(reasons.sorted())")
  }

  static let mildInputs: [CallInput] = [
    .mediaOpened, .roomJoined(CallMachineTests.nobody), .roomChanged(CallMachineTests.agentSilent),
    .roomChanged(CallMachineTests.agentSpeaks), .roomChanged(CallMachineTests.nobody), .acknowledged(hasSDP: true),
    .reinvited, .renegotiated(isOnHold: false), .phoneMediaStarted, .digit("1"), .digit("#"), .cancelled,
    .dispatched(.accept(CallStage.dispatch())),
  ]
}
