/// The dialog that a call takes the place of (RFC 3891 §6.1): tags are seen from whoever is asked to give it up.
public struct ReplacesHeader: Hashable, Sendable, CustomStringConvertible {
  /// Longest value that is read.
  static let lengthLimit = 1024

  public var callID: String
  public var toTag: String
  public var fromTag: String
  /// Only while the dialog rings.
  public var isEarlyOnly: Bool

  public init(callID: String, toTag: String, fromTag: String, isEarlyOnly: Bool = false) {
    self.callID = callID
    self.toTag = toTag
    self.fromTag = fromTag
    self.isEarlyOnly = isEarlyOnly
  }

  /// Nil unless it has a Call-ID and both tags, each once.
  public init?(_ value: String) {
    guard value.utf8.count <= Self.lengthLimit else { return nil }
    let items = value.split(separator: ";", omittingEmptySubsequences: false).map(\.trimmingBlanks)
    let callID = items[0]
    guard !callID.isEmpty, Self.isWord(callID) else { return nil }
    var tags: [String: String] = [:]
    var isEarlyOnly = false
    for item in items.dropFirst() {
      let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(\.trimmingBlanks)
      let name = parts[0].lowercased()
      if name == "early-only" { isEarlyOnly = true }
      guard name == "to-tag" || name == "from-tag" else { continue }
      guard parts.count == 2, !parts[1].isEmpty, HeaderSyntax.isName(String(parts[1])), tags[name] == nil else {
        return nil
      }
      tags[name] = String(parts[1])
    }
    guard let toTag = tags["to-tag"], let fromTag = tags["from-tag"] else { return nil }
    self.init(callID: String(callID), toTag: toTag, fromTag: fromTag, isEarlyOnly: isEarlyOnly)
  }

  public var description: String {
    "\(callID);to-tag=\(toTag);from-tag=\(fromTag)" + (isEarlyOnly ? ";early-only" : "")
  }

  /// `callid` (RFC 3261 §25.1), whose words hold no white space, comma or semicolon.
  private static func isWord(_ text: Substring) -> Bool {
    text.utf8.allSatisfy { byte in byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: ",") }
  }
}
