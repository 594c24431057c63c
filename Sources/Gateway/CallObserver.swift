import SIP
import Telephony

/// What happens to a call, for those who count and report.
enum CallEvent: Sendable {
  /// It has arrived and passed its trunk, or is placed.
  case began
  case rang
  /// It is in its room, or in another one than before.
  case joined
  case answered
  case transferBegan(TransferRequest)
  case transferEnded(TransferResult)
  /// The last event of every call.
  case ended(CallRecord)
}

/// Follows all calls. Called on the SIP thread; nothing may wait there.
protocol CallObserver: Sendable {
  @SIPActor func call(_ call: Call, did event: CallEvent)
}
