/// One thing in trunks and rules that cannot be meant so. Says which two things it is between, and under which key.
public struct LintFinding: Hashable, Sendable {
  public enum Severity: String, Hashable, Sendable {
    /// Refused at start.
    case error
    case warning
  }

  public enum Kind: String, Hashable, Sendable, CaseIterable {
    case duplicateID = "duplicate-id"
    case openTrunk = "open-trunk"
    case overlappingTrunks = "overlapping-trunks"
    case missingTrunk = "missing-trunk"
    case ambiguousTrunk = "ambiguous-trunk"
    case conflictingRules = "conflicting-rules"
    /// No call of the rule's trunks has numbers that the rule takes.
    case emptyIntersection = "empty-intersection"
    /// Another rule goes before it for every call.
    case shadowedRule = "shadowed-rule"
    /// `inbound_numbers` are callers' numbers; a called number was written there.
    case calledNumberAsCaller = "called-number-as-caller"
    /// A call out that names only this number finds two trunks.
    case sharedNumber = "shared-number"
    case missingList = "missing-list"
    /// Every destination that is allowed is denied too.
    case noDestination = "no-destination"
    /// Targets of transfers cannot be dialled: there is no, or more than one, outbound trunk to choose.
    case noTransferTrunk = "no-transfer-trunk"
  }

  /// A trunk or rule by its place in the arrays that were checked.
  public enum Subject: Hashable, Sendable {
    case trunk(Int)
    case rule(Int)
    case outboundTrunk(Int)
  }

  public var severity: Severity
  public var kind: Kind
  /// Where the finding is reported.
  public var subject: Subject
  public var other: Subject?
  /// Key of `subject` that must change: `numbers`.
  public var key: String
  /// The key's value, or the entry of it that matters.
  public var value: String
  /// What is wrong, with the labels of both things.
  public var sentence: String
}
