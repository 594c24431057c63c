import CZlib

/// Compresses to RFC 1952 data.
public enum GzipEncoder {
  /// Nil without memory, and for 4 GiB or more.
  public static func encode(_ input: [UInt8]) -> [UInt8]? {
    guard let count = UInt32(exactly: input.count) else { return nil }
    var stream = z_stream()
    guard czlib_deflate_init_gzip(&stream) == Z_OK else { return nil }
    defer { deflateEnd(&stream) }
    var input = input
    let bound = Int(deflateBound(&stream, UInt(count)))
    return input.withUnsafeMutableBufferPointer { source in
      stream.next_in = source.baseAddress
      stream.avail_in = count
      return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: bound) { output -> [UInt8]? in
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(clamping: bound)
        guard deflate(&stream, Z_FINISH) == Z_STREAM_END else { return nil }
        return Array(output[..<(bound - Int(stream.avail_out))])
      }
    }
  }
}
