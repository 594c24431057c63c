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
    // By payload type; one pass over the attributes, which are many in a browser's offer.
    var places = [Int?](repeating: nil, count: 128)
    for format in formats {
      guard let payloadType = UInt8(format), payloadType < 128, places[Int(payloadType)] == nil else { continue }
      places[Int(payloadType)] = codecs.count
      codecs.append(RTPCodec(payloadType: payloadType, name: "", clockRateHz: 0))
    }
    for attribute in attributes {
      guard let value = attribute.value, let kind = RTPCodec.Attribute(rawValue: attribute.name),
        let space = value.utf8.firstIndex(of: 0x20)
      else { continue }
      let text = value[space...].drop { $0 == " " }
      if value.utf8.first == UInt8(ascii: "*"), kind == .feedback {
        for index in codecs.indices { codecs[index].feedback.append(String(text)) }
      } else if let payloadType = UInt8(value[..<space]), payloadType < 128, let place = places[Int(payloadType)] {
        codecs[place].take(kind, text)
      }
    }
    for index in codecs.indices where codecs[index].name.isEmpty { codecs[index].takeStaticMapping() }
    return codecs.filter { !$0.name.isEmpty }
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

  /// The attributes that say what a payload type means.
  enum Attribute: String {
    case mapping = "rtpmap"
    case parameters = "fmtp"
    case feedback = "rtcp-fb"
  }

  /// Takes what follows the payload type: `opus/48000/2`, `minptime=10`, `nack`. The first mapping and the first
  /// parameters count; what is not a mapping is left out.
  fileprivate mutating func take(_ attribute: Attribute, _ text: Substring) {
    switch attribute {
    case .parameters: formatParameters = formatParameters ?? String(text)
    case .feedback: feedback.append(String(text))
    case .mapping:
      let parts = text.split(separator: "/", omittingEmptySubsequences: false)
      guard name.isEmpty, (2...3).contains(parts.count), !parts[0].isEmpty, let clock = Int(parts[1]),
        (1...1_000_000).contains(clock)
      else { return }
      let channels = parts.count == 3 ? Int(parts[2]) ?? 1 : 1
      guard (1...255).contains(channels) else { return }
      name = String(parts[0])
      clockRateHz = clock
      channelCount = channels
    }
  }

  /// The audio types that need no `rtpmap` (RFC 3551 table 4).
  fileprivate mutating func takeStaticMapping() {
    switch payloadType {
    case 0: name = "PCMU"
    case 3: name = "GSM"
    case 4: name = "G723"
    case 8: name = "PCMA"
    case 9: name = "G722"
    case 13: name = "CN"
    case 18: name = "G729"
    default: return
    }
    clockRateHz = 8_000
  }

  /// Encoding names are compared without case (RFC 8866 §6.6).
  public func isNamed(_ other: String) -> Bool { name.lowercased() == other.lowercased() }

  /// `opus/48000/2`, as it stands behind the payload type in `a=rtpmap`.
  public var rtpmap: String { "\(name)/\(clockRateHz)" + (channelCount == 1 ? "" : "/\(channelCount)") }
}
