/// What a trunk or a rule asks of the phone leg's media (`SIPMediaConfig`).
public struct MediaOptions: Hashable, Sendable {
  public struct Codec: Hashable, Sendable, CustomStringConvertible {
    /// As in `a=rtpmap`: `PCMU`.
    public var name: String
    /// 0: the codec's usual rate.
    public var rateHz: Int

    public init(name: String, rateHz: Int = 0) {
      self.name = name
      self.rateHz = rateHz
    }

    public var description: String { rateHz == 0 ? name : "\(name)/\(rateHz)" }
  }

  /// `SIPMediaEncryption`.
  public enum Encryption: String, Hashable, Sendable, CaseIterable {
    case disable = "SIP_MEDIA_ENCRYPT_DISABLE"
    case allow = "SIP_MEDIA_ENCRYPT_ALLOW"
    case require = "SIP_MEDIA_ENCRYPT_REQUIRE"
  }

  /// In order of preference. Empty: the gateway's own list.
  public var codecs: [Codec] = []
  /// Codecs that are not listed are refused; otherwise they follow the listed ones.
  public var onlyListedCodecs = false
  public var encryption: Encryption?
  /// How long the phone may send nothing. Nil or zero: the gateway's own value.
  public var mediaTimeout: Duration?

  public init(
    codecs: [Codec] = [], onlyListedCodecs: Bool = false, encryption: Encryption? = nil, mediaTimeout: Duration? = nil
  ) {
    self.codecs = codecs
    self.onlyListedCodecs = onlyListedCodecs
    self.encryption = encryption
    self.mediaTimeout = mediaTimeout
  }

  /// Fills in the deprecated `media_encryption` field where `media.encryption` is not set.
  public func withLegacyEncryption(_ legacy: Encryption?) -> MediaOptions {
    var result = self
    if result.encryption == nil, let legacy, legacy != .disable { result.encryption = legacy }
    return result
  }

  /// A trunk's options overlaid by a rule's. `disable` never overrides; a codec list replaces the whole list.
  public func merged(with later: MediaOptions) -> MediaOptions {
    var result = self
    if let encryption = later.encryption, encryption != .disable || result.encryption == nil {
      result.encryption = encryption
    }
    if let timeout = later.mediaTimeout { result.mediaTimeout = timeout }
    if !later.codecs.isEmpty {
      result.codecs = later.codecs
      result.onlyListedCodecs = later.onlyListedCodecs
    }
    return result
  }
}
