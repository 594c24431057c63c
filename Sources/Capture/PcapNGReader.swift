/// pcapng: sections of blocks, each with its length at both ends (draft-ietf-opsawg-pcapng).
struct PcapNGReader {
  private struct Interface {
    var linkType: UInt32
    /// Ticks of a time stamp in one second.
    var ticksPerSecond: UInt64 = 1_000_000
    var offsetSeconds: Int64 = 0
  }

  private var file: FileBytes
  private var interfaces: [Interface] = []
  private var frames: [CapturedFrame] = []

  static func frames(of bytes: [UInt8]) throws(CaptureError) -> [CapturedFrame] {
    var reader = PcapNGReader(file: FileBytes(bytes: bytes, isLittleEndian: false))
    try reader.readBlocks()
    return reader.frames
  }

  private init(file: FileBytes) { self.file = file }

  private mutating func readBlocks() throws(CaptureError) {
    var offset = 0
    while offset <= file.count - 12, let type = file.uint32(at: offset) {
      if type == 0x0A0D_0D0A { try openSection(at: offset) }
      guard let length = file.uint32(at: offset + 4), length >= 12, length % 4 == 0 else {
        throw CaptureError(at: offset, "a block whose length is not a multiple of 4 from 12 up")
      }
      // The last block of a capture that is still being written.
      guard Int(length) <= file.count - offset else { return }
      let body = offset + 8..<offset + Int(length) - 4
      switch type {
      case 1: addInterface(body)
      case 2: try addFrame(body, interface: file.uint16(at: body.lowerBound).map(Int.init), data: 20, time: 4)
      case 3: try addSimpleFrame(body)
      case 6: try addFrame(body, interface: file.uint32(at: body.lowerBound).map(Int.init), data: 20, time: 4)
      default: break
      }
      offset += Int(length)
    }
  }

  /// Every section has its own byte order and its own interfaces.
  private mutating func openSection(at offset: Int) throws(CaptureError) {
    file.isLittleEndian = false
    let magic = file.uint32(at: offset + 8)
    guard magic == 0x1A2B_3C4D || magic == 0x4D3C_2B1A else {
      throw CaptureError(at: offset, "a section without its byte order mark")
    }
    file.isLittleEndian = magic == 0x4D3C_2B1A
    interfaces = []
  }

  private mutating func addInterface(_ body: Range<Int>) {
    guard interfaces.count < CaptureLimits.flowCount, let linkType = file.uint16(at: body.lowerBound) else { return }
    var interface = Interface(linkType: UInt32(linkType))
    var offset = body.lowerBound + 8
    while offset + 4 <= body.upperBound, let code = file.uint16(at: offset), code != 0,
      let length = file.uint16(at: offset + 2), offset + 4 + Int(length) <= body.upperBound
    {
      if code == 9, length == 1 { interface.ticksPerSecond = Self.resolution(file.bytes[offset + 4]) }
      if code == 14, length == 8, let high = file.uint32(at: offset + (file.isLittleEndian ? 8 : 4)),
        let low = file.uint32(at: offset + (file.isLittleEndian ? 4 : 8))
      {
        interface.offsetSeconds = Int64(bitPattern: UInt64(high) << 32 | UInt64(low))
      }
      offset += 4 + (Int(length) + 3) / 4 * 4
    }
    interfaces.append(interface)
  }

  /// if_tsresol: a negative power of 10, or of 2 with the top bit set.
  private static func resolution(_ value: UInt8) -> UInt64 {
    if value & 0x80 != 0 { return 1 << UInt64(min(value & 0x7F, 32)) }
    return (0..<min(value, 9)).reduce(1) { product, _ in product * 10 }
  }

  private mutating func addFrame(_ body: Range<Int>, interface: Int?, data: Int, time: Int) throws(CaptureError) {
    guard let interface, interfaces.indices.contains(interface), let high = file.uint32(at: body.lowerBound + time),
      let low = file.uint32(at: body.lowerBound + time + 4), let length = file.uint32(at: body.lowerBound + 12)
    else { return }
    let timing = interfaces[interface]
    let ticks = UInt64(high) << 32 | UInt64(low)
    let (seconds, rest) = ticks.quotientAndRemainder(dividingBy: timing.ticksPerSecond)
    let nanoseconds = Int64(clamping: rest &* 1_000_000_000 / timing.ticksPerSecond)
    // Times that Int64 does not hold come from broken files only.
    let total = (Int64(clamping: seconds) &+ timing.offsetSeconds) &* 1_000_000_000 &+ nanoseconds
    try append(body.lowerBound + data, Int(length), in: body, time: total, linkType: timing.linkType)
  }

  /// A simple packet block has no time stamp and belongs to the first interface.
  private mutating func addSimpleFrame(_ body: Range<Int>) throws(CaptureError) {
    guard let interface = interfaces.first, let length = file.uint32(at: body.lowerBound) else { return }
    let captured = min(Int(length), body.count - 4)
    try append(body.lowerBound + 4, captured, in: body, time: frames.last?.time ?? 0, linkType: interface.linkType)
  }

  private mutating func append(
    _ start: Int, _ length: Int, in body: Range<Int>, time: Int64, linkType: UInt32
  ) throws(CaptureError) {
    guard length <= CaptureLimits.frameByteCount, start <= body.upperBound, length <= body.upperBound - start else {
      throw CaptureError(at: start, "a frame of \(length) bytes in a block of \(body.count)")
    }
    guard frames.count < CaptureLimits.frameCount else {
      throw CaptureError(at: start, "more than \(CaptureLimits.frameCount) frames")
    }
    frames.append(CapturedFrame(time: time, linkType: linkType, bytes: Array(file.bytes[start..<start + length])))
  }
}
