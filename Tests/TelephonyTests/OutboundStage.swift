import Base

@testable import Telephony

typealias OutboundStage = Stage<OutboundCallMachine>

extension Stage where Machine == OutboundCallMachine {
  /// The plan of a plain request, changed.
  static func plan(
    trunk: OutboundTrunk = OutboundPlannerTests.trunk, change: (inout OutboundCallRequest) -> Void = { _ in }
  ) throws -> OutboundCallPlan {
    try OutboundPlannerTests.plan(OutboundPlannerTests.request(change), trunks: [trunk])
  }

  init(plan: OutboundCallPlan) {
    self.init(
      OutboundCallMachine(
        plan: plan, placedAtUnixMilliseconds: 1000, now: MonotonicTime(nanoseconds: 1_000_000_000)))
    if case .takeOver = plan.placement { takesOver() }
  }

  @discardableResult
  mutating func begin() -> [CallAction] { start { $0.start(now: $1) } }

  static func response(
    _ code: Int, headers: [CallFacts.Header] = [], hasSDP: Bool = false
  ) -> OutboundResponse {
    OutboundResponse(SIPStatus(code, "Phrase"), headers: headers, toTag: code > 100 ? "tag" : "", hasSDP: hasSDP)
  }

  /// To the INVITE.
  static let dialling: [CallInput] = [.mediaOpened, .roomJoined(CallMachineTests.nobody)]
  /// To the answered call.
  static var talking: [CallInput] {
    dialling + [
      .progress(response(180)), .answered(response(200, hasSDP: true)), .answerApplied(isOnHold: false),
    ]
  }

  /// The last record, once media is closed and the CANCEL answered.
  static func finish(_ stage: inout OutboundStage) -> CallRecord? {
    stage.handle(.mediaClosed(CallMedia()), .dialFailed(DialFailure(status: .requestTerminated)))
    return stage.records.last
  }
}
