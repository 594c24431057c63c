/// Why a call was taken or refused: each trunk and each rule in the order they are looked at.
public struct Explanation: Hashable, Sendable, Encodable {
  /// What became of one trunk or rule.
  public enum Result: String, Hashable, Sendable, Encodable {
    case chosen
    /// Fits as well as another one, so that neither is taken.
    case conflicting
    /// Fits, but another one goes before it.
    case outranked
    case failed
  }

  public struct Step: Hashable, Sendable, Encodable {
    public var id: String
    public var label: String
    public var result: Result
    /// Key of the first condition that failed: `allowed_addresses`. Nil unless `failed`.
    public var failedKey: String?
    /// One sentence for people.
    public var sentence: String

    public static func chosen(_ id: String, _ label: String, _ sentence: String) -> Step {
      Step(id: id, label: label, result: .chosen, failedKey: nil, sentence: sentence)
    }
  }

  public var from: String
  public var to: String
  public var source: String?
  /// Ascending id.
  public var trunks: [Step]
  public var rules: [Step]
  public var isAccepted: Bool
  /// `RefusalReason.rawValue`; nil when accepted.
  public var reason: String?
  /// The decision in one sentence; for a refusal with the nearest miss.
  public var sentence: String
  /// What the caller gets: 200 once the call is answered, 407 first where the trunk asks for credentials.
  public var sipStatus: Int
  public var sipPhrase: String
  public var requiresDigest: Bool
  public var requiresPIN: Bool
  /// The room's name, with `<12 characters>` where it is random. Nil when refused or before the PIN is known.
  public var roomName: String?
  public var identity: String?
}

extension Explanation {
  /// A call that nothing is known about yet; accepted until it is refused.
  public init(from: String, to: String, source: String?) {
    self.init(
      from: from, to: to, source: source, trunks: [], rules: [], isAccepted: true, reason: nil, sentence: "",
      sipStatus: SIPStatus.ok.code, sipPhrase: SIPStatus.ok.phrase, requiresDigest: false, requiresPIN: false,
      roomName: nil, identity: nil)
  }

  public mutating func refuse(_ refusal: Refusal) {
    isAccepted = false
    reason = refusal.reason.rawValue
    sentence = refusal.sentence
    sipStatus = refusal.status.code
    sipPhrase = refusal.status.phrase
  }
}
