import API
import LiveKitProtocol
import SwiftProtobuf
import Telephony

/// What a cluster's answer about a call comes to.
struct ClusterDispatch {
  let outcome: DispatchOutcome

  init(
    _ response: Rpc_EvaluateSIPDispatchRulesResponse, call: CallFacts, trunk: InboundTrunk?, _ options: DispatchOptions,
    _ capabilities: PhoneCapabilities
  ) {
    do throws(TwirpError) {
      let reading = Reading(response: response, call: call, trunk: trunk, options: options, capabilities: capabilities)
      outcome = try reading.outcome
    } catch {
      // What a phone leg is to be like and cannot be.
      outcome = .refuse(Refusal(.mediaFailed, sentence: "the dispatch rule cannot be carried out: \(error.message)"))
    }
  }
}

private struct Reading {
  let response: Rpc_EvaluateSIPDispatchRulesResponse
  let call: CallFacts
  let trunk: InboundTrunk?
  let options: DispatchOptions
  let capabilities: PhoneCapabilities

  var outcome: DispatchOutcome {
    get throws(TwirpError) {
      switch response.result {
      case .accept: return try acceptance
      case .requestPin: return .requestPIN(try pinRequest)
      case .legacyAcceptOrPin: return response.requestPin ? .requestPIN(try pinRequest) : try acceptance
      // livekit-server says DROP when no rule matches; a caller of ours learns that nobody is here.
      case .reject, .drop, .UNRECOGNIZED: return refusal
      }
    }
  }

  private var refusal: DispatchOutcome {
    let trunk = trunk.map { "trunk \($0.label)" } ?? "no trunk"
    return .refuse(
      Refusal(.noRule, sentence: "the cluster has no dispatch rule for the call (\(trunk), to \(call.toUser))"))
  }

  private var acceptance: DispatchOutcome {
    get throws(TwirpError) {
      guard !response.roomName.isEmpty else { return refusal }
      let (trunkID, trunkLabel) = trunkNames
      return .accept(
        Dispatch(
          trunkID: trunkID, trunkLabel: trunkLabel, ruleID: response.sipDispatchRuleID,
          ruleLabel: response.sipDispatchRuleID, roomName: response.roomName, roomPreset: response.roomPreset,
          roomConfiguration: response.hasRoomConfig ? RoomConfiguration(ofCluster: response.roomConfig) : nil,
          participant: participant, pass: pass, policy: policy, media: try media, headers: response.headers,
          attributesToHeaders: response.attributesToHeaders, krispEnabled: hasKrisp))
    }
  }

  private var pinRequest: PINRequest {
    get throws(TwirpError) {
      let (trunkID, trunkLabel) = trunkNames
      return PINRequest(
        trunkID: trunkID, trunkLabel: trunkLabel, ruleID: response.sipDispatchRuleID,
        ruleLabel: response.sipDispatchRuleID, policy: policy, media: try media, headers: response.headers)
    }
  }

  private var trunkNames: (id: String, label: String) {
    let id = response.sipTrunkID.isEmpty ? trunk?.id ?? "" : response.sipTrunkID
    return (id, trunk?.id == id ? trunk?.label ?? id : id)
  }

  /// The cluster names and describes the participant; what stands in the INVITE is added here.
  private var participant: ParticipantProfile {
    var profile = ParticipantProfile(
      identity: response.participantIdentity, name: response.participantName, metadata: response.participantMetadata,
      attributes: response.participantAttributes)
    profile.attributes[SIPAttribute.callIDFull] = call.sipCallID
    profile.attributes[SIPAttribute.callTag] = call.fromTag
    let mapped = HeaderMapping.attributes(
      from: call.headers, inclusion: (try? HeaderInclusion(response.includeHeaders)) ?? .none,
      mapping: response.headersToAttributes)
    profile.attributes.merge(mapped) { $1 }
    return profile
  }

  private var policy: CallPolicy {
    options.policy.overlaid(
      by: CallOverrides(
        ringingTimeout: response.hasRingingTimeout ? Duration(response.ringingTimeout) : nil,
        maxCallDuration: response.hasMaxCallDuration ? Duration(response.maxCallDuration) : nil))
  }

  private var media: MediaOptions {
    get throws(TwirpError) { try MediaOptions(response.media, legacy: response.mediaEncryption, capabilities) }
  }

  private var hasKrisp: Bool { response.enabledFeatures.contains(.krispEnabled) }

  /// The configuration travels in the token that the room is joined with: its server carries it out.
  private var pass: RoomPass {
    let configuration: [UInt8]? = response.hasRoomConfig ? try? response.roomConfig.serializedBytes() : nil
    return RoomPass(url: response.wsURL, token: response.token, roomConfiguration: configuration ?? [])
  }
}

extension RoomConfiguration {
  /// As far as a call has to know it. Nil: the cluster has longer texts and lists than the API here takes.
  fileprivate init?(ofCluster message: Livekit_RoomConfiguration) {
    var message = message
    message.clearEgress()
    (message.minPlayoutDelay, message.maxPlayoutDelay, message.syncStreams) = (0, 0, false)
    guard let configuration = try? RoomConfiguration(message) else { return nil }
    self = configuration
  }
}
