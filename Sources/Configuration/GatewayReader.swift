import Base
import Foundation
import Telephony

/// Reads the whole file into a `GatewayConfiguration`; what is wrong goes to `Reading`.
struct GatewayReader {
  var configuration = GatewayConfiguration()
  let environment: [String: String]
  /// Where the file lies, with a trailing slash; nil without a file.
  let directory: String?

  private var isMember: Bool { configuration.cluster != nil }

  mutating func read(_ root: Section) {
    root.reading.takesZeroForNothing = root.has("redis")
    configuration.cluster = ClusterReader().read(root)
    configuration.operations = OperationReader().read(root)
    readKeys(root)
    readWeb(root)
    readSIP(root)
    readMedia(root)
    readRoom(root)
    readCalls(root)
    readLimits(root)
    readLogging(root)
    root.read("data_dir", into: &configuration.dataDirectory, .nonEmptyText)
    configuration.drainTimeout = drainTimeout(root)
    configuration.addresses.providers = ProviderFile.read(root, directory: directory)
    readTrunksAndRules(root)
    configuration.webhook = WebhookReader.read(root, keys: configuration.keys)
    refuseOtherVersions(root)
    checkPorts(root)
  }

  // MARK: Keys and the public port

  private mutating func readKeys(_ root: Section) {
    let secret = ValueFormat<String>("expected a secret that is not empty") { (text: String) in
      text.isEmpty ? nil : text
    }
    var keys = (root.pairs("keys", of: secret, isSecret: true) ?? []).map { APIKey(name: $0.0, secret: $0.1) }
    let name = root.value("api_key", .nonEmptyText) ?? environment["LIVEKIT_API_KEY"]
    let secretText = root.value("api_secret", secret, isSecret: true) ?? environment["LIVEKIT_API_SECRET"]
    switch (name.flatMap { $0.isEmpty ? nil : $0 }, secretText.flatMap { $0.isEmpty ? nil : $0 }) {
    case (let name?, let secret?):
      keys.removeAll { $0.name == name && root.has("api_key") }
      if !keys.contains(where: { $0.name == name }) { keys.insert(APIKey(name: name, secret: secret), at: 0) }
    case (_?, nil):
      root.refuse("api_key", "expected `api_secret` (or LIVEKIT_API_SECRET) beside it")
    case (nil, _?):
      root.refuse("api_secret", isSecret: true, "expected `api_key` (or LIVEKIT_API_KEY) beside it")
    case (nil, nil): break
    }
    if !keys.isEmpty { configuration.keys = keys }
    let server = ServerReader(
      environment: environment, keys: configuration.keys, hasKey: !keys.isEmpty, isMember: isMember)
    configuration.server = server.read(root)
  }

  private mutating func readWeb(_ root: Section) {
    configuration.web.isServed = !isMember || root.has("port")
    root.read("port", into: &configuration.web.port, .port)
    configuration.web.bindAddresses = configuration.usesDevelopmentKeys ? [.loopbackV4] : [.anyV4]
    guard let addresses = root.list("bind_addresses", of: .address), !addresses.isEmpty else { return }
    configuration.web.bindAddresses = addresses
    if configuration.usesDevelopmentKeys, addresses.contains(where: { !$0.isLoopback }) {
      root.refuse(
        "bind_addresses",
        "expected 127.0.0.1 while `keys` holds LiveKit's published secret: anyone could mint tokens; give your own")
    }
  }

  // MARK: SIP

