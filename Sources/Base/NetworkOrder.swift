/// Big-endian access to packet bytes. Offsets outside the span trap: parsers check lengths first.
extension RawSpan {
  @inlinable
  public func uint8(at offset: Int) -> UInt8 { unsafeLoadUnaligned(offset, as: UInt8.self) }

  @inlinable
  public func uint16(at offset: Int) -> UInt16 { UInt16(bigEndian: unsafeLoadUnaligned(offset, as: UInt16.self)) }

  @inlinable
  public func uint32(at offset: Int) -> UInt32 { UInt32(bigEndian: unsafeLoadUnaligned(offset, as: UInt32.self)) }

  @inlinable
  public func uint64(at offset: Int) -> UInt64 { UInt64(bigEndian: unsafeLoadUnaligned(offset, as: UInt64.self)) }

  /// Copies the bytes; for tests and rare messages, never on the packet path.
  public func array() -> [UInt8] { withUnsafeBytes { Array($0) } }

  @usableFromInline
  func unsafeLoadUnaligned<T: BitwiseCopyable>(_ offset: Int, as type: T.Type) -> T {
    precondition(
      offset >= 0 && offset + MemoryLayout<T>.size <= byteCount, "offset \(offset) outside \(byteCount) bytes")
    return unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: type)
  }
}

extension MutableRawSpan {
  @inlinable
  public mutating func set(_ value: UInt8, at offset: Int) {
    storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
  }

  @inlinable
  public mutating func set(_ value: UInt16, at offset: Int) {
    storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
  }

  @inlinable
  public mutating func set(_ value: UInt32, at offset: Int) {
    storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
  }

  @inlinable
  public mutating func set(_ value: UInt64, at offset: Int) {
    storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt64.self)
  }
}
