import Base
import SIP
import Telephony

/// Who knows which calls are let in and where they go: this gateway's own trunks and rules, or those of a cluster.
protocol CallDirectory: Sendable {
  /// What holds for the next call.
  var current: any CallRules { get }
}

/// What holds for one call, whatever changes while it lasts.
protocol CallRules: Sendable {
  /// Answers come in a later turn.
  var takesTime: Bool { get }
  /// Whether some trunk lists the source, so that it is no stranger.
  func isKnown(_ source: IPAddress) -> Bool
  /// The first step: the call's trunk. `answer` is called once, at once or in a later turn.
  @SIPActor func admit(_ call: CallArrival, answer: @escaping @SIPActor (Dispatcher.Admission) -> Void)
  /// The second step, after digest, and again for each PIN. `answer` is called once, at once or in a later turn.
  @SIPActor func dispatch(
    _ call: CallArrival, trunk: InboundTrunk?, pin: PINEntry, answer: @escaping @SIPActor (DispatchOutcome) -> Void)
  /// Whether the trunk's calls may be spoken for from this address, beside the one that the INVITE came from.
  func allows(_ source: IPAddress, by trunk: InboundTrunk) -> Bool
  /// For calls that the gateway places to carry out a transfer.
  var planner: OutboundPlanner { get }
}

/// An INVITE that wants to become a call.
struct CallArrival: Sendable {
  let invite: IncomingInvite
  let facts: CallFacts
}

extension TrunkDirectory: CallDirectory {
  var current: any CallRules { snapshot }
}

extension TrunkDirectory.Snapshot: CallRules {
  var takesTime: Bool { false }

  func isKnown(_ source: IPAddress) -> Bool { addresses.lists(source, in: dispatcher.trunks) }

  func admit(_ call: CallArrival, answer: @escaping @SIPActor (Dispatcher.Admission) -> Void) {
    answer(dispatcher.admit(call.facts, addresses: addresses))
  }

  func dispatch(
    _ call: CallArrival, trunk: InboundTrunk?, pin: PINEntry, answer: @escaping @SIPActor (DispatchOutcome) -> Void
  ) {
    var generator = SystemRandomNumberGenerator()
    answer(dispatcher.dispatch(call.facts, trunk: trunk, pin: pin, using: &generator))
  }

  func allows(_ source: IPAddress, by trunk: InboundTrunk) -> Bool {
    trunk.allowedAddresses.contains { addresses.matches($0, source) }
  }
}
