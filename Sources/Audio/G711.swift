import Base

/// The two companding laws of ITU-T G.711, by table: 65,536 entries to encode, 256 to decode.
public enum G711: Hashable, Sendable {
  /// µ-law, RTP payload type 0.
  case pcmu
  /// A-law with the even bits inverted, RTP payload type 8.
  case pcma

  /// The octet that stands for zero amplitude.
  public var silence: UInt8 { self == .pcmu ? 0xFF : 0xD5 }

  /// Writes one octet per sample to `packet` from `offset` on. Traps when they do not fit.
  public func encode(_ samples: Span<Int16>, into packet: inout MutableRawSpan, at offset: Int = 0) {
    precondition(offset >= 0 && offset + samples.count <= packet.byteCount, "\(samples.count) samples do not fit")
    let table = (self == .pcmu ? G711Tables.pcmu : G711Tables.pcma).octets.span
    precondition(table.count == 1 << 16)
    packet.withUnsafeMutableBytes { bytes in
      for index in samples.indices {
        // In bounds: the table has an entry for each 16-bit pattern, the octets were checked above.
        let octet = unsafe table[unchecked: Int(UInt16(bitPattern: samples[unchecked: index]))]
        unsafe bytes.storeBytes(of: octet, toByteOffset: offset + index, as: UInt8.self)
      }
    }
  }

  /// Writes one sample per octet and returns how many: the lesser of both lengths.
  @discardableResult
  public func decode(_ payload: RawSpan, into samples: inout MutableSpan<Int16>) -> Int {
    let count = min(payload.byteCount, samples.count)
    let table = (self == .pcmu ? G711Tables.pcmu : G711Tables.pcma).samples.span
    precondition(table.count == 1 << 8)
    payload.withUnsafeBytes { bytes in
      samples.withUnsafeMutableBufferPointer { samples in
        for index in 0..<count { unsafe samples[index] = table[unchecked: Int(bytes[index])] }
      }
    }
    return count
  }
}
