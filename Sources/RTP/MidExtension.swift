import Base

/// The `mid` header extension (RFC 9143 §15, one-byte form of RFC 8285 §4.2), ready to be written into each packet as
/// one element of `HeaderExtensions`.
public struct MidExtension: Sendable, BitwiseCopyable {
  /// A one-byte extension element holds at most this many bytes.
  public static let maximumByteCount = 16

  private let id: UInt8
  private let count: UInt8
  private let high: UInt64
  private let low: UInt64

  /// `id` is 1...14 as negotiated by `a=extmap`; `mid` has 1...16 bytes of UTF-8. Nil otherwise.
  public init?(id: UInt8, mid: String) {
    let bytes = Array(mid.utf8)
    guard (1...14).contains(id), (1...Self.maximumByteCount).contains(bytes.count) else {
      return nil
    }
    var words: (high: UInt64, low: UInt64) = (0, 0)
    for index in 0..<Self.maximumByteCount {
      let byte = UInt64(index < bytes.count ? bytes[index] : 0)
      if index < 8 {
        words.high = words.high << 8 | byte
      } else {
        words.low = words.low << 8 | byte
      }
    }
    self.id = id
    count = UInt8(bytes.count)
    (high, low) = words
  }

  /// One of element header and the text.
  var elementByteCount: Int { 1 + Int(count) }

  func write(into packet: inout MutableRawSpan, at offset: Int) {
    packet.set(id << 4 | (count - 1), at: offset)
    for index in 0..<Int(count) {
      let word = index < 8 ? high : low
      packet.set(UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * (index % 8))), at: offset + 1 + index)
    }
  }
}