  private mutating func readSIP(_ root: Section) {
    root.read("sip_port", into: &configuration.sip.port, .port)
    configuration.sip.listenPort = root.value("sip_port_listen", .port) ?? configuration.sip.port
    root.read("listen_ip", into: &configuration.sip.listenAddress, .address)
    root.read("sip_ringing_interval", into: &configuration.sip.ringingInterval, .duration(.seconds(1) ... .seconds(60)))
    root.read("hide_inbound_port", into: &configuration.sip.hidesInboundPort, .bool)
    if isMember { configuration.sip.realm = "LiveKit" }
    root.read("sip_realm", into: &configuration.sip.realm, .realm)
    root.read("nonce_lifetime", into: &configuration.sip.nonceLifetime, .duration(.seconds(1) ... .seconds(86_400)))
    configuration.sip.nameServer = root.value("dns_server", .nameServer)

    let fixed = root.value("nat_1_to_1_ip", .address)
    let discovers = root.value("use_external_ip", .bool) ?? false
    let block = root.value("local_net", .prefix)
    if fixed != nil, discovers { root.refuse("use_external_ip", "expected only one of it and nat_1_to_1_ip") }
    configuration.sip.announced = Self.announced(fixed: fixed, discovers: discovers, block: block)

    let mediaFixed = root.value("media_nat_1_to_1_ip", .address)
    let mediaDiscovers = root.value("media_use_external_ip", .bool)
    if mediaFixed != nil, mediaDiscovers == true {
      root.refuse("media_use_external_ip", "expected only one of it and media_nat_1_to_1_ip")
    }
    configuration.media.announced =
      mediaFixed == nil && mediaDiscovers == nil
      ? configuration.sip.announced
      : Self.announced(fixed: mediaFixed, discovers: mediaDiscovers ?? false, block: block)
  }

  static func announced(fixed: IPAddress?, discovers: Bool, block: IPPrefix?) -> AnnouncedAddress {
    if let fixed { return .fixed(fixed) }
    if discovers { return .discovered }
    return block.map { .within($0) } ?? .local
  }

  // MARK: Media

  private mutating func readMedia(_ root: Section) {
    root.read("rtp_port", into: &configuration.media.phonePorts, .portRange)
    root.read("media_timeout", into: &configuration.media.timeout, .duration(.seconds(1) ... .seconds(600)))
    root.read(
      "media_timeout_initial", into: &configuration.media.initialTimeout, .duration(.seconds(1) ... .seconds(600)))
    root.read("symmetric_rtp", into: &configuration.media.learnsSourceAlways, .bool)
    root.read("ignore_local_addr_in_sdp", into: &configuration.media.learnsSourceBehindNAT, .bool)
    root.read("room_codec", into: &configuration.media.roomCodec, .choice)
    configuration.media.loopCount = root.value("media_loops", .integer(1...64))
    readCodecs(root)
    root.section("opus") { opus in
      opus.read("application", into: &configuration.media.opus.application, .choice)
      opus.read("bitrate", into: &configuration.media.opus.bitrateBitsPerSecond, .integer(6_000...128_000))
      opus.read("complexity", into: &configuration.media.opus.complexity, .integer(0...10))
      for key in LaterVersions.opusKeys { leave(opus, key, why: "rooms get Opus without it") }
    }
  }

  private mutating func readCodecs(_ root: Section) {
    guard let switches = root.pairs("codecs", of: .bool) else { return }
    for (name, isOn) in switches {
      if let codec = PhoneCodec.allCases.first(where: { $0.rawValue.lowercased() == name.lowercased() }) {
        if !isOn { configuration.media.phoneCodecs.removeAll { $0 == codec } }
      } else if isOn, name.lowercased() != "telephone-event/8000" {
        leave(root, "codecs", "\(name) is not available in this version; expected PCMU/8000 or PCMA/8000")
      } else if !isOn, name.lowercased() == "telephone-event/8000" {
        leave(root, "codecs", "\(name) cannot be switched off in this version")
      }
    }
    if configuration.media.phoneCodecs.isEmpty { root.refuse("codecs", "expected at least one codec to be left on") }
  }

  // MARK: Rooms

