/// Why a session description or an offer/answer exchange failed.
public struct SDPError: Error, Hashable, Sendable {
  /// Grows with later versions: switch with a default.
  public enum Code: String, Hashable, Sendable {
    /// The text is not SDP, or a value in it is not what its field must hold.
    case malformed
    /// A size or count is above `SDPLimits`.
    case tooLarge
    /// No stream of the offer is audio.
    case noAudio
    /// Audio is there, but no codec we speak.
    case noCommonCodec
    /// Audio is there, but only over a transport we do not speak (`RTP/SAVP` without keys, for one).
    case incompatibleTransport
    /// The peer's address is of a family, or of a kind, that we cannot send to.
    case incompatibleAddress
  }

  public let code: Code
  /// The line of the description, from 1. Nil when the reason is not one line.
  public let line: Int?
  /// What was found and what was expected, for a log and a call record.
  public let reason: String

  public init(_ code: Code, line: Int? = nil, _ reason: String) {
    self.code = code
    self.line = line
    self.reason = reason
  }

  /// 400 for a broken description, 488 for one that we understand and cannot serve (RFC 3261 §21.4.26).
  public var sipStatus: Int {
    switch code {
    case .malformed, .tooLarge: 400
    case .noAudio, .noCommonCodec, .incompatibleTransport, .incompatibleAddress: 488
    }
  }

  /// The warn-code that goes with a 488 (RFC 3261 §20.43). Nil for a 400.
  public var warningCode: Int? {
    switch code {
    case .malformed, .tooLarge: nil
    case .noAudio: 304
    case .noCommonCodec: 305
    case .incompatibleTransport: 302
    case .incompatibleAddress: 301
    }
  }
}

extension SDPError: CustomStringConvertible {
  public var description: String { line.map { "SDP line \($0): \(reason)" } ?? "SDP: \(reason)" }
}

/// Bounds on a description that comes from the network.
public struct SDPLimits: Hashable, Sendable {
  public var byteCount: Int
  public var lineByteCount: Int
  public var mediaCount: Int
  /// Attributes of the session, and of each media section.
  public var attributeCount: Int
  public var formatCount: Int

  public init(byteCount: Int, lineByteCount: Int, mediaCount: Int, attributeCount: Int, formatCount: Int) {
    self.byteCount = byteCount
    self.lineByteCount = lineByteCount
    self.mediaCount = mediaCount
    self.attributeCount = attributeCount
    self.formatCount = formatCount
  }

  /// A SIP body: real ones have 300–2,500 bytes and at most four sections.
  public static let sip = SDPLimits(
    byteCount: 16_384, lineByteCount: 1_024, mediaCount: 16, attributeCount: 128, formatCount: 64)

  /// A browser's offer: 14 kB with seven sections, and one audio section more per participant it hears.
  public static let webRTC = SDPLimits(
    byteCount: 524_288, lineByteCount: 4_096, mediaCount: 256, attributeCount: 512, formatCount: 128)
}
