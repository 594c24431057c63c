import Base
import Telephony
import Testing

@testable import Configuration

/// Loads text as the body of the configuration.
func load(_ text: String, environment: [String: String] = [:]) throws(ConfigurationError) -> GatewayConfiguration {
  try GatewayConfiguration.load(ConfigurationSource(body: text, environment: environment))
}

/// The lines that refuse `text`, without the name of the source.
func problems(_ text: String, environment: [String: String] = [:]) -> [String] {
  do throws(ConfigurationError) {
    _ = try load(text, environment: environment)
    return []
  } catch {
    return error.problems.map { problem in
      var problem = problem
      problem.source = ""
      return problem.description
    }
  }
}

@Suite struct LoadTests {
  @Test("without anything the defaults hold and the room port is this machine's own")
  func defaults() throws {
    let configuration = try GatewayConfiguration.load(ConfigurationSource())
    #expect(configuration == GatewayConfiguration())
    #expect(configuration.keys == [APIKey(name: "devkey", secret: "secret")])
    #expect(configuration.web.bindAddresses == [.loopbackV4])
    #expect(configuration.media.phonePorts == 10000...20000)
    #expect(configuration.dispatch.policy.ringingTimeout == .seconds(180))
  }

  @Test("livekit-sip's and livekit-server's keys reach their settings")
  func liveKitKeys() throws {
    let configuration = try load(
      """
      keys: {first: one, second: two}
      port: 7980
      bind_addresses: ["::1", 10.0.0.1]
      sip_port: 5070
      sip_port_listen: 5071
      listen_ip: 10.0.0.1
      nat_1_to_1_ip: 203.0.113.7
      sip_ringing_interval: 2s
      hide_inbound_port: true
      dns_server: 127.0.0.1:8600
      rtp_port: 30000-30100
      media_timeout: 20s
      media_timeout_initial: 1m
      symmetric_rtp: true
      codecs: {"PCMU/8000": false, "G722/8000": false}
      max_active_calls: 7
      rtc: {udp_port: 7900-7907, node_ip: 198.51.100.2}
      room: {empty_timeout: 60, departure_timeout: 5s, max_participants: 3, auto_create: false}
      logging: {level: debug, json: true}
      """)
    #expect(configuration.keys.map(\.name) == ["first", "second"])
    #expect(configuration.web.port == 7980)
    #expect(configuration.web.bindAddresses.map(\.description) == ["::1", "10.0.0.1"])
    #expect(configuration.sip.port == 5070)
    #expect(configuration.sip.listenPort == 5071)
    #expect(configuration.sip.listenAddress.description == "10.0.0.1")
    #expect(configuration.sip.announced == .fixed(IPAddress(v4: 0xCB00_7107)))
    #expect(configuration.media.announced == configuration.sip.announced)
    #expect(configuration.room.announced == .fixed(IPAddress(v4: 0xC633_6402)))
    #expect(configuration.sip.ringingInterval == .seconds(2))
    #expect(configuration.dispatch.policy.ringingInterval == .seconds(2))
    #expect(configuration.sip.hidesInboundPort)
    #expect(configuration.sip.nameServer == Endpoint(.loopbackV4, 8600))
    #expect(configuration.media.phonePorts == 30000...30100)
    #expect(configuration.media.timeout == .seconds(20))
    #expect(configuration.media.initialTimeout == .seconds(60))
    #expect(configuration.media.learnsSourceAlways)
    #expect(configuration.media.phoneCodecs == [.pcma])
    #expect(configuration.limits.activeCalls == 7)
    #expect(configuration.room.udpPorts == 7900...7907)
    #expect(configuration.room.emptyTimeout == .seconds(60))
    #expect(configuration.dispatch.policy.departureTimeout == .seconds(5))
    #expect(configuration.room.maximumParticipants == 3)
    #expect(!configuration.room.isCreatedByJoin)
    #expect(configuration.logging.level == .debug)
    #expect(configuration.logging.isJSON)
  }

