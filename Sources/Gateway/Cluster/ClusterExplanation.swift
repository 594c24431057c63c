import API
import Base
import Bus
import Configuration
import LiveKitProtocol
import Logging
import Telephony

extension Gateway {
  /// What the cluster says about calls that there are not, asked over the same bus as for real ones.
  ///
  /// Throws when Redis or a livekit-server cannot be asked.
  public static func explanations(
    of calls: [CallFacts], by settings: ClusterSettings, _ configuration: GatewayConfiguration
  ) async throws(StartError) -> [Explanation] {
    let log = Logger(label: "trunkline") { _ in SwiftLogNoOpLogHandler() }
    let bus: ClusterBus
    do {
      bus = try ClusterBus(settings, log: log)
    } catch {
      throw StartError(description: "redis.tls: \(error)")
    }
    let running = Task { await bus.run() }
    defer { running.cancel() }
    guard await bus.waitUntilReady(atMost: patience) else {
      let reason = await bus.lastFailure
      await bus.close()
      throw StartError(description: "redis: \(reason ?? "no connection within \(patience)")")
    }
    var explanations: [Explanation] = []
    do throws(BusError) {
      for call in calls { explanations.append(try await explanation(of: call, bus, configuration)) }
    } catch {
      await bus.close()
      throw StartError(description: "the cluster did not answer: \(error.message) (\(error.code.rawValue))")
    }
    await bus.close()
    return explanations
  }

  private static let patience: Duration = .seconds(5)

  private static func explanation(
    of call: CallFacts, _ bus: ClusterBus, _ configuration: GatewayConfiguration
  ) async throws(BusError) -> Explanation {
    var call = call
    if call.callID.isEmpty { call.callID = GUID.make(prefix: "SCL_") }
    let facts = Rpc_SIPCall(call)
    var explanation = Explanation(from: call.fromUser, to: call.toUser, source: call.source.map { "\($0)" })
    let authentication: Rpc_GetSIPTrunkAuthenticationResponse
    do throws(BusError) {
      authentication = try await bus.call(.getSIPTrunkAuthentication, Rpc_GetSIPTrunkAuthenticationRequest(facts))
    } catch {
      guard !error.isTransient else { throw error }
      explanation.refuse(Refusal(.severalTrunks, sentence: "livekit-server: \(error.message)"))
      return explanation
    }
    let trunk: InboundTrunk?
    switch authentication.admission(acceptsUnmatched: configuration.dispatch.acceptUnmatchedTrunk) {
    case .refuse(let refusal):
      explanation.refuse(refusal)
      return explanation
    case .unmatched: trunk = nil
    case .trunk(let found):
      trunk = found
      explanation.trunks = [.chosen(found.id, found.label, "livekit-server names it")]
      explanation.requiresDigest = found.requiresDigest
    }
    var request = Rpc_EvaluateSIPDispatchRulesRequest(facts)
    request.sipTrunkID = trunk?.id ?? ""
    do throws(BusError) {
      let response: Rpc_EvaluateSIPDispatchRulesResponse = try await bus.call(.evaluateSIPDispatchRules, request)
      let outcome = ClusterDispatch(
        response, call: call, trunk: trunk, configuration.dispatch, PhoneCapabilities(configuration)
      ).outcome
      explanation.conclude(outcome)
    } catch {
      guard !error.isTransient else { throw error }
      explanation.refuse(Refusal(.conflictingRules, sentence: "livekit-server: \(error.message)"))
    }
    return explanation
  }
}

extension Explanation {
  fileprivate mutating func conclude(_ outcome: DispatchOutcome) {
    switch outcome {
    case .refuse(let refusal): refuse(refusal)
    case .requestPIN(let request):
      requiresPIN = true
      rules = [.chosen(request.ruleID, request.ruleLabel, "takes the call after it has asked for the PIN")]
      sentence = "rule \(request.ruleLabel) takes the call after it has asked for the PIN"
    case .accept(let dispatch):
      rules = [.chosen(dispatch.ruleID, dispatch.ruleLabel, "takes the call")]
      roomName = dispatch.roomName
      identity = dispatch.participant.identity
      let trunk = dispatch.trunkLabel.isEmpty ? "no trunk" : "trunk \(dispatch.trunkLabel)"
      sentence = "\(trunk) and rule \(dispatch.ruleLabel) take the call into room \(dispatch.roomName)"
    }
  }
}
