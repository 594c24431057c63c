import CZlib

/// Decompresses RFC 1952 data of bounded size.
public enum GzipDecoder {
  /// Nil when the data is not one whole gzip member, or expands to more than `maxByteCount` bytes.
  public static func decode(_ input: [UInt8], maxByteCount: Int) -> [UInt8]? {
    guard input.count <= maxByteCount, maxByteCount < Int(UInt32.max) else { return nil }
    var stream = z_stream()
    guard czlib_inflate_init_gzip(&stream) == Z_OK else { return nil }
    defer { inflateEnd(&stream) }
    var output: [UInt8] = []
    var input = input
    return input.withUnsafeMutableBufferPointer { source in
      stream.next_in = source.baseAddress
      stream.avail_in = UInt32(source.count)
      return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16_384) { chunk -> [UInt8]? in
        while true {
          stream.next_out = chunk.baseAddress
          stream.avail_out = UInt32(chunk.count)
          let status = inflate(&stream, Z_NO_FLUSH)
          let count = chunk.count - Int(stream.avail_out)
          guard status == Z_OK || status == Z_STREAM_END, output.count + count <= maxByteCount else { return nil }
          output.append(contentsOf: chunk[..<count])
          if status == Z_STREAM_END { return output }
          // Neither input left nor output made: the data ends early.
          if count == 0 && stream.avail_in == 0 { return nil }
        }
      }
    }
  }
}
