import Base
import LiveKitProtocol
import SwiftProtobuf
import Telephony

/// What is known of a running call, for people and programs that ask.
struct CallSummary: Sendable {
  let callID: String
  let sipCallID: String
  let direction: CallDirection
  let from: String
  let to: String
  /// `203.0.113.7:5060`, or the name that is dialled.
  let peer: String
  let startedAtUnixMilliseconds: Int64
  var trunkID: String
  var trunkName: String
  var ruleID = ""
  var ruleName = ""
  var roomName = ""
  var identity = ""
  var participantSID = ""
  var status: CallStatus?
  var isOnHold = false
  var isTransferring = false
  var isEnding = false
  var hasRung = false
  var answeredAtUnixMilliseconds: Int64?
  var codec = ""
  /// What keeps it ringing. Empty: nothing does.
  var waitsFor = ""

  init(_ facts: CallFacts, trunk: InboundTrunk?, source: Endpoint, startedAtUnixMilliseconds: Int64) {
    callID = facts.callID
    sipCallID = facts.sipCallID
    direction = .inbound
    from = facts.fromUser
    to = facts.toUser
    peer = source.description
    trunkID = trunk?.id ?? ""
    trunkName = trunk?.label ?? ""
    self.startedAtUnixMilliseconds = startedAtUnixMilliseconds
  }

  init(_ plan: OutboundCallPlan, startedAtUnixMilliseconds: Int64) {
    callID = plan.callID
    sipCallID = plan.sipCallID
    direction = .outbound
    from = plan.number
    to = plan.callTo
    peer = plan.invite.target.description
    trunkID = plan.trunkID
    trunkName = plan.trunkLabel
    self.startedAtUnixMilliseconds = startedAtUnixMilliseconds
  }

  private var state: Trunkline_CallState {
    if isEnding { return .ending }
    if isTransferring { return .transferring }
    if isOnHold { return .onHold }
    return switch status {
    case .dialing: .dialing
    case .ringing: .ringing
    case .active, .automation: .active
    case .hangup: .ending
    default: direction == .inbound ? .ringing : .dialing
    }
  }

  var message: Trunkline_Call {
    var call = Trunkline_Call()
    call.callID = callID
    call.sipCallID = sipCallID
    call.direction = direction == .inbound ? .scdInbound : .scdOutbound
    call.state = state
    call.from = from
    call.to = to
    call.peer = peer
    call.trunkID = trunkID
    call.trunkName = trunkName
    call.ruleID = ruleID
    call.ruleName = ruleName
    call.roomName = roomName
    call.participantIdentity = identity
    call.startedAt = Google_Protobuf_Timestamp(unixMilliseconds: startedAtUnixMilliseconds)
    if let answeredAtUnixMilliseconds {
      call.answeredAt = Google_Protobuf_Timestamp(unixMilliseconds: answeredAtUnixMilliseconds)
    }
    call.codec = codec
    call.waitsFor = waitsFor
    return call
  }

  /// What webhooks tell of it.
  var info: Livekit_SIPCallInfo {
    var info = Livekit_SIPCallInfo()
    info.callID = callID
    info.trunkID = trunkID
    info.dispatchRuleID = ruleID
    info.roomName = roomName
    info.participantIdentity = identity
    info.callDirection = direction == .inbound ? .scdInbound : .scdOutbound
    info.createdAtNs = startedAtUnixMilliseconds * 1_000_000
    info.startedAtNs = (answeredAtUnixMilliseconds ?? 0) * 1_000_000
    info.callStatus =
      isEnding ? .scsDisconnected : answeredAtUnixMilliseconds == nil ? .scsParticipantJoined : .scsActive
    return info
  }
}

extension Google_Protobuf_Timestamp {
  init(unixMilliseconds: Int64) {
    self.init(seconds: unixMilliseconds / 1000, nanos: Int32(unixMilliseconds % 1000) * 1_000_000)
  }
}
