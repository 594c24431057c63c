import Base
import Telephony
import Testing

@testable import Configuration

@Suite struct TrunkAndRuleTests {
  @Test("what is fed to lk is read the same in snake case, camel case and with its wrapper")
  func threeSpellings() throws {
    let snake = try load(
      """
      inbound_trunks:
        - {name: t, numbers: ["+15550100"], allowed_numbers: ["+1"], auth_username: u, auth_password: p, include_headers: SIP_X_HEADERS}
      dispatch_rules:
        - name: r
          trunk_ids: [t]
          rule: {dispatch_rule_individual: {room_prefix: call-, no_randomness: true}}
          room_config: {agents: [{agent_name: a, metadata: m}], empty_timeout: 30}
      """)
    let wrapped = try load(
      """
      inbound_trunks: [{"trunk": {"name": "t", "numbers": ["+15550100"], "allowedNumbers": ["+1"],
        "authUsername": "u", "authPassword": "p", "includeHeaders": 1}}]
      dispatch_rules: [{"dispatch_rule": {"name": "r", "trunkIds": ["t"],
        "rule": {"dispatchRuleIndividual": {"roomPrefix": "call-", "noRandomness": true}},
        "roomConfig": {"agents": [{"agentName": "a", "metadata": "m"}], "emptyTimeout": 30}}}]
      """)
    #expect(snake.trunks == wrapped.trunks)
    #expect(snake.rules == wrapped.rules)
    #expect(snake.trunks.first?.includeHeaders == .x)
    #expect(snake.rules.first?.kind == .individual(roomPrefix: "call-", noRandomness: true))
    #expect(snake.rules.first?.roomConfiguration?.agents == [.init(agentName: "a", metadata: "m")])
    #expect(snake.rules.first?.roomConfiguration?.emptyTimeout == .seconds(30))
  }

  @Test("numbers stay text, whatever YAML takes them for")
  func unquotedNumbers() throws {
    let trunks = try load("inbound_trunks: [{name: t, numbers: [+15550100, 0049301234, 1e5]}]").trunks
    #expect(trunks.first?.numbers.map(\.text) == ["+15550100", "0049301234", "1e5"])
  }

  @Test("ids that are not given are made from the name and stay the same")
  func stableIDs() throws {
    let text = "inbound_trunks: [{name: twilio, numbers: ['+15550100']}]"
    let first = try #require(try load(text).trunks.first)
    let again = try #require(try load("\n\n" + text).trunks.first)
    #expect(first.id == again.id)
    #expect(first.id == "ST_ZC4qTtbzdQEi")
    #expect(try load("inbound_trunks: [{name: other, numbers: ['+15550100']}]").trunks.first?.id != first.id)
    #expect(try load("inbound_trunks: [{sipTrunkId: ST_own, numbers: ['1']}]").trunks.first?.id == "ST_own")
  }

  @Test(
    "each kind of rule is read",
    arguments: [
      ("dispatchRuleDirect: {roomName: lobby}", DispatchRule.Kind.direct(roomName: "lobby")),
      ("dispatchRuleIndividual: {}", .individual()),
      ("dispatchRuleIndividual:", .individual()),
      ("dispatchRuleCallee: {roomPrefix: n-, randomize: true}", .callee(roomPrefix: "n-", randomize: true)),
    ])
  func kinds(_ text: String, _ kind: DispatchRule.Kind) throws {
    #expect(try load("dispatch_rules: [{rule: {\(text)\n}}]").rules.map(\.kind) == [kind])
  }

  @Test("what a trunk and a rule say about their calls overrides the defaults")
  func overrides() throws {
    let configuration = try load(
      """
      inbound_trunks: [{name: t, numbers: ["1"], ringing_timeout: 20s, answerPolicy: immediately}]
      dispatch_rules: [{rule: {dispatchRuleIndividual: {}}, max_call_duration: 60, hangup_when_alone: false}]
      """)
    #expect(configuration.trunks[0].call == CallOverrides(answerPolicy: .immediately, ringingTimeout: .seconds(20)))
    #expect(configuration.rules[0].call == CallOverrides(maxCallDuration: .seconds(60), hangupWhenAlone: false))
  }

