import API
import Base
import Bus
import LiveKitProtocol
import SIP
import Telephony

/// Trunks and rules of a LiveKit cluster: every call is asked about over its bus (`IOInfo`).
struct ClusterDirectory: CallDirectory, CallRules {
  let bus: ClusterBus
  let options: DispatchOptions
  let outboundOptions: OutboundOptions
  let capabilities: PhoneCapabilities
  let metrics: CallMetrics

  var current: any CallRules { self }
  var takesTime: Bool { true }

  /// The cluster lists no addresses to us: everyone may be a stranger.
  func isKnown(_ source: IPAddress) -> Bool { false }

  func allows(_ source: IPAddress, by trunk: InboundTrunk) -> Bool { false }

  /// The cluster's trunks come with each call that it wants placed, so there are none to dial a transfer's target on.
  var planner: OutboundPlanner { OutboundPlanner(trunks: [], options: outboundOptions) }

  // MARK: The first step

  func admit(_ call: CallArrival, answer: @escaping @SIPActor (Dispatcher.Admission) -> Void) {
    guard bus.isReady else { return answer(.refuse(Refusal(.clusterUnavailable))) }
    Task { @SIPActor in answer(await admission(of: call)) }
  }

  private func admission(of call: CallArrival) async -> Dispatcher.Admission {
    let started = StageTimer()
    do throws(BusError) {
      let response: Rpc_GetSIPTrunkAuthenticationResponse = try await bus.call(
        .getSIPTrunkAuthentication, Rpc_GetSIPTrunkAuthenticationRequest(Rpc_SIPCall(call)))
      metrics.stage("get-auth", .inbound, started)
      return response.admission(acceptsUnmatched: options.acceptUnmatchedTrunk)
    } catch {
      return .refuse(Self.refusal(error, several: .severalTrunks))
    }
  }

  // MARK: The second step

  func dispatch(
    _ call: CallArrival, trunk: InboundTrunk?, pin: PINEntry, answer: @escaping @SIPActor (DispatchOutcome) -> Void
  ) {
    guard bus.isReady else { return answer(.refuse(Refusal(.clusterUnavailable))) }
    Task { @SIPActor in answer(await outcome(of: call, trunk, pin)) }
  }

  private func outcome(of call: CallArrival, _ trunk: InboundTrunk?, _ pin: PINEntry) async -> DispatchOutcome {
    let started = StageTimer()
    var request = Rpc_EvaluateSIPDispatchRulesRequest(Rpc_SIPCall(call))
    request.sipTrunkID = trunk?.id ?? ""
    switch pin {
    case .notAsked: break
    case .skipped: request.noPin = true
    case .entered(let digits): request.pin = digits
    }
    do throws(BusError) {
      let response: Rpc_EvaluateSIPDispatchRulesResponse = try await bus.call(.evaluateSIPDispatchRules, request)
      metrics.stage("eval-dispatch", .inbound, started)
      return ClusterDispatch(response, call: call.facts, trunk: trunk, options, capabilities).outcome
    } catch {
      return .refuse(Self.refusal(error, several: .conflictingRules))
    }
  }

  /// - Parameter several: what it means that the cluster cannot decide.
  private static func refusal(_ error: BusError, several: RefusalReason) -> Refusal {
    switch error.code {
    case .failedPrecondition, .invalidArgument: Refusal(several, sentence: error.message)
    default:
      Refusal(
        .clusterUnavailable, sentence: "\(RefusalReason.clusterUnavailable.sentence): \(error.message)")
    }
  }
}
