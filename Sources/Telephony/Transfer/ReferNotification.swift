/// A NOTIFY about a REFER of ours (RFC 3515 §2.4.5).
public enum ReferNotification: Hashable, Sendable {
  /// `id` is the REFER's CSeq, when given; `isFinal` when the subscription ended with it.
  case status(SIPStatus, id: UInt32?, isFinal: Bool)
  /// Nothing about a transfer; answered so.
  case refused(SIPStatus)

  /// What is read of a body.
  static let lineLimit = 256

  /// - Parameters:
  ///   - event: the Event header (compact `o`).
  ///   - subscriptionState: the Subscription-State header.
  ///   - body: `message/sipfrag`.
  public init(event: String?, subscriptionState: String?, body: [UInt8]) {
    let parts = (event ?? "").split(separator: ";").map(\.trimmingBlanks)
    guard let name = parts.first, !name.isEmpty else {
      self = .refused(SIPStatus(400, "No Event"))
      return
    }
    guard name.lowercased() == "refer" else {
      self = .refused(SIPStatus(501, "Not Implemented"))
      return
    }
    let id = parts.dropFirst().first { $0.lowercased().hasPrefix("id=") }.map { $0.dropFirst(3) }
    let number = id.flatMap { UInt32($0) }
    guard (id == nil) == (number == nil), let status = Self.status(body) else {
      self = .refused(SIPStatus(400, "Bad Body"))
      return
    }
    let state = (subscriptionState ?? "").prefix { $0 != ";" }.trimmingBlanks.lowercased()
    self = .status(status, id: number, isFinal: state == "terminated")
  }

  /// The first line: `SIP/2.0 <code> <reason>`.
  private static func status(_ body: [UInt8]) -> SIPStatus? {
    let line = body.drop { $0 == 0x0D || $0 == 0x0A }.prefix(lineLimit).prefix { $0 != 0x0D && $0 != 0x0A }
    guard let text = String(validating: line, as: UTF8.self) else { return nil }
    let parts = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count >= 2, parts[0].uppercased() == "SIP/2.0", parts[1].utf8.count == 3,
      let code = UInt16(parts[1]), (100...699).contains(code)
    else { return nil }
    return SIPStatus(Int(code), parts.count == 3 ? String(parts[2]) : "")
  }
}
