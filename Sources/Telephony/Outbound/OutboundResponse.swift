/// A response to an INVITE of ours.
public struct OutboundResponse: Hashable, Sendable {
  public var status: SIPStatus
  public var headers: [CallFacts.Header]
  /// The callee's tag. Empty in responses without one.
  public var toTag: String
  public var hasSDP: Bool

  public init(_ status: SIPStatus, headers: [CallFacts.Header] = [], toTag: String = "", hasSDP: Bool = false) {
    self.status = status
    self.headers = headers
    self.toTag = toTag
    self.hasSDP = hasSDP
  }
}
