import Base

/// A user name fragment of ours: 8 ICE characters, kept as the 8 bytes they are on the wire so that a datagram's
/// session is found without making a string.
public struct ICEFragment: Hashable, Sendable, CustomStringConvertible {
  /// The characters in network order.
  public let bits: UInt64

  private static let characterCount = 8

  /// 48 random bits.
  public init(using generator: inout some RandomNumberGenerator) {
    var bits: UInt64 = 0
    for _ in 0..<Self.characterCount { bits = bits << 8 | UInt64(ICECharacters.random(using: &generator)) }
    self.bits = bits
  }

  /// Nil unless it is 8 ICE characters.
  public init?(_ text: some StringProtocol) {
    guard text.utf8.count == Self.characterCount, text.utf8.allSatisfy(ICECharacters.contains) else { return nil }
    bits = text.utf8.reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The fragment before the colon of USERNAME in a binding request. Nil for any other datagram, and for a user name
  /// that is none of ours. It proves nothing: `ICELiteAgent.receive` does.
  public init?(addressedBy datagram: RawSpan) {
    guard let message = STUNMessage(datagram), message.kind == .bindingRequest, let username = message.username else {
      return nil
    }
    self.init(username: datagram.extracting(username))
  }

  /// Nil unless `username` is 8 bytes, a colon and the rest.
  init?(username: RawSpan) {
    guard username.byteCount > Self.characterCount, username.uint8(at: Self.characterCount) == UInt8(ascii: ":") else {
      return nil
    }
    bits = username.uint64(at: 0)
  }

  public var description: String {
    withUnsafeBytes(of: bits.bigEndian) { String(decoding: $0, as: UTF8.self) }
  }
}

/// `ice-char` of RFC 8839 §5.1: letters, digits, `+` and `/`.
enum ICECharacters {
  private static let all = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// A password of ours: 22…256 of them.
  static func areUsable(_ password: String) -> Bool {
    (22...256).contains(password.utf8.count) && password.utf8.allSatisfy(contains)
  }

  static func contains(_ character: UInt8) -> Bool { all.contains(character) }

  static func random(using generator: inout some RandomNumberGenerator) -> UInt8 {
    all[Int.random(in: 0..<all.count, using: &generator)]
  }
}