  private mutating func readRoom(_ root: Section) {
    let timeout = ValueFormat<Duration>.duration(.seconds(1) ... .seconds(7 * 86_400))
    root.section("room") { room in
      room.read("auto_create", into: &configuration.room.isCreatedByJoin, .bool)
      room.read("empty_timeout", into: &configuration.room.emptyTimeout, timeout)
      room.read("departure_timeout", into: &configuration.room.departureTimeout, timeout)
      room.read("max_participants", into: &configuration.room.maximumParticipants, .integer(0...10_000))
      leaveToServer(room, ["auto_create", "empty_timeout", "max_participants"])
      for key in LaterVersions.roomKeys { room.unavailable(key) }
      room.unavailable("enabled_codecs", "`room_codec` chooses what callers publish")
    }
    root.section("rtc") { rtc in
      if let ports = rtc.value("udp_port", .portOrRange) {
        configuration.room.udpPorts = ports
      }
      leaveToServer(rtc, ["udp_port"])
      let fixed = rtc.value("node_ip", .address)
      let discovers = rtc.value("use_external_ip", .bool) ?? false
      if fixed != nil, discovers { rtc.refuse("use_external_ip", "expected only one of it and rtc.node_ip") }
      configuration.room.announced =
        fixed == nil && !discovers
        ? configuration.media.announced : Self.announced(fixed: fixed, discovers: discovers, block: nil)
      rtc.unavailable("port_range_start", "all WebRTC traffic shares `rtc.udp_port`")
      rtc.unavailable("port_range_end", "all WebRTC traffic shares `rtc.udp_port`")
      for key in LaterVersions.rtcKeys { rtc.unavailable(key) }
    }
  }

  /// Settings of rooms and of the way to them, which are another server's with `ws_url`.
  private func leaveToServer(_ section: Section, _ keys: [String]) {
    guard configuration.server != nil else { return }
    for key in keys where section.has(key) {
      section.reading.warn(section.path(of: key), line: section.line(of: key), "has no effect: `ws_url` has the rooms")
    }
  }

  // MARK: Calls, limits, log

  private mutating func readCalls(_ root: Section) {
    // Whether a call without a trunk has a rule is the cluster's to say.
    configuration.dispatch.acceptUnmatchedTrunk = isMember
    root.read("accept_unmatched_trunk", into: &configuration.dispatch.acceptUnmatchedTrunk, .bool)
    root.read("trust_from_host", into: &configuration.dispatch.trustsFromHost, .bool)
    root.read("answer_policy", into: &configuration.dispatch.policy.answerPolicy, .choice)
    root.read("ringing_timeout", into: &configuration.dispatch.policy.ringingTimeout, .ringingTimeout)
    root.read("max_call_duration", into: &configuration.dispatch.policy.maxCallDuration, .callDuration)
    root.read("hangup_when_alone", into: &configuration.dispatch.policy.hangupWhenAlone, .bool)
    let noAgent = NoAgentReader(root)
    noAgent.write(to: &configuration.dispatch.policy)
    root.reading.defaultAnnouncement = noAgent.announcement
    configuration.dispatch.policy.prompts = PromptReader(root).withShipped(root)
    configuration.dispatch.policy.departureTimeout = configuration.room.departureTimeout
    configuration.dispatch.policy.ringingInterval = configuration.sip.ringingInterval
  }

  private mutating func readLimits(_ root: Section) {
    root.read("max_active_calls", into: &configuration.limits.activeCalls, .integer(0...1_000_000))
    root.section("limits") { limits in
      limits.read("invites_per_second", into: &configuration.limits.invitesPerSecondPerSource, .integer(1...100_000))
      limits.read("invite_burst", into: &configuration.limits.inviteBurstPerSource, .integer(1...100_000))
      limits.read("sources", into: &configuration.limits.trackedSources, .integer(100...1_000_000))
      limits.read("connections", into: &configuration.limits.webConnections, .integer(1...1_000_000))
      limits.read(
        "connections_per_source", into: &configuration.limits.webConnectionsPerSource, .integer(1...1_000_000))
      limits.read("requests_per_second", into: &configuration.limits.requestsPerSecondPerClient, .integer(10...10_000))
      limits.read(
        "data_packets_per_second", into: &configuration.limits.dataPacketsPerSecondPerClient, .integer(10...100_000))
    }
  }

  private mutating func readLogging(_ root: Section) {
    root.read("log_numbers", into: &configuration.logging.numbers, .choice)
    // The name that livekit-sip's manual has for it.
    if isMember {
      root.read("log_level", into: &configuration.logging.level, .choice)
    } else {
      root.unavailable("log_level", "use `logging.level`")
    }
    root.section("logging") { logging in
      logging.read("level", into: &configuration.logging.level, .choice)
      logging.read("json", into: &configuration.logging.isJSON, .bool)
      for key in LaterVersions.loggingKeys { leave(logging, key, why: "there is one level for everything") }
    }
  }

