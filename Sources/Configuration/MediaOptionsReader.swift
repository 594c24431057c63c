import Telephony

/// `media` (`SIPMediaConfig`) and the deprecated `media_encryption` beside it.
enum MediaOptionsReader {
  static func read(_ section: Section) -> MediaOptions {
    let legacy = section.value("media_encryption", encryption)
    let options = section.section("media") { media in
      let options = MediaOptions(
        codecs: codecs(media), onlyListedCodecs: media.value("only_listed_codecs", .bool) ?? false,
        encryption: media.value("encryption", encryption),
        mediaTimeout: media.value("media_timeout", .duration(.zero ... .seconds(600))))
      if options.onlyListedCodecs, !options.codecs.isEmpty, !options.codecs.contains(where: isAvailable) {
        media.refuse("codecs", "expected PCMU or PCMA among them, with only_listed_codecs: no call could be answered")
      }
      return options
    }.withLegacyEncryption(legacy)
    if options.encryption == .require {
      section.refuse(
        section.has("media") ? "media" : "media_encryption",
        "encryption of the phone leg is not available in this version")
    }
    return options
  }

  private static func isAvailable(_ codec: MediaOptions.Codec) -> Bool {
    PhoneCodec.allCases.contains {
      $0.rawValue == "\(codec.name.uppercased())/\(codec.rateHz == 0 ? 8000 : codec.rateHz)"
    }
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
