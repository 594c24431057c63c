import Base

/// One telephone-event payload (RFC 4733 §2.3).
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///     |     event     |E|R| volume    |          duration             |
///     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
public struct TelephoneEvent: Hashable, Sendable, BitwiseCopyable {
  public static let byteCount = 4

  public var code: UInt8
  public var isEnd: Bool
  /// Power below the loudest, in dB: 0...63.
  public var volume: UInt8
  /// Since the timestamp of the packet's header, in RTP clock ticks.
  public var durationTicks: UInt16

  public init(code: UInt8, isEnd: Bool, volume: UInt8, durationTicks: UInt16) {
    self.code = code
    self.isEnd = isEnd
    self.volume = volume & 0x3F
    self.durationTicks = durationTicks
  }

  /// Reads the first event of a payload. Nil when it is too short.
  public init?(_ payload: RawSpan) {
    guard payload.byteCount >= Self.byteCount else { return nil }
    let flags = payload.uint8(at: 1)
    self.init(
      code: payload.uint8(at: 0), isEnd: flags & 0x80 != 0, volume: flags & 0x3F,
      durationTicks: payload.uint16(at: 2))
  }

  /// Writes `byteCount` bytes at `offset`. False when they do not fit.
  @discardableResult
  public func write(into packet: inout MutableRawSpan, at offset: Int) -> Bool {
    guard offset >= 0, offset + Self.byteCount <= packet.byteCount else { return false }
    packet.set(code, at: offset)
    packet.set((isEnd ? 0x80 : 0) | volume & 0x3F, at: offset + 1)
    packet.set(durationTicks, at: offset + 2)
    return true
  }
}
