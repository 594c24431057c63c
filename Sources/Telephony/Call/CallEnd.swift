/// The end of a call, as it is decided.
struct CallEnd: Hashable, Sendable {
  var reason: EndReason
  /// What a caller gets whose call is not answered; an answered one gets BYE.
  var refusal: Refusal?
  /// The final response that someone else has sent already.
  var status: SIPStatus?
  /// Instead of the reason's sentence.
  var detail: String?
  /// The peer knows of the end, or cannot be told.
  var isGone: Bool
  /// The peer hung up.
  var isByPhone: Bool
  /// Of the BYE.
  var headers: [CallFacts.Header]

  init(
    _ reason: EndReason, refusal: Refusal? = nil, status: SIPStatus? = nil, detail: String? = nil,
    isGone: Bool = false, isByPhone: Bool = false, headers: [CallFacts.Header] = []
  ) {
    self.reason = reason
    self.refusal = refusal
    self.status = status
    self.detail = detail
    self.isGone = isGone
    self.isByPhone = isByPhone
    self.headers = headers
  }
}

/// What an input leads to: the call goes on, or it ends.
enum CallStep: Sendable {
  case act([CallAction])
  /// After these actions.
  case end(CallEnd, [CallAction] = [])
}