  static let refusals: [(text: String, problem: String)] = [
    (
      "inbound_trunks:\n  - allowed_addresses: [10.0.0.1]\n    number: ['1']",
      ":3: inbound_trunks[0].number: unknown key; did you mean `numbers`?"
    ),
    (
      "inbound_trunks:\n - name: t\n   allowed_addresses:\n    - 10.0.0.0/8\n    - 10.0.0.0/40",
      ":5: inbound_trunks[0].allowed_addresses[1]: \"10.0.0.0/40\": expected a CIDR block such as 192.0.2.0/24"
    ),
    (
      "inbound_trunks: [{numbers: ['1'], allowed_addresses: ['provider:acme']}]",
      ":1: inbound_trunks[0].allowed_addresses[0]: \"provider:acme\": expected a provider of providers.yaml"
    ),
    (
      "inbound_trunks: [{numbers: ['1'], auth_username: u}]",
      ":1: inbound_trunks[0].auth_username: expected `auth_password` beside it"
    ),
    (
      "inbound_trunks: [{numbers: ['1'], include_headers: X}]",
      ":1: inbound_trunks[0].include_headers: \"X\": expected SIP_NO_HEADERS, SIP_X_HEADERS or SIP_ALL_HEADERS"
    ),
    (
      "inbound_trunks: [{numbers: ['1'], headers: {Contact: x}}]",
      ":1: inbound_trunks[0].headers: a mapping of 1: the SIP stack writes Contact itself"
    ),
    (
      "inbound_trunks: [{numbers: ['1'], media: {encryption: SIP_MEDIA_ENCRYPT_REQUIRE}}]",
      ":1: inbound_trunks[0].media: a mapping of 1: encryption of the phone leg is not available in this version"
    ),
    (
      "inbound_trunks: [{numbers: ['1'], media_encryption: 2}]",
      ":1: inbound_trunks[0].media_encryption: \"2\": encryption of the phone leg is not available in this version"
    ),
    (
      "inbound_trunks: [{numbers: ['1'], media: {onlyListedCodecs: true, codecs: [{name: G722}]}}]",
      ":1: inbound_trunks[0].media.codecs: a list of 1: expected PCMU or PCMA among them, with only_listed_codecs: "
        + "no call could be answered"
    ),
    (
      "dispatch_rules: [{rule: {dispatchRuleDirect: }}]",
      ":1: dispatch_rules[0].rule.dispatch_rule_direct: \"\": expected `room_name` in it"
    ),
    (
      "dispatch_rules: [{name: r}]",
      ":1: dispatch_rules[0].rule: expected one of dispatchRuleDirect, dispatchRuleIndividual and dispatchRuleCallee"
    ),
    (
      "dispatch_rules: [{rule: {dispatchRuleDirect: {}}}]",
      ":1: dispatch_rules[0].rule.dispatch_rule_direct.room_name: expected this key"
    ),
    (
      "dispatch_rules: [{rule: {dispatchRuleIndividual: {pin: '12a'}}}]",
      ":1: dispatch_rules[0].rule.dispatch_rule_individual.pin: expected 1 to 16 digits, or nothing"
    ),
    (
      "dispatch_rules: [{rule: {dispatchRuleDirect: {roomName: r, pin: '12345678901234567'}}}]",
      ":1: dispatch_rules[0].rule.dispatch_rule_direct.pin: expected 1 to 16 digits, or nothing"
    ),
    (
      "dispatch_rules: [{rule: {dispatchRuleDirect: {roomName: r, pin: '1'}}, prompts: {enterPin: none.wav}}]",
      ":1: dispatch_rules[0].prompts.enter_pin: \"none.wav\": expected a WAV file: one channel, 16-bit PCM, 8 to 48 kHz, "
        + "at most 300 s; none.wav cannot be opened"
    ),
    (
      "dispatch_rules: [{rule: {dispatchRuleIndividual: {}}, roomPreset: x}]",
      ":1: dispatch_rules[0].room_preset: not available in this version: write its values into `room_config`"
    ),
  ]

