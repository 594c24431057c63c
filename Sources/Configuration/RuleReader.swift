import Telephony

/// Reads `dispatch_rules`, whose items are LiveKit's `SIPDispatchRuleInfo` in protojson.
struct RuleReader {
  func read(_ root: Section) -> [Placed<DispatchRule>] {
    root.items("dispatch_rules", wrapper: "dispatch_rule") { section, _ in
      rule(section).map { Placed(value: $0, section: section) }
    }
  }

  private func rule(_ section: Section) -> DispatchRule? {
    let kind = section.section("rule", kind)
    var rule = DispatchRule(id: "", kind: kind ?? .direct(roomName: ""))
    section.read("name", into: &rule.name, .text)
    rule.trunkIDs = section.list("trunk_ids", of: .nonEmptyText) ?? []
    rule.numbers = section.list("numbers", of: .number) ?? []
    rule.inboundNumbers = section.list("inbound_numbers", of: .number) ?? []
    section.read("hide_phone_number", into: &rule.hidePhoneNumber, .bool)
    section.read("metadata", into: &rule.metadata, .text)
    rule.attributes = (section.pairs("attributes", of: .text) ?? []).dictionary
    section.unavailable("room_preset", "write its values into `room_config`")
    rule.roomConfiguration = RoomConfigurationReader.read(section)
    section.read("krisp_enabled", into: &rule.krispEnabled, .bool)
    rule.media = MediaOptionsReader.read(section)
    rule.call = CallOverridesReader.read(section)
    NoAgentReader(section).write(to: &rule.call)
    rule.call.prompts = PromptReader(section).sounds
    rule.id = section.value("sip_dispatch_rule_id", .nonEmptyText) ?? StableID.make("SDR_", identity(rule))
    section.ignored("created_at")
    section.ignored("updated_at")
    return kind == nil ? nil : rule
  }

  /// Exactly one of the three members of the oneof.
  private func kind(_ section: Section) -> DispatchRule.Kind? {
    let direct = section.section("dispatch_rule_direct") { member -> DispatchRule.Kind in
      .direct(
        roomName: member.value("room_name", .nonEmptyText) ?? member.requires("room_name"), pin: pin(member))
    }
    let individual = section.section("dispatch_rule_individual") { member -> DispatchRule.Kind in
      .individual(
        roomPrefix: member.value("room_prefix", .text) ?? "", pin: pin(member),
        noRandomness: member.value("no_randomness", .bool) ?? false)
    }
    let callee = section.section("dispatch_rule_callee") { member -> DispatchRule.Kind in
      .callee(
        roomPrefix: member.value("room_prefix", .text) ?? "", pin: pin(member),
        randomize: member.value("randomize", .bool) ?? false)
    }
    let given = [
      ("dispatch_rule_direct", direct), ("dispatch_rule_individual", individual), ("dispatch_rule_callee", callee),
    ].filter { section.isGiven($0.0) }
    guard given.count == 1 else {
      section.reading.refuse(
        section.path, line: section.line,
        "expected one of dispatchRuleDirect, dispatchRuleIndividual and dispatchRuleCallee")
      return nil
    }
    if case .direct = given[0].1, !section.has("dispatch_rule_direct") {
      section.refuse("dispatch_rule_direct", "expected `room_name` in it")
    }
    return given[0].1
  }

  /// What callers key in before `#`.
  private func pin(_ member: Section) -> String { member.value("pin", Self.pinFormat, isSecret: true) ?? "" }

  private static let pinFormat = ValueFormat<String>("expected 1 to \(CallMachine.pinDigitLimit) digits, or nothing") {
    (text: String) in
    let isPIN = text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return isPIN && text.utf8.count <= CallMachine.pinDigitLimit ? text : nil
  }

  private func identity(_ rule: DispatchRule) -> String {
    guard rule.name.isEmpty else { return rule.name }
    let kind =
      switch rule.kind {
      case .direct(let room, _): "direct \(room)"
      case .individual(let prefix, _, _): "individual \(prefix)"
      case .callee(let prefix, _, _): "callee \(prefix)"
      }
    // Not the PIN itself, which an id must not give away.
    return
      ([kind] + (rule.pin.isEmpty ? [] : ["with a PIN"]) + rule.trunkIDs + rule.numbers.map(\.body)
      + rule.inboundNumbers.map(\.body))
      .joined(separator: " ")
  }
}
