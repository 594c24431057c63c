/// The classic format: a 24-byte header, then records of 16 bytes and a frame (draft-ietf-opsawg-pcap).
enum PcapReader {
  static let microsecondMagic: UInt32 = 0xA1B2_C3D4
  static let nanosecondMagic: UInt32 = 0xA1B2_3C4D

  static func frames(of bytes: [UInt8]) throws(CaptureError) -> [CapturedFrame] {
    var file = FileBytes(bytes: bytes, isLittleEndian: false)
    guard var magic = file.uint32(at: 0) else { throw CaptureError(at: 0, "\(bytes.count) bytes, expected a capture") }
    if magic.byteSwapped == microsecondMagic || magic.byteSwapped == nanosecondMagic {
      file.isLittleEndian = true
      magic = magic.byteSwapped
    }
    guard magic == microsecondMagic || magic == nanosecondMagic, let network = file.uint32(at: 20) else {
      throw CaptureError(at: 0, "neither a pcap nor a pcapng header")
    }
    let unit: Int64 = magic == nanosecondMagic ? 1 : 1_000
    // The upper bits tell about frame check sequences.
    let linkType = network & 0xFFFF
    var frames: [CapturedFrame] = []
    var offset = 24
    while let seconds = file.uint32(at: offset), let fraction = file.uint32(at: offset + 4),
      let captured = file.uint32(at: offset + 8), file.uint32(at: offset + 12) != nil
    {
      guard captured <= CaptureLimits.frameByteCount else {
        throw CaptureError(at: offset, "a frame of \(captured) bytes, expected at most \(CaptureLimits.frameByteCount)")
      }
      let end = offset + 16 + Int(captured)
      guard end <= bytes.count else { break }
      guard frames.count < CaptureLimits.frameCount else {
        throw CaptureError(at: offset, "more than \(CaptureLimits.frameCount) frames")
      }
      frames.append(
        CapturedFrame(
          time: Int64(seconds) * 1_000_000_000 + Int64(fraction) * unit, linkType: linkType,
          bytes: Array(bytes[offset + 16..<end])))
      offset = end
    }
    return frames
  }
}
