import Base

/// One `m=` section of a WebRTC description.
public struct WebRTCSection: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable {
    case audio, video, application, other
  }

  /// An RTP header extension (RFC 8285 §5).
  public struct HeaderExtension: Hashable, Sendable {
    public var id: UInt8
    public var uri: String

    public init(id: UInt8, uri: String) {
      self.id = id
      self.uri = uri
    }

    /// RFC 6464.
    public static let audioLevelURI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
    /// RFC 8843 §15.
    public static let midURI = "urn:ietf:params:rtp-hdrext:sdes:mid"
  }

  public let mid: String
  public let kind: Kind
  /// Port zero and not `bundle-only`.
  public let isRejected: Bool
  public let isBundled: Bool
  /// As the writer of the description sees it.
  public let direction: MediaDirection
  public let setup: DTLSSetup?
  public let ice: ICECredentials?
  public let fingerprints: [Fingerprint]
  /// `a=candidate` of what can be used; at most 64.
  public let candidates: [ICECandidate]
  public let codecs: [RTPCodec]
  public let headerExtensions: [HeaderExtension]
  /// In the order written, each once.
  public let ssrcs: [UInt32]
  public let msid: MediaStreamID?
  /// RFC 8841 §5. Nil outside `application`.
  public let sctpPort: UInt16?
  /// The largest message the writer takes, in bytes (RFC 8841 §6): 65,536 when it says nothing, 0 for no limit.
  public let maxMessageSize: Int
  /// What an answer must repeat of the `m=` line.
  let media: String
  public let transportProtocol: String
  public let formats: [String]

  public var audioLevelExtensionID: UInt8? { extensionID(HeaderExtension.audioLevelURI) }
  public var midExtensionID: UInt8? { extensionID(HeaderExtension.midURI) }

  public func extensionID(_ uri: String) -> UInt8? { headerExtensions.first { $0.uri == uri }?.id }

  /// The offered or answered form of one of the room's codecs.
  public func codec(_ codec: RoomCodec) -> RTPCodec? {
    codecs.first { $0.isNamed(codec.name) && $0.clockRateHz == codec.clockRateHz }
  }

  init(
    _ media: MediaDescription, index: Int, bundle: Set<String>, in description: SessionDescription
  ) throws(SDPError) {
    let attributes = media.attributes
    // Without BUNDLE a section needs no mid; its place is as good a name.
    let mid = attributes.value("mid") ?? String(index)
    guard (1...32).contains(mid.utf8.count), !mid.contains(" ") else {
      throw SDPError(
        .malformed, "section \(index): mid \"\(mid.prefix(40))\", expected 1…32 characters without a space")
    }
    self.mid = mid
    kind = Kind(rawValue: media.kind) ?? .other
    isRejected = media.port == 0 && !attributes.contains("bundle-only")
    isBundled = bundle.contains(mid)
    direction = description.direction(of: media)
    setup = (attributes.value("setup") ?? description.attributes.value("setup")).flatMap(DTLSSetup.init)
    let own = try Self.credentials(attributes, mid)
    ice = own == nil ? try Self.credentials(description.attributes, mid) : own
    fingerprints = try Self.fingerprints(attributes + description.attributes, mid)
    candidates = Array(attributes.values("candidate").lazy.compactMap { ICECandidate(parsing: $0) }.prefix(64))
    codecs = kind == .audio || kind == .video ? media.codecs : []
    headerExtensions = Self.headerExtensions(attributes)
    var ssrcs: [UInt32] = []
    for value in attributes.values("ssrc") {
      if let ssrc = UInt32(value.prefix { $0 != " " }), !ssrcs.contains(ssrc), ssrcs.count < 16 { ssrcs.append(ssrc) }
    }
    self.ssrcs = ssrcs
    msid = attributes.value("msid").flatMap(MediaStreamID.init)
    sctpPort = kind == .application ? attributes.value("sctp-port").flatMap(UInt16.init) : nil
    maxMessageSize = attributes.value("max-message-size").flatMap(Int.init).map { max(0, $0) } ?? 65_536
    self.media = media.kind
    transportProtocol = media.transport
    formats = media.formats
  }

  private static func credentials(_ attributes: [SDPAttribute], _ mid: String) throws(SDPError) -> ICECredentials? {
    guard let ufrag = attributes.value("ice-ufrag"), let password = attributes.value("ice-pwd") else { return nil }
    guard (4...256).contains(ufrag.utf8.count), (22...256).contains(password.utf8.count) else {
      throw SDPError(.malformed, "mid \(mid): expected an ice-ufrag of 4…256 and an ice-pwd of 22…256 characters")
    }
    return ICECredentials(usernameFragment: ufrag, password: password)
  }

  private static func fingerprints(_ attributes: [SDPAttribute], _ mid: String) throws(SDPError) -> [Fingerprint] {
    var fingerprints: [Fingerprint] = []
    for value in attributes.values("fingerprint") {
      guard let fingerprint = Fingerprint(value) else {
        throw SDPError(.malformed, "mid \(mid): fingerprint \"\(value.prefix(40))\", expected <hash> <AB:CD:…>")
      }
      if !fingerprints.contains(fingerprint), fingerprints.count < 8 { fingerprints.append(fingerprint) }
    }
    return fingerprints
  }

  private static func headerExtensions(_ attributes: [SDPAttribute]) -> [HeaderExtension] {
    attributes.values("extmap").compactMap { value in
      let fields = value.split(separator: " ")
      guard fields.count >= 2, let id = UInt8(fields[0].prefix { $0 != "/" }), id > 0 else { return nil }
      return HeaderExtension(id: id, uri: String(fields[1]))
    }
  }
}

/// `a=msid:<stream> <track>` (RFC 8830). LiveKit clients read `PA_…|TR_… TR_…` as participant and track.
public struct MediaStreamID: Hashable, Sendable, CustomStringConvertible {
  public var stream: String
  /// Empty when only the stream is named.
  public var track: String

  public init(stream: String, track: String) {
    self.stream = stream
    self.track = track
  }

  public init?(_ value: String) {
    let fields = value.split(separator: " ")
    guard (1...2).contains(fields.count) else { return nil }
    self.init(stream: String(fields[0]), track: fields.count == 2 ? String(fields[1]) : "")
  }

  /// The form in which a LiveKit server names a participant's track.
  public init(participantSID: String, trackSID: String) {
    self.init(stream: "\(participantSID)|\(trackSID)", track: trackSID)
  }

  public var description: String { track.isEmpty ? stream : "\(stream) \(track)" }
}

/// A codec of a room's audio tracks.
public enum RoomCodec: Hashable, Sendable, CaseIterable {
  case opus, pcmu

  public var name: String { self == .opus ? "opus" : "PCMU" }
  public var clockRateHz: Int { self == .opus ? 48_000 : 8_000 }
  public var channelCount: Int { self == .opus ? 2 : 1 }
  /// The type our own offers use; an answer repeats the offer's.
  public var payloadType: UInt8 { self == .opus ? 111 : 0 }
  /// What we take: mono, in-band FEC used when it is there (RFC 7587 §6.1).
  public var formatParameters: String? { self == .opus ? "minptime=10;useinbandfec=1" : nil }
}
