import Base
import Telephony

/// The state machine of a call in either direction.
enum CallDecisions: Sendable {
  case inbound(CallMachine)
  case outbound(OutboundCallMachine)

  mutating func handle(_ input: CallInput, now: MonotonicTime) -> [CallAction] {
    switch self {
    case .inbound(var machine):
      let actions = machine.handle(input, now: now)
      self = .inbound(machine)
      return actions
    case .outbound(var machine):
      let actions = machine.handle(input, now: now)
      self = .outbound(machine)
      return actions
    }
  }

  var isEnded: Bool {
    switch self {
    case .inbound(let machine): machine.isEnded
    case .outbound(let machine): machine.isEnded
    }
  }

  /// `SCL_…`
  var callID: String {
    switch self {
    case .inbound(let machine): machine.call.callID
    case .outbound(let machine): machine.plan.callID
    }
  }

  /// Why an inbound call is in its room. Nil before its dispatch, and for calls of ours.
  var dispatch: Dispatch? {
    if case .inbound(let machine) = self { machine.dispatch } else { nil }
  }

  /// What another call may take over. Nil: nothing.
  var place: CallPlace? {
    switch self {
    case .inbound(let machine): machine.place
    case .outbound(let machine): machine.place
    }
  }

  /// What is keyed in is a PIN.
  var isEnteringPIN: Bool {
    if case .inbound(let machine) = self { machine.isEnteringPIN } else { false }
  }

  /// Attributes of the participant that become headers of our responses and requests.
  var attributesToHeaders: [String: String] {
    switch self {
    case .inbound: dispatch?.attributesToHeaders ?? [:]
    case .outbound(let machine): machine.plan.attributesToHeaders
    }
  }
}
