import Base
import Logging
import SIP
import Telephony

/// What a call says to its peer, and what the peer says.
extension Call {
  // MARK: What comes in

  func acknowledged(_ body: [UInt8]) {
    answerBody = body
    handle(.acknowledged(hasSDP: !body.isEmpty))
    // The ACK of a later re-INVITE answers an offer of ours too.
    if !isEnded, leg?.awaitsAnswer == true { performMedia(.applyAnswer) }
  }

  func reinvited(_ request: SIPRequest) {
    reinviteBody = request.body
    handle(.reinvited)
  }

  func progressed(_ reply: SIPReply) {
    if !reply.body.isEmpty { answerBody = reply.body }
    if reply.status >= 180 { context.events.callRang(self) }
    handle(.progress(OutboundResponse(reply)))
  }

  func answered(_ reply: SIPReply) {
    if !reply.body.isEmpty { answerBody = reply.body }
    peerHeaders = reply.headers
    handle(.answered(OutboundResponse(reply)))
  }

  func failed(_ reply: SIPReply) { handle(.dialFailed(DialFailure(reply))) }

  /// Whether requests of the dialog may come from there: from where the INVITE came, or from what its trunk lists. The
  /// peer of a call of ours is whoever answered, wherever DNS found it.
  func mayTakePart(_ source: IPAddress) -> Bool {
    guard let invite else { return true }
    return source == invite.source.address || trunk.map { rules.allows(source, by: $0) } == true
  }

  // MARK: What goes out

  func performSignalling(_ action: CallAction) {
    if case .dial(let plan) = action { return dial(plan) }
    if case .reportDialled(let report) = action {
      dialReport?.resume(returning: report)
      dialReport = nil
      return
    }
    guard let inviteID else { return }
    switch action {
    case .ring:
      agent.respond(to: inviteID, with: SIPResponse(180, "Ringing"))
      context.events.callRang(self)
    case .answer:
      agent.respond(to: inviteID, with: SIPResponse(200, "OK", headers: answerHeaders, sdp: leg?.localSDP))
    case .answerReinvite: agent.respond(to: inviteID, with: SIPResponse(200, "OK", sdp: leg?.localSDP))
    case .refuseReinvite(let status, let retryAfterSeconds):
      let headers = retryAfterSeconds.map { [SIPHeader("Retry-After", String($0))] } ?? []
      agent.respond(to: inviteID, with: SIPResponse(status.code, status.phrase, headers: headers))
    case .refuse(let refusal): refuse(refusal, inviteID)
    case .refuseTerminated: agent.respond(to: inviteID, with: SIPResponse(487, "Request Terminated"))
    case .hangUp(let reason, let headers):
      let asked = headers.map { SIPHeader($0.name, $0.value) }
      agent.hangUp(inviteID, reason: "SIP;cause=200;text=\"\(reason)\"", headers: mappedHeaders + asked)
    case .cancelDial: agent.hangUp(inviteID, headers: mappedHeaders)
    default: break
    }
  }

  private func refuse(_ refusal: Refusal, _ inviteID: InviteID) {
    guard let invite else { return }
    log.notice("a call was refused", metadata: ["reason": "\(refusal.reason.rawValue)", "why": "\(refusal.sentence)"])
    agent.respond(
      to: inviteID, with: SIPResponse(refusal, warningHost: invite.local.address, headers: mappedHeaders))
  }

  private func dial(_ plan: OutboundCallPlan) {
    let wanted = plan.invite
    let credentials =
      wanted.username.isEmpty && wanted.password.isEmpty
      ? nil : SIPCredentials(username: wanted.username, password: wanted.password)
    let id = agent.invite(
      OutgoingInvite(
        uri: wanted.requestURI, from: wanted.from, fromTag: plan.callID, callID: plan.sipCallID, to: wanted.to,
        target: wanted.target, transport: wanted.transport, routes: wanted.routes, sdp: leg?.localSDP ?? "",
        headers: wanted.headers.map { SIPHeader($0.name, $0.value) }, credentials: credentials))
    inviteID = id
    controller.dialled(self, as: id)
  }

  /// The trunk's fixed headers, overlaid by attributes that are mapped to headers.
  private var answerHeaders: [SIPHeader] {
    guard case .inbound(let inbound) = machine else { return [] }
    let fixed = (inbound.dispatch?.headers ?? [:]).sorted { $0.key < $1.key }.map { SIPHeader($0.key, $0.value) }
    let mapped = mappedHeaders
    return fixed.filter { header in !mapped.contains { $0.name.lowercased() == header.name.lowercased() } } + mapped
  }

  /// Attributes of the participant as headers; the call keeps them, so they outlive its room.
  var mappedHeaders: [SIPHeader] {
    HeaderMapping.headers(from: attributes, mapping: machine.attributesToHeaders).map { SIPHeader($0.name, $0.value) }
  }
}

extension SIPResponse {
  /// The final response that tells of a refusal: Warning (RFC 3261 §20.43) and Retry-After where they belong.
  init(_ refusal: Refusal, warningHost: IPAddress, headers: [SIPHeader] = []) {
    var headers = headers
    if let warning = refusal.warning {
      let text = warning.filter { $0 != "\"" && $0 != "\\" && !$0.isNewline }
      headers.append(SIPHeader("Warning", "305 \(warningHost) \"\(text)\""))
    }
    if let seconds = refusal.reason.retryAfterSeconds { headers.append(SIPHeader("Retry-After", String(seconds))) }
    self.init(refusal.status.code, refusal.status.phrase, headers: headers)
  }
}

extension OutboundResponse {
  init(_ reply: SIPReply) {
    self.init(
      SIPStatus(reply.status, reply.reasonPhrase), headers: reply.headers.map { CallFacts.Header($0.name, $0.value) },
      toTag: reply.toTag, hasSDP: !reply.body.isEmpty)
  }
}

extension DialFailure {
  /// Headers in which providers say more than the status does.
  private static let hintHeaders = ["Reason", "Warning", "X-Twilio-Error"]

  init(_ reply: SIPReply) {
    switch reply.localFailure {
    case .unresolved: self.init(.unresolved, sentence: "the trunk's host has no address: \(reply.reasonPhrase)")
    case .unreachable: self.init(.unreachable, sentence: "no address of the trunk could be reached")
    case .noResponse: self.init(.requestTimeout, sentence: "the trunk did not answer")
    case .ringingTimeout: self.init(.noAnswer, sentence: "nobody answered in time")
    case .invalid: self.init(.clientError, sentence: "no request could be made: \(reply.reasonPhrase)")
    default:
      let hints = Self.hintHeaders.flatMap { reply.headers.all($0) } + [String(decoding: reply.body, as: UTF8.self)]
      self.init(status: SIPStatus(reply.status, reply.reasonPhrase), hints: hints)
    }
  }
}
