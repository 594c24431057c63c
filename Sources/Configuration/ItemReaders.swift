import Base
import Telephony

/// What trunks and rules may say about the life of their calls. The first two are LiveKit's, the others ours.
enum CallOverridesReader {
  static func read(_ section: Section) -> CallOverrides {
    CallOverrides(
      answerPolicy: section.value("answer_policy", .choice),
      ringingTimeout: section.value("ringing_timeout", .ringingTimeout),
      maxCallDuration: section.value("max_call_duration", .callDuration),
      hangupWhenAlone: section.value("hangup_when_alone", .bool),
      departureTimeout: section.value("departure_timeout", .duration(.zero ... .seconds(7 * 86_400))))
  }
}

/// `media` (`SIPMediaConfig`) and the deprecated `media_encryption` beside it.
enum MediaOptionsReader {
  static func read(_ section: Section) -> MediaOptions {
    let legacy = section.value("media_encryption", encryption)
    let options = section.section("media") { media in
      MediaOptions(
        codecs: codecs(media), onlyListedCodecs: media.value("only_listed_codecs", .bool) ?? false,
        encryption: media.value("encryption", encryption),
        mediaTimeout: media.value("media_timeout", .duration(.zero ... .seconds(600))))
    }
    return options.withLegacyEncryption(legacy)
  }

  private static func codecs(_ media: Section) -> [MediaOptions.Codec] {
    media.items("codecs", wrapper: "codec") { codec, _ in
      let name = codec.value("name", codecName) ?? codec.requires("name")
      return MediaOptions.Codec(name: name, rateHz: codec.value("rate", .integer(0...192_000)) ?? 0)
    }
  }

  private static let codecName = ValueFormat<String>("expected a codec's name without its rate: PCMU") {
    (text: String) in
    text.isEmpty || text.contains { $0.isWhitespace || $0 == "/" } ? nil : text
  }

  private static let encryption = ValueFormat<MediaOptions.Encryption>.protoEnum([
    "SIP_MEDIA_ENCRYPT_DISABLE", "SIP_MEDIA_ENCRYPT_ALLOW", "SIP_MEDIA_ENCRYPT_REQUIRE",
  ])
}

/// `room_config` (`RoomConfiguration`).
enum RoomConfigurationReader {
  static func read(_ section: Section) -> RoomConfiguration? {
    let configuration = section.section("room_config") { room in
      for key in ["egress", "min_playout_delay", "max_playout_delay", "sync_streams"] { room.unavailable(key) }
      return RoomConfiguration(
        name: room.value("name", .text) ?? "", emptyTimeout: room.value("empty_timeout", timeout),
        departureTimeout: room.value("departure_timeout", timeout),
        maxParticipants: room.value("max_participants", .integer(0...10_000)) ?? 0,
        metadata: room.value("metadata", .text) ?? "", agents: agents(room),
        tags: (room.pairs("tags", of: .text) ?? []).dictionary)
    }
    return section.isGiven("room_config") ? configuration : nil
  }

  private static let timeout = ValueFormat<Duration>.duration(.zero ... .seconds(7 * 86_400))

  private static func agents(_ room: Section) -> [RoomConfiguration.Agent] {
    room.items("agents", wrapper: "agent") { agent, _ in
      RoomConfiguration.Agent(
        agentName: agent.value("agent_name", .text) ?? "", metadata: agent.value("metadata", .text) ?? "",
        attributes: (agent.pairs("attributes", of: .text) ?? []).dictionary,
        deployment: agent.value("deployment", .text) ?? "")
    }
  }
}

/// The three tables that join SIP headers and participant attributes.
enum HeaderTables {
  /// Header → fixed value.
  static func headers(_ section: Section, _ key: String) -> [String: String] {
    let value = ValueFormat<String>("expected at most 1,024 bytes without control characters") { (text: String) in
      HeaderSyntax.isValue(text) ? text : nil
    }
    let pairs = section.pairs(key, of: value) ?? []
    for (name, _) in pairs {
      if HeaderSyntax.isReserved(name) { section.refuse(key, "the SIP stack writes \(name) itself") }
      if !HeaderSyntax.isName(name) { section.refuse(key, "\(name) is not a header name") }
    }
    return pairs.dictionary
  }

  static func headersToAttributes(_ section: Section) -> [String: String] {
    let pairs = section.pairs("headers_to_attributes", of: .nonEmptyText) ?? []
    for (name, _) in pairs where !HeaderSyntax.isName(name) {
      section.refuse("headers_to_attributes", "\(name) is not a header name")
    }
    return pairs.dictionary
  }

  static func attributesToHeaders(_ section: Section) -> [String: String] {
    let header = ValueFormat<String>("expected a header name") { (text: String) in
      HeaderSyntax.isName(text) ? text : nil
    }
    return (section.pairs("attributes_to_headers", of: header) ?? []).dictionary
  }
}

/// An id for what was given none: the same text always gives the same id.
enum StableID {
  static func make(_ prefix: String, _ text: String) -> String {
    var state = hash(text)
    let body = (0..<GUID.bodyLength).map { _ in
      GUID.alphabet[Int(splitMix(&state) % UInt64(GUID.alphabet.count))]
    }
    return prefix + String(decoding: body, as: UTF8.self)
  }

  /// FNV-1a, 64 bits.
  private static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  /// SplitMix64: the next of a sequence in which near hashes lie far apart.
  private static func splitMix(_ state: inout UInt64) -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
