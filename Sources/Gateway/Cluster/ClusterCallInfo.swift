import Base
import LiveKitProtocol
import SIP
import Telephony

/// The state of a call as the cluster keeps it.
extension Livekit_SIPCallInfo {
  @SIPActor init(beginning call: Call) {
    self.init()
    let summary = call.summary
    callID = summary.callID
    sipCallID = summary.sipCallID
    trunkID = summary.trunkID
    callDirection = summary.direction == .inbound ? .scdInbound : .scdOutbound
    callStatus = summary.direction == .inbound ? .scsCallIncoming : .scsParticipantJoined
    createdAtNs = summary.startedAtUnixMilliseconds * 1_000_000
    if let invite = call.invite {
      fromUri = Livekit_SIPUri(invite.from.uri, invite.transport)
      fromUri.ip = "\(invite.source.address)"
      toUri = Livekit_SIPUri(invite.to.uri, invite.transport)
    } else {
      fromUri.user = summary.from
      (toUri.user, toUri.host) = (summary.to, summary.peer)
    }
    if let trunk = call.trunk, !trunk.id.isEmpty {
      providerInfo.id = trunk.id
      providerInfo.name = trunk.name
      providerInfo.type = .external
      providerInfo.preventTransfer = trunk.transfer.isPrevented
    }
  }

  /// What the room and the answer have made known.
  mutating func update(_ summary: CallSummary, _ attributes: [String: String]) {
    trunkID = summary.trunkID
    dispatchRuleID = summary.ruleID
    roomName = summary.roomName
    participantIdentity = summary.identity
    participantAttributes = attributes
    audioCodec = summary.codec
    if let answeredAt = summary.answeredAtUnixMilliseconds {
      startedAtNs = answeredAt * 1_000_000
      callStatus = .scsActive
    }
  }

  mutating func end(_ record: CallRecord) {
    let isFault = record.endReason.isFault
    callStatus = isFault ? .scsError : .scsDisconnected
    if isFault { error = record.sentence }
    endedAtNs = (record.receivedAtUnixMilliseconds + record.endedAfter.wholeMilliseconds) * 1_000_000
    disconnectReason = Livekit_DisconnectReason(rawValue: record.endReason.disconnectReason.rawValue) ?? .unknownReason
    if let status = record.sipStatus { callStatusCode = Livekit_SIPStatus(status) }
    if record.krispEnabled { enabledFeatures = [.krispEnabled] }
  }
}

extension Livekit_SIPTransferInfo {
  init(_ request: TransferRequest, of callID: String) {
    self.init()
    transferID = request.transferID
    self.callID = callID
    transferTo = "\(request.target)"
    transferInitiatedAtNs = Int64(WallClock.now() * 1e9)
    transferStatus = .stsTransferOngoing
  }

  init(_ result: TransferResult, of callID: String) {
    self.init()
    transferID = result.transferID
    self.callID = callID
    transferCompletedAtNs = Int64(WallClock.now() * 1e9)
    transferStatus = result.isSuccess ? .stsTransferSuccessful : .stsTransferFailed
    error = result.error?.message ?? ""
    reason = Livekit_SIPTransferReason(rawValue: result.reason.rawValue) ?? .strUnspecified
    if let status = result.sipStatus { transferStatusCode = Livekit_SIPStatus(status) }
  }
}
