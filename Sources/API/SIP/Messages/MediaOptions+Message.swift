import LiveKitProtocol
import SwiftProtobuf
import Telephony

extension MediaOptions {
  /// `media` (`SIPMediaConfig`) and the deprecated `media_encryption` beside it.
  package init(
    _ config: Livekit_SIPMediaConfig, legacy: Livekit_SIPMediaEncryption, _ capabilities: PhoneCapabilities
  ) throws(TwirpError) {
    self.init(onlyListedCodecs: config.onlyListedCodecs)
    guard config.codecs.count <= MessageField.mapLimit else {
      throw MessageField.invalid("media.codecs", "expected at most \(MessageField.mapLimit) entries")
    }
    for codec in config.codecs {
      guard !codec.name.isEmpty, codec.name.utf8.count <= 64, codec.rate <= 192_000,
        !codec.name.contains(where: { $0.isWhitespace || $0 == "/" })
      else { throw MessageField.invalid("media.codecs", "expected a codec's name without its rate, such as PCMU") }
      codecs.append(Codec(name: codec.name, rateHz: Int(codec.rate)))
    }
    if onlyListedCodecs, !codecs.isEmpty, !codecs.contains(where: { $0.isAvailable(capabilities) }) {
      throw MessageField.invalid(
        "media.codecs", "only_listed_codecs leaves none of \(capabilities.codecs.joined(separator: ", "))")
    }
    if config.hasMediaTimeout {
      mediaTimeout = try MessageField.duration(config.mediaTimeout, "media.media_timeout", limit: .seconds(600))
    }
    if config.hasEncryption { encryption = try Encryption(config.encryption, "media.encryption", capabilities) }
    self = withLegacyEncryption(try Encryption(legacy, "media_encryption", capabilities))
  }
}

extension MediaOptions.Codec {
  fileprivate func isAvailable(_ capabilities: PhoneCapabilities) -> Bool {
    capabilities.codecs.contains("\(name.uppercased())/\(rateHz == 0 ? 8000 : rateHz)")
  }
}

extension MediaOptions.Encryption {
  fileprivate init(
    _ value: Livekit_SIPMediaEncryption, _ field: String, _ capabilities: PhoneCapabilities
  ) throws(TwirpError) {
    switch value {
    case .sipMediaEncryptDisable: self = .disable
    case .sipMediaEncryptAllow: self = .allow
    case .sipMediaEncryptRequire:
      guard capabilities.hasSRTP else {
        throw MessageField.invalid(field, "encryption of the phone leg is not available in this version")
      }
      self = .require
    case .UNRECOGNIZED(let number): throw MessageField.invalid(field, "there is no value \(number)")
    }
  }
}

extension Livekit_SIPMediaConfig {
  init(_ options: MediaOptions) {
    self.init()
    onlyListedCodecs = options.onlyListedCodecs
    codecs = options.codecs.map { codec in
      var message = Livekit_SIPCodec()
      message.name = codec.name
      message.rate = UInt32(clamping: codec.rateHz)
      return message
    }
    switch options.encryption {
    case .disable: encryption = .sipMediaEncryptDisable
    case .allow: encryption = .sipMediaEncryptAllow
    case .require: encryption = .sipMediaEncryptRequire
    case nil: break
    }
    if let timeout = options.mediaTimeout { mediaTimeout = Google_Protobuf_Duration(timeout) }
  }
}

extension HeaderInclusion {
  package init(_ value: Livekit_SIPHeaderOptions) throws(TwirpError) {
    switch value {
    case .sipNoHeaders: self = .none
    case .sipXHeaders: self = .x
    case .sipAllHeaders: self = .all
    case .UNRECOGNIZED(let number): throw MessageField.invalid("include_headers", "there is no value \(number)")
    }
  }

  var message: Livekit_SIPHeaderOptions {
    switch self {
    case .none: .sipNoHeaders
    case .x: .sipXHeaders
    case .all: .sipAllHeaders
    }
  }
}
