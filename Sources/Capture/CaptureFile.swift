/// One frame of a capture file.
public struct CapturedFrame: Hashable, Sendable {
  /// Since the Unix epoch, in nanoseconds.
  public var time: Int64
  /// The LINKTYPE_ value of the interface (tcpdump.org/linktypes.html).
  public var linkType: UInt32
  /// What was captured: fewer bytes than were sent when the capture was made with a snap length.
  public var bytes: [UInt8]

  public init(time: Int64, linkType: UInt32, bytes: [UInt8]) {
    self.time = time
    self.linkType = linkType
    self.bytes = bytes
  }
}

/// Reads whole capture files: classic pcap of either byte order and resolution, and pcapng.
public enum CaptureFile {
  /// The frames in file order. A last frame that was cut off while it was written is left out.
  public static func frames(of bytes: [UInt8]) throws(CaptureError) -> [CapturedFrame] {
    let isSection = bytes.starts(with: [0x0A, 0x0D, 0x0D, 0x0A])
    return isSection ? try PcapNGReader.frames(of: bytes) : try PcapReader.frames(of: bytes)
  }
}

/// Bounds-checked integers of a file whose byte order is known only after its first bytes.
struct FileBytes {
  let bytes: [UInt8]
  var isLittleEndian: Bool

  var count: Int { bytes.count }

  func uint16(at offset: Int) -> UInt16? {
    guard offset >= 0, offset <= bytes.count - 2 else { return nil }
    let value = UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
    return isLittleEndian ? value.byteSwapped : value
  }

  func uint32(at offset: Int) -> UInt32? {
    guard offset >= 0, offset <= bytes.count - 4 else { return nil }
    var value: UInt32 = 0
    for index in offset..<offset + 4 { value = value << 8 | UInt32(bytes[index]) }
    return isLittleEndian ? value.byteSwapped : value
  }
}
