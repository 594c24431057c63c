/// In which of a cluster's 16,384 slots a key lies: CRC-16/XMODEM of the key, or of what stands in its first braces.
enum HashSlot {
  static let count = 16_384

  static func of(_ key: String) -> Int {
    let bytes = Array(key.utf8)
    guard let open = bytes.firstIndex(of: UInt8(ascii: "{")),
      let close = bytes[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
    else { return Int(crc(bytes[...])) % count }
    return Int(crc(bytes[(open + 1)..<close])) % count
  }

  private static func crc(_ bytes: ArraySlice<UInt8>) -> UInt16 {
    var crc: UInt16 = 0
    for byte in bytes {
      crc ^= UInt16(byte) << 8
      for _ in 0..<8 { crc = crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021 }
    }
    return crc
  }
}
