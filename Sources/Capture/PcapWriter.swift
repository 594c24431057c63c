import Base

/// Writes a classic pcap file of UDP datagrams, so that Wireshark opens what a test saw.
public struct PcapWriter: Sendable {
  /// The file so far.
  public private(set) var bytes: [UInt8] = []
  private let isLittleEndian: Bool
  private let isNanosecond: Bool

  public init(isLittleEndian: Bool = true, isNanosecond: Bool = false) {
    self.isLittleEndian = isLittleEndian
    self.isNanosecond = isNanosecond
    append(isNanosecond ? PcapReader.nanosecondMagic : PcapReader.microsecondMagic)
    // Version 2.4, as two 16-bit numbers in the file's byte order.
    bytes += isLittleEndian ? [2, 0, 4, 0] : [0, 2, 0, 4]
    append(0)
    append(0)
    append(UInt32(CaptureLimits.frameByteCount))
    append(LinkLayer.rawIP)
  }

  /// Appends one frame as it is; `time` in nanoseconds since the Unix epoch.
  public mutating func append(frame: [UInt8], at time: Int64) {
    append(UInt32(truncatingIfNeeded: time / 1_000_000_000))
    append(UInt32(truncatingIfNeeded: time % 1_000_000_000 / (isNanosecond ? 1 : 1_000)))
    append(UInt32(frame.count))
    append(UInt32(frame.count))
    bytes += frame
  }

  /// Appends a datagram in an IP packet of its addresses' family. Both must be of the same.
  public mutating func append(_ payload: [UInt8], from source: Endpoint, to destination: Endpoint, at time: Int64) {
    append(frame: IPPacket.frame(payload, from: source, to: destination), at: time)
  }

  private mutating func append(_ value: UInt32) {
    let ordered = isLittleEndian ? value.byteSwapped : value
    for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: ordered >> UInt32(shift))) }
  }
}
