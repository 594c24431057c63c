import Telephony

/// An explanation as a page for people.
struct ExplanationText {
  let explanation: Explanation
  /// Strangers get no answer (`hide_inbound_port`).
  let isSilent: Bool
  /// The trunks and rules that were looked at are all known; a cluster names only those that were chosen.
  let showsAll: Bool

  init(_ explanation: Explanation, isSilent: Bool, showsAll: Bool = true) {
    self.explanation = explanation
    self.isSilent = isSilent
    self.showsAll = showsAll
  }

  var text: String {
    let source = explanation.source.map { ", from \($0)" } ?? ""
    var lines = ["Call of \(explanation.from) to \(explanation.to)\(source)", "", "Trunks"]
    let none = showsAll ? "none is configured" : "the cluster names none"
    lines += table(explanation.trunks, none: none)
    lines.append("Rules")
    lines += table(explanation.rules, none: none)
    lines += ["", (explanation.isAccepted ? "Accepted: " : "Refused: ") + explanation.sentence]
    lines.append("  SIP status   " + status)
    if let room = explanation.roomName { lines.append("  Room         " + room) }
    if let identity = explanation.identity { lines.append("  Identity     " + identity) }
    if let reason = explanation.reason { lines.append("  Reason       " + reason) }
    return lines.joined(separator: "\n")
  }

  private var status: String {
    if isSilent, explanation.reason == RefusalReason.noTrunk.rawValue {
      return "none: strangers get no answer (hide_inbound_port)"
    }
    let final = "\(explanation.sipStatus) \(explanation.sipPhrase)"
    return explanation.requiresDigest
      ? "407 Proxy Authentication Required, then \(final) with the right password" : final
  }

  private func table(_ steps: [Explanation.Step], none: String) -> [String] {
    guard !steps.isEmpty else { return ["  " + none] }
    let results = steps.map(\.result.rawValue.count).max() ?? 0
    let labels = steps.map(\.label.count).max() ?? 0
    return steps.map {
      "  \($0.result.rawValue.padded(to: results))  \($0.label.padded(to: labels))  \($0.sentence)"
    }
  }
}
