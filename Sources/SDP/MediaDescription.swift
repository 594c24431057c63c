/// One `m=` section (RFC 8866 §5.14).
public struct MediaDescription: Hashable, Sendable {
  /// `audio`, `video`, `application`, `image`, `text`, `message`, …
  public var kind: String
  /// Zero when the stream is refused or, without BUNDLE, switched off.
  public var port: UInt16
  /// `RTP/AVP`, `UDP/TLS/RTP/SAVPF`, …
  public var transport: String
  public var formats: [String]
  public var connection: ConnectionAddress?
  public var attributes: [SDPAttribute]

  public init(
    kind: String, port: UInt16, transport: String, formats: [String], connection: ConnectionAddress? = nil,
    attributes: [SDPAttribute] = []
  ) {
    self.kind = kind
    self.port = port
    self.transport = transport
    self.formats = formats
    self.connection = connection
    self.attributes = attributes
  }

  /// The section as an answer refuses it: same kind, transport and formats, port zero, nothing else (RFC 3264 §6).
  public var rejected: MediaDescription {
    MediaDescription(kind: kind, port: 0, transport: transport, formats: formats)
  }

  /// The codecs in the order of the `m=` line. Formats that are neither mapped nor static (RFC 3551 §6) are left out.
  public var codecs: [RTPCodec] {
    var codecs: [RTPCodec] = []
    for format in formats {
      guard let payloadType = UInt8(format), payloadType < 128,
        !codecs.contains(where: { $0.payloadType == payloadType })
      else { continue }
      let mapped = attributes.lazy.filter { $0.name == "rtpmap" }
        .compactMap { RTPCodec(rtpmap: $0.value ?? "") }.first { $0.payloadType == payloadType }
      guard var codec = mapped ?? RTPCodec(staticPayloadType: payloadType) else { continue }
      codec.formatParameters = attributes.payload(of: "fmtp", format)
      codec.feedback = attributes.payloads(of: "rtcp-fb", format)
      codecs.append(codec)
    }
    return codecs
  }
}

/// One payload type of a section and what it means: `rtpmap`, `fmtp` and `rtcp-fb` together.
public struct RTPCodec: Hashable, Sendable {
  public var payloadType: UInt8
  /// The encoding name as written; compare with `isNamed`.
  public var name: String
  public var clockRateHz: Int
  public var channelCount: Int
  /// The text behind `a=fmtp:<type> `.
  public var formatParameters: String?
  /// The texts behind `a=rtcp-fb:<type> ` and `a=rtcp-fb:* `.
  public var feedback: [String]

  public init(
    payloadType: UInt8, name: String, clockRateHz: Int, channelCount: Int = 1, formatParameters: String? = nil,
    feedback: [String] = []
  ) {
    self.payloadType = payloadType
    self.name = name
    self.clockRateHz = clockRateHz
    self.channelCount = channelCount
    self.formatParameters = formatParameters
    self.feedback = feedback
  }

  /// Parses `111 opus/48000/2`. Nil when it is not that.
  init?(rtpmap text: String) {
    let halves = text.split(separator: " ", maxSplits: 1)
    guard halves.count == 2, let payloadType = UInt8(halves[0]), payloadType < 128 else { return nil }
    let parts = halves[1].split(separator: "/", omittingEmptySubsequences: false)
    guard (2...3).contains(parts.count), !parts[0].isEmpty, let clock = Int(parts[1]), (1...1_000_000).contains(clock)
    else { return nil }
    let channels = parts.count == 3 ? Int(parts[2]) ?? 1 : 1
    guard (1...255).contains(channels) else { return nil }
    self.init(payloadType: payloadType, name: String(parts[0]), clockRateHz: clock, channelCount: channels)
  }

  /// The audio types that need no `rtpmap` (RFC 3551 table 4).
  init?(staticPayloadType: UInt8) {
    let name: String
    switch staticPayloadType {
    case 0: name = "PCMU"
    case 3: name = "GSM"
    case 4: name = "G723"
    case 8: name = "PCMA"
    case 9: name = "G722"
    case 13: name = "CN"
    case 18: name = "G729"
    default: return nil
    }
    self.init(payloadType: staticPayloadType, name: name, clockRateHz: 8_000)
  }

  /// Encoding names are compared without case (RFC 8866 §6.6).
  public func isNamed(_ other: String) -> Bool { name.lowercased() == other.lowercased() }

  /// `opus/48000/2`, as it stands behind the payload type in `a=rtpmap`.
  public var rtpmap: String { "\(name)/\(clockRateHz)" + (channelCount == 1 ? "" : "/\(channelCount)") }
}

extension [SDPAttribute] {
  /// What follows `<format> ` in the first attribute of that name and format.
  fileprivate func payload(of name: String, _ format: String) -> String? { payloads(of: name, format).first }

  fileprivate func payloads(of name: String, _ format: String) -> [String] {
    compactMap { attribute in
      guard attribute.name == name, let value = attribute.value else { return nil }
      let halves = value.split(separator: " ", maxSplits: 1)
      guard halves.count == 2, halves[0] == format || (halves[0] == "*" && name == "rtcp-fb") else { return nil }
      return String(halves[1])
    }
  }
}