  /// `0` or `none` never cuts a call.
  private func drainTimeout(_ root: Section) -> Duration? {
    let time = ValueFormat<Duration>.duration(.zero ... .seconds(86_400))
    let format = ValueFormat<Duration?>(time.expected + "; 0 waits as long as calls last") { node in
      time.parse(node).map { $0 == .zero ? nil : $0 }
    }
    // livekit-sip waits as long as calls last.
    return root.value("drain_timeout", format) ?? (isMember ? nil : GatewayConfiguration().drainTimeout)
  }

  private mutating func readTrunksAndRules(_ root: Section) {
    let trunks = TrunkReader(addresses: configuration.addresses).read(root)
    let rules = RuleReader().read(root)
    let (outbound, outboundTrunks) = OutboundReader(directory: directory, hasLimits: !isMember).read(root)
    configuration.trunks = trunks.map(\.value)
    configuration.rules = rules.map(\.value)
    configuration.outbound = outbound
    configuration.outbound.options.policy = configuration.dispatch.policy
    configuration.outbound.options.phoneCodecs = configuration.media.phoneCodecs.map(\.rawValue)
    for trunk in trunks { note(trunk.value.id, trunk.section) }
    for rule in rules { note(rule.value.id, rule.section) }
    for trunk in outboundTrunks { note(trunk.value.id, trunk.section) }
    configuration.warnings = LintReport(
      trunks: trunks, rules: rules, outboundTrunks: outboundTrunks,
      acceptUnmatchedTrunk: configuration.dispatch.acceptUnmatchedTrunk,
      // A list that cannot be read was refused where it is named.
      doNotCallLists: Set(outboundTrunks.map(\.value.limits.doNotCallList))
    ).refuseErrors(root.reading)
  }

  private mutating func note(_ id: String, _ section: Section) {
    let source = section.reading.source
    configuration.places[id] = section.line.map { "\(source):\($0)" } ?? source
  }

  // MARK: The whole

  private func refuseOtherVersions(_ root: Section) {
    for (key, hint) in LaterVersions.keys { root.unavailable(key, hint) }
    for (key, why) in LaterVersions.sipKeys { leave(root, key, why: why) }
    // Always on here, so that only switching it off asks for something we do not do.
    root.reading.knowAsUnsettable("enable_jitter_buffer")
    if root.value("enable_jitter_buffer", .bool) == false {
      leave(root, "enable_jitter_buffer", "expected true: the jitter buffer is always on and adapts")
    }
  }

  /// A key of livekit-sip's that changes nothing here: refused, or taken with a warning.
  private func leave(_ section: Section, _ key: String, why: String) {
    if isMember { section.ineffective(key, why) } else { section.unavailable(key, why) }
  }

  /// The same for one value of a key that has an effect otherwise.
  private func leave(_ section: Section, _ key: String, _ expected: String) {
    guard isMember else { return section.refuse(key, expected) }
    section.reading.warn(section.path(of: key), line: section.line(of: key), expected)
  }

  /// Two sockets of ours must never want one port.
  private mutating func checkPorts(_ root: Section) {
    let phone = configuration.media.phonePorts
    let sip = configuration.sip.listenPort
    if phone.contains(sip) { root.refuse("rtp_port", "expected a range without the SIP port \(sip)") }
    if configuration.web.isServed, configuration.web.port == sip {
      root.refuse("port", "expected another port than SIP's")
    }
    if configuration.server == nil { checkRoomPorts(root) }
  }

  private mutating func checkRoomPorts(_ root: Section) {
    let phone = configuration.media.phonePorts
    let rooms = configuration.room.udpPorts
    if rooms.count > 1 {
      let loops = configuration.media.loopCount ?? min(rooms.count, ProcessInfo.processInfo.activeProcessorCount)
      configuration.media.loopCount = loops
      if loops > rooms.count {
        root.refuse("media_loops", "expected at most \(rooms.count), one for each port of rtc.udp_port")
      }
    }
    if phone.overlaps(rooms) { root.refuse("rtp_port", "expected a range without rtc.udp_port \(rooms.lowerBound)") }
    if rooms.contains(configuration.sip.listenPort) {
      root.refuse("sip_port", "expected another port than rtc.udp_port")
    }
  }
}
