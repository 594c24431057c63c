import Base

/// The `mid` header extension (RFC 9143 §15, one-byte form of RFC 8285 §4.2), ready to be written into each packet.
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

  /// Bytes of the whole extension block: four of preamble, one of element header, the text, padding to four.
  public var blockByteCount: Int { 4 + elementWordCount * 4 }

  private var elementWordCount: Int { (1 + Int(count) + 3) / 4 }

  func write(into packet: inout MutableRawSpan, at offset: Int) {
    packet.set(0xBEDE as UInt16, at: offset)
    packet.set(UInt16(elementWordCount), at: offset + 2)
    packet.set(id << 4 | (count - 1), at: offset + 4)
    for index in 0..<(elementWordCount * 4 - 1) {
      // The words are zero beyond the text, so the same loop writes the padding.
      let word = index < 8 ? high : low
      let byte =
        index < Self.maximumByteCount
        ? UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * (index % 8))) : 0
      packet.set(byte, at: offset + 5 + index)
    }
  }
}