  static let contradictions: [(text: String, problem: String)] = [
    (
      "inbound_trunks:\n  - name: open",
      ":2: inbound_trunks[0].allowed_addresses: \"[]\": "
        + "trunk open needs numbers, allowed_addresses or auth_username and auth_password"
    ),
    (
      "inbound_trunks:\n- {name: a, numbers: ['+15550100']}\n- name: b\n  numbers: ['(1) 555-0100']",
      ":4: inbound_trunks[1].numbers: \"(1) 555-0100\": trunks a and b both take calls to (1) 555-0100; "
        + "give each its own numbers, or make them one trunk"
    ),
    (
      "dispatch_rules:\n- name: r\n  trunk_ids: [nobody]\n  rule: {dispatchRuleIndividual: {}}",
      ":3: dispatch_rules[0].trunk_ids: \"nobody\": rule r names a trunk that is not there; there is none"
    ),
    (
      "inbound_trunks: [{name: t, numbers: ['1']}]\ndispatch_rules:\n- name: r\n  numbers: ['2']\n"
        + "  rule: {dispatchRuleIndividual: {}}",
      ":4: dispatch_rules[0].numbers: \"2\": rule r can never match: trunk t takes only numbers 1"
    ),
  ]

  @Test("trunks and rules that contradict each other are refused with their place", arguments: contradictions)
  func contradiction(_ text: String, _ problem: String) {
    #expect(problems(text) == [problem])
  }

  @Test("what may be meant is a warning and does not stop the start")
  func warnings() throws {
    let configuration = try load(
      """
      inbound_trunks: [{name: t, numbers: ["+15550100"]}]
      dispatch_rules:
        - name: r
          inbound_numbers: ["+15550100"]
          rule: {dispatchRuleIndividual: {}}
      """)
    #expect(configuration.warnings.map(\.line) == [4])
    #expect(configuration.warnings.map(\.key) == ["dispatch_rules[0].inbound_numbers"])
  }

  @Test("each mistake in a trunk or a rule is refused with its place", arguments: refusals)
  func refusal(_ text: String, _ problem: String) {
    #expect(problems(text) == [problem])
  }
}

@Suite struct ProviderFileTests {
  @Test("the provider file beside the configuration is read, and its mistakes are refused with their line")
  func besideTheConfiguration() throws {
    let providers = try temporaryFile("acme:\n  - 192.0.2.0/24\n  - sip.example.com\n", named: "providers.yaml")
    let good = try temporaryFile(
      "inbound_trunks: [{name: t, allowed_addresses: ['provider:acme']}]", named: "t.yaml", beside: providers)
    let configuration = try GatewayConfiguration.load(ConfigurationSource(file: good))
    #expect(configuration.addresses.providers == ["acme": ["192.0.2.0/24", "sip.example.com"]])

    let bad = try temporaryFile("acme:\n  - 192.0.2.0/240\n", named: "providers.yaml")
    let file = try temporaryFile("port: 7880", named: "t.yaml", beside: bad)
    do throws(ConfigurationError) {
      _ = try GatewayConfiguration.load(ConfigurationSource(file: file))
      Issue.record("a bad block was taken")
    } catch {
      #expect(error.problems.map(\.line) == [2])
      #expect(
        error.description.hasSuffix(
          "providers.yaml:2: acme[0]: \"192.0.2.0/240\": expected a CIDR block such as 192.0.2.0/24"))
    }
  }

  @Test("a provider file that is named must be there")
  func namedAndMissing() {
    #expect(problems("providers_file: /no/such.yaml") == [": there is no such file"])
  }
}
