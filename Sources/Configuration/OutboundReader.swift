import Telephony

/// Reads `outbound`, `outbound_trunks` and `outbound_route_headers`.
struct OutboundReader {
  let directory: String?
  /// False: calls are bounded only where the file says so, as a member of a cluster must do.
  let hasLimits: Bool

  func read(_ root: Section) -> (settings: OutboundSettings, trunks: [Placed<OutboundTrunk>]) {
    var settings = OutboundSettings()
    if !hasLimits {
      let boundless = DialQuota(callsPerSecond: 0, concurrentCalls: 0)
      settings.rules = DialRules(trunk: boundless, key: boundless, total: boundless)
    }
    var reader = OutboundTrunkReader(directory: directory)
    let trunks = reader.read(root)
    settings.trunks = trunks.map(\.value)
    settings.rules.doNotCallLists = reader.doNotCallLists
    settings.options.routes = root.list("outbound_route_headers", of: .route) ?? []
    root.section("outbound") { outbound in
      outbound.read("early_media", into: &settings.options.earlyMedia, .bool)
      outbound.read("inline_trunks", into: &settings.options.allowsInlineTrunks, .bool)
      quota(outbound, into: &settings.rules.total)
      outbound.section("per_trunk") { quota($0, into: &settings.rules.trunk) }
      outbound.section("per_key") { quota($0, into: &settings.rules.key) }
    }
    return (settings, trunks)
  }

  private func quota(_ section: Section, into quota: inout DialQuota) {
    section.read("calls_per_second", into: &quota.callsPerSecond, DialPolicyReader.rate)
    section.read("concurrent_calls", into: &quota.concurrentCalls, DialPolicyReader.rate)
  }
}

extension ValueFormat where Value == String {
  /// A Route header's value (RFC 3261 §20.34): `<sip:proxy.example.com;lr>`.
  fileprivate static let route = ValueFormat("expected a route: <sip:proxy.example.com;lr>") { (text: String) in
    let isRoute = text.hasPrefix("<sip:") && text.hasSuffix(">") && HeaderSyntax.isValue(text)
    return isRoute ? text : nil
  }
}