  @Test("the environment's key pair is the base value that the file overrides")
  func environmentKeys() throws {
    let environment = ["LIVEKIT_API_KEY": "env", "LIVEKIT_API_SECRET": "from-env"]
    #expect(try load("", environment: environment).keys == [APIKey(name: "env", secret: "from-env")])
    #expect(
      try load("api_key: file\napi_secret: from-file", environment: environment).keys == [
        APIKey(name: "file", secret: "from-file")
      ])
    #expect(
      try load("keys: {env: from-file}", environment: environment).keys == [APIKey(name: "env", secret: "from-file")])
    #expect(try load("", environment: environment).web.bindAddresses == [.anyV4])
  }

  @Test("the command line goes before SIP_CONFIG_BODY, which goes before SIP_CONFIG_FILE")
  func sourcePrecedence() {
    let environment = ["SIP_CONFIG_BODY": "port: 1", "SIP_CONFIG_FILE": "other.yaml"]
    #expect(ConfigurationSource(file: "own.yaml", environment: environment).body == nil)
    #expect(ConfigurationSource(file: "own.yaml", environment: environment).file == "own.yaml")
    #expect(ConfigurationSource(environment: environment).body == "port: 1")
    #expect(ConfigurationSource(environment: ["SIP_CONFIG_FILE": "other.yaml"]).file == "other.yaml")
    #expect(ConfigurationSource(environment: ["SIP_CONFIG_BODY": ""]).body == nil)
  }

  static let refusals: [(text: String, problem: String)] = [
    ("sip_prot: 5060", ":1: sip_prot: unknown key; did you mean `sip_port`?"),
    ("\nrtc:\n  udp_prt: 1", ":3: rtc.udp_prt: unknown key; did you mean `udp_port`?"),
    ("udp_port: 7882", ":1: udp_port: unknown key; did you mean `rtc.udp_port`?"),
    ("nonsense: 1", ":1: nonsense: unknown key"),
    ("port: http", ":1: port: \"http\": expected a port, 1 to 65535"),
    ("port: 0", ":1: port: \"0\": expected a port, 1 to 65535"),
    ("port: [1, 2]", ":1: port: a list of 2: expected a port, 1 to 65535"),
    ("rtp_port: 20000-10000", ":1: rtp_port: \"20000-10000\": expected two ports, the lower first: 10000-20000"),
    ("listen_ip: localhost", ":1: listen_ip: \"localhost\": expected an IP address"),
    ("local_net: 10.0.0.0/33", ":1: local_net: \"10.0.0.0/33\": expected a block of addresses: 192.168.0.0/24"),
    ("hide_inbound_port: maybe", ":1: hide_inbound_port: \"maybe\": expected true or false"),
    (
      "media_timeout: 5 minutes",
      ":1: media_timeout: \"5 minutes\": expected a time from 1s to 10m: 30s, 3m, 1h30m, or a number of seconds"
    ),
    (
      "answer_policy: later",
      ":1: answer_policy: \"later\": expected track_subscribed, participant_joined or immediately"
    ),
    ("opus: {complexity: 11}", ":1: opus.complexity: \"11\": expected a whole number from 0 to 10"),
    ("opus: fast", ":1: opus: \"fast\": expected keys and values"),
    ("turn: {enabled: true}", ":1: turn: not available in this version"),
    (
      "dns_server: ns.example.com",
      ":1: dns_server: \"ns.example.com\": expected an IPv4 address, with or without a port: 192.0.2.53, 127.0.0.1:8600"
    ),
    (
      "tls: {port: 5061}",
      ":1: tls: not available in this version: this version has no SIP over TLS; SIP is taken over UDP and TCP"
    ),
    ("rtc: {tcp_port: 7881}", ":1: rtc.tcp_port: not available in this version"),
    ("api_key: only", ":1: api_key: \"only\": expected `api_secret` (or LIVEKIT_API_SECRET) beside it"),
    ("api_secret: geheim", ":1: api_secret: expected `api_key` (or LIVEKIT_API_KEY) beside it"),
    ("keys: {a: []}", ":1: keys.a: …: expected a secret that is not empty"),
    (
      "bind_addresses: [0.0.0.0]",
      ":1: bind_addresses: a list of 1: expected 127.0.0.1 while `keys` holds LiveKit's published secret: "
        + "anyone could mint tokens; give your own"
    ),
    (
      "nat_1_to_1_ip: 192.0.2.1\nuse_external_ip: true",
      ":2: use_external_ip: \"true\": expected only one of it and nat_1_to_1_ip"
    ),
    ("rtp_port: 7000-8000", ":1: rtp_port: \"7000-8000\": expected a range without rtc.udp_port 7882"),
    ("rtp_port: 5000-5100", ":1: rtp_port: \"5000-5100\": expected a range without the SIP port 5060"),
    ("port: 5060", ":1: port: \"5060\": expected another port than SIP's"),
    (
      "rtc: {udp_port: 7882-7883}\nmedia_loops: 3",
      ":2: media_loops: \"3\": expected at most 2, one for each port of rtc.udp_port"
    ),
    (
      "codecs: {G722/8000: true}",
      ":1: codecs: a mapping of 1: G722/8000 is not available in this version; expected PCMU/8000 or PCMA/8000"
    ),
    ("codecs: {PCMU/8000: no, PCMA/8000: no}", ":1: codecs: a mapping of 2: expected at least one codec to be left on"),
    ("port: 1\nport: 2", ":1: given twice in the mapping that begins here: port"),
    ("port: [", ":2: not YAML: did not find expected node content, column 1"),
  ]

  @Test("each mistake is refused in one line with place, key, value and what was expected", arguments: refusals)
  func refusal(_ text: String, _ problem: String) {
    #expect(problems(text) == [problem])
  }

  @Test("all mistakes are listed, in the order of the file")
  func allMistakes() {
    let found = problems("port: x\nturn: {a: b}\nlisten_ip: y\nsip_prot: 1\n")
    #expect(found.map { $0.prefix(3) } == [":1:", ":2:", ":3:", ":4:"])
  }

  @Test(
    "keys of other modes that ask for nothing are taken",
    arguments: ["redis:", "health_port: 0", "tls: {}", "turn: {}"])
  func emptyValuesOfOtherModes(_ text: String) {
    #expect(problems(text) == [])
  }

  @Test("a secret never shows in a refusal")
  func secretsStayHidden() {
    let text = """
      api_secret: hush1
      keys: {a: [hush2]}
      inbound_trunks: [{name: t, auth_password: hush3}]
      redis: hush4
      """
    let found = problems(text)
    #expect(found.count == 4)
    #expect(!found.joined().contains("hush"))
  }

  @Test("a file that is not there is said to be so")
  func missingFile() {
    #expect(throws: ConfigurationError.self) {
      try GatewayConfiguration.load(ConfigurationSource(file: "/no/such.yaml"))
    }
    do throws(ConfigurationError) {
      _ = try GatewayConfiguration.load(ConfigurationSource(file: "/no/such.yaml"))
    } catch {
      #expect(error.description == "/no/such.yaml: there is no such file")
    }
  }
}

@Suite struct DurationTextTests {
  @Test(
    "times are read as Go and protojson write them",
    arguments: [
      ("30s", Duration.seconds(30)), ("3m", .seconds(180)), ("1h30m", .seconds(5400)), ("250ms", .milliseconds(250)),
      ("1.5s", .milliseconds(1500)), ("90", .seconds(90)), ("0", .zero), ("1d", .seconds(86_400)),
    ])
  func reading(_ text: String, _ duration: Duration) {
    #expect(DurationText.parse(text) == duration)
  }

  @Test("what is no time is refused", arguments: ["", "s", "-1s", "1 s", "1y", "1e400s", "999999d", "5m3", "..s"])
  func refusing(_ text: String) {
    #expect(DurationText.parse(text) == nil)
  }

  @Test("the shortest form comes back", arguments: ["250ms", "30s", "3m", "1h30m", "24h", "0s"])
  func writing(_ text: String) throws {
    #expect(DurationText.format(try #require(DurationText.parse(text))) == text)
  }
}
