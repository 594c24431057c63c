import Base

/// The header extensions of one stream's packets (one-byte form of RFC 8285 §4.2), ready to be written into each:
/// the media section that it belongs to (RFC 9143 §15), and how loud a packet is (RFC 6464).
public struct HeaderExtensions: Sendable, BitwiseCopyable {
  private static let preambleByteCount = 4
  private static let levelByteCount = 2

  private let mid: MidExtension?
  /// Zero: packets do not say.
  private let levelID: UInt8

  /// `levelID` is 1…14 as negotiated by `a=extmap`. Nil when there is nothing to write.
  public init?(mid: MidExtension?, levelID: UInt8?) {
    let levelID = levelID.flatMap { (1...14).contains($0) ? $0 : nil }
    guard mid != nil || levelID != nil else { return nil }
    self.mid = mid
    self.levelID = levelID ?? 0
  }

  /// Bytes of the whole block, preamble and padding to four bytes included. The same for each packet.
  public var blockByteCount: Int { Self.preambleByteCount + elementWordCount * 4 }

  private var elementWordCount: Int {
    ((mid?.elementByteCount ?? 0) + (levelID == 0 ? 0 : Self.levelByteCount) + 3) / 4
  }

  /// `level` is in decibels below full scale, 0…127; without it that element is left out.
  func write(into packet: inout MutableRawSpan, at offset: Int, level: UInt8?, hasVoice: Bool) {
    packet.set(0xBEDE as UInt16, at: offset)
    packet.set(UInt16(elementWordCount), at: offset + 2)
    var position = offset + Self.preambleByteCount
    if let mid {
      mid.write(into: &packet, at: position)
      position += mid.elementByteCount
    }
    if levelID != 0, let level {
      packet.set(levelID << 4, at: position)
      packet.set((hasVoice ? 0x80 : 0) | min(level, 127), at: position + 1)
      position += Self.levelByteCount
    }
    let end = offset + blockByteCount
    while position < end {
      packet.set(UInt8(0), at: position)
      position += 1
    }
  }
}
