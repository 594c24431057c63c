import CZlib

/// RFC 1952, as a client compresses its join request.
func gzip(_ plain: [UInt8]) -> [UInt8] {
  var stream = z_stream()
  precondition(czlib_deflate_init_gzip(&stream) == Z_OK)
  defer { deflateEnd(&stream) }
  var input = plain
  var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(plain.count))))
  let count = input.withUnsafeMutableBufferPointer { source in
    output.withUnsafeMutableBufferPointer { target in
      stream.next_in = source.baseAddress
      stream.avail_in = UInt32(source.count)
      stream.next_out = target.baseAddress
      stream.avail_out = UInt32(target.count)
      precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END)
      return target.count - Int(stream.avail_out)
    }
  }
  return Array(output[..<count])
}

func base64URL(_ bytes: [UInt8], isPadded: Bool = false) -> String {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
  var text: [UInt8] = []
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let group = bytes[start..<min(start + 3, bytes.count)]
    let word = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
    for index in 0...group.count { text.append(alphabet[word >> (18 - 6 * index) & 63]) }
    if isPadded { text += Array(repeating: UInt8(ascii: "="), count: 3 - group.count) }
  }
  return String(decoding: text, as: UTF8.self)
}
