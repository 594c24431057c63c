import API
import Base
import LiveKitProtocol
import SIP
import Telephony

/// Tells webhooks and observers what happens to calls. On the SIP thread; nothing here waits.
struct CallEvents: Sendable {
  /// Nil: nobody listens.
  let webhooks: (any WebhookEvents)?
  let redaction: NumberRedaction
  let observers: [any CallObserver]

  @SIPActor private func tell(_ call: Call, _ event: CallEvent) {
    for observer in observers { observer.call(call, did: event) }
  }

  @SIPActor func callStarted(_ call: Call) {
    tell(call, .began)
    post("sip_call_started", call)
  }

  @SIPActor func callJoined(_ call: Call) { tell(call, .joined) }

  /// Once, however often the phone is told, or tells.
  @SIPActor func callRang(_ call: Call) {
    guard !call.summary.hasRung else { return }
    call.summary.hasRung = true
    tell(call, .rang)
    post("sip_call_ringing", call)
  }

  @SIPActor func callAnswered(_ call: Call) {
    tell(call, .answered)
    post("sip_call_answered", call)
  }

  @SIPActor func callEnded(_ call: Call, _ record: CallRecord) {
    tell(call, .ended(record))
    post("sip_call_ended", call) { event in
      event.endReason = record.endReason.code
      event.sipCallInfo.callStatus = record.endReason.isFault ? .scsError : .scsDisconnected
      event.sipCallInfo.endedAtNs =
        (record.receivedAtUnixMilliseconds + record.endedAfter.wholeMilliseconds) * 1_000_000
      if let status = record.sipStatus { event.sipCallInfo.callStatusCode = Livekit_SIPStatus(status) }
      if record.endReason.isFault {
        event.sipCallInfo.error = redaction.redact(record.sentence, numbers: [record.fromUser, record.toUser])
      }
    }
  }

  @SIPActor func digitReceived(_ call: Call, _ character: Character) {
    guard let digit = DTMFDigit(character) else { return }
    post("sip_dtmf_received", call) { event in
      event.sipDtmf.code = digit.code
      event.sipDtmf.digit = digit.text
    }
  }

  @SIPActor func transferBegan(_ call: Call, _ request: TransferRequest) { tell(call, .transferBegan(request)) }

  @SIPActor func transferEnded(_ call: Call, _ result: TransferResult) {
    tell(call, .transferEnded(result))
    post("sip_transfer_ended", call) { event in
      event.sipTransferInfo.transferID = result.transferID
      event.sipTransferInfo.callID = call.callID
      event.sipTransferInfo.transferStatus = result.isSuccess ? .stsTransferSuccessful : .stsTransferFailed
      event.sipTransferInfo.error = result.error?.message ?? ""
      event.sipTransferInfo.reason = Livekit_SIPTransferReason(rawValue: result.reason.rawValue) ?? .strUnspecified
      if let status = result.sipStatus { event.sipTransferInfo.transferStatusCode = Livekit_SIPStatus(status) }
    }
  }

  @SIPActor private func post(
    _ name: String, _ call: Call, _ complete: (inout Trunkline_CallEvent) -> Void = { _ in }
  ) {
    guard let webhooks else { return }
    var event = Trunkline_CallEvent()
    event.event = name
    event.sipCallInfo = call.summary.info
    event.sipCallInfo.participantAttributes = call.attributes
    if !call.summary.roomName.isEmpty { event.room.name = call.summary.roomName }
    complete(&event)
    webhooks.post(event)
  }
}

extension Livekit_SIPStatus {
  init(_ status: SIPStatus) {
    self.init()
    code = Livekit_SIPStatusCode(rawValue: status.code) ?? .UNRECOGNIZED(status.code)
    self.status = status.phrase
  }
}

extension EndReason {
  /// Nobody chose this end.
  var isFault: Bool {
    switch self {
    case .hangup, .cancelled, .roomDeleted, .removed, .alone, .endRequested, .maxDuration, .shutdown, .transferred,
      .bridgeEnded, .replaced:
      false
    default: true
    }
  }
}
