/// A NOTIFY about a REFER of ours (RFC 3515 §2.4.5).
public enum ReferNotification: Hashable, Sendable {
  /// `id` is the REFER's CSeq, when given; `isFinal` when the subscription ended with it.
  case status(SIPStatus, id: UInt32?, isFinal: Bool)
  /// Nothing about a transfer; answered so.
  case refused(SIPStatus)

  /// - Parameters:
  ///   - event: the Event header (compact `o`).
  ///   - subscriptionState: the Subscription-State header.
  ///   - body: `message/sipfrag`.
  public init(event: String?, subscriptionState: String?, body: [UInt8]) {
    self = .refused(SIPStatus(400, "Bad Request"))
  }
}
