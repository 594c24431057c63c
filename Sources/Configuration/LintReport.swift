import Telephony

/// A trunk or a rule and where it stands in the file.
struct Placed<Value> {
  let value: Value
  let section: Section
}

/// Turns what `ConfigurationLint` and `OutboundLint` find into problems with file and line.
struct LintReport {
  let trunks: [Placed<InboundTrunk>]
  let rules: [Placed<DispatchRule>]
  let outboundTrunks: [Placed<OutboundTrunk>]
  let acceptUnmatchedTrunk: Bool
  /// Names of those that were read, or refused where they are named.
  let doNotCallLists: Set<String>

  /// Refuses the errors; returns the warnings.
  func refuseErrors(_ reading: Reading) -> [ConfigurationProblem] {
    let lint = ConfigurationLint(
      trunks: trunks.map(\.value), rules: rules.map(\.value), acceptUnmatchedTrunk: acceptUnmatchedTrunk)
    let outbound = OutboundLint(
      trunks: outboundTrunks.map(\.value), inboundTrunks: trunks.map(\.value), doNotCallLists: doNotCallLists)
    let findings = lint.findings() + outbound.findings()
    reading.add(findings.filter { $0.severity == .error }.map { problem($0, reading) })
    return findings.filter { $0.severity == .warning }.map { problem($0, reading) }
  }

  private func problem(_ finding: LintFinding, _ reading: Reading) -> ConfigurationProblem {
    let section =
      switch finding.subject {
      case .trunk(let index): trunks[index].section
      case .rule(let index): rules[index].section
      case .outboundTrunk(let index): outboundTrunks[index].section
      }
    return ConfigurationProblem(
      source: reading.source, line: section.line(of: finding.key), key: section.path(of: finding.key),
      value: "\"\(finding.value)\"", expected: finding.sentence)
  }
}
