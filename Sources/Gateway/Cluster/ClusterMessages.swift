import API
import Base
import LiveKitProtocol
import SIP
import Telephony

extension Rpc_SIPCall {
  init(_ call: CallArrival) {
    let invite = call.invite
    self.init(call.facts)
    address = Livekit_SIPUri(invite.requestURI, invite.transport)
    from = Livekit_SIPUri(invite.from.uri, invite.transport)
    to = Livekit_SIPUri(invite.to.uri, invite.transport)
    via = invite.via.map { Livekit_SIPUri($0) }
  }

  /// As far as matching goes: what is known of a call that there is not.
  init(_ facts: CallFacts) {
    self.init()
    lkCallID = facts.callID
    sipCallID = facts.sipCallID
    sourceIp = facts.source.map { "\($0)" } ?? ""
    (from.user, from.host) = (facts.fromUser, facts.fromHost)
    (to.user, to.host) = (facts.toUser, facts.toHost)
    (address.user, address.host) = (facts.toUser, facts.toHost)
  }
}

extension Rpc_GetSIPTrunkAuthenticationRequest {
  /// Servers read the flat fields too.
  init(_ call: Rpc_SIPCall) {
    self.init()
    self.call = call
    sipCallID = call.lkCallID
    from = call.from.user
    fromHost = call.from.host
    to = call.to.user
    toHost = call.to.host
    srcAddress = call.sourceIp
  }
}

extension Rpc_EvaluateSIPDispatchRulesRequest {
  /// Servers match by the flat fields.
  init(_ call: Rpc_SIPCall) {
    self.init()
    self.call = call
    sipCallID = call.lkCallID
    callingNumber = call.from.user
    callingHost = call.from.host
    calledNumber = call.to.user
    calledHost = call.to.host
    srcAddress = call.sourceIp
  }
}

extension Rpc_GetSIPTrunkAuthenticationResponse {
  func admission(acceptsUnmatched: Bool) -> Dispatcher.Admission {
    switch errorCode {
    case .sipTrunkAuthErrorQuotaExceeded: return .refuse(Refusal(.quotaExceeded))
    case .sipTrunkAuthErrorNoTrunkFound: return .refuse(Refusal(.noTrunk))
    default: break
    }
    if drop { return .refuse(Refusal(.noTrunk, sentence: "the cluster wants nothing said to the caller")) }
    guard !sipTrunkID.isEmpty || !username.isEmpty && !password.isEmpty else {
      return acceptsUnmatched ? .unmatched : .refuse(Refusal(.noTrunk))
    }
    return .trunk(
      InboundTrunk(
        id: sipTrunkID, name: providerInfo.name, authUsername: username, authPassword: password, authRealm: realm,
        transfer: TransferPolicy(isPrevented: providerInfo.preventTransfer)))
  }
}

extension Livekit_SIPUri {
  init(_ uri: SIPURI, _ transport: SIPTransport) {
    self.init()
    user = uri.user
    host = uri.host
    if IPAddress(uri.host) != nil { ip = uri.host }
    port = UInt32(uri.port ?? 0)
    self.transport = transport == .udp ? .udp : .tcp
  }

  init(_ via: SIPVia) {
    self.init()
    host = via.host
    if IPAddress(via.host) != nil { ip = via.host }
    port = UInt32(via.port ?? 0)
    transport =
      switch via.transport {
      case "UDP": .udp
      case "TCP": .tcp
      case "TLS": .tls
      default: .auto
      }
  }
}
