import CRedis

/// Takes replies out of a stream of bytes (`redisReader`).
struct RESPReader: ~Copyable {
  /// Bytes of replies that are not whole yet; the bus's longest message is a quarter of it.
  static let byteLimit = 4 << 20

  private let reader: UnsafeMutablePointer<redisReader>

  /// Nil without memory.
  init?() {
    guard let reader = redisReaderCreate() else { return nil }
    self.reader = reader
  }

  deinit { redisReaderFree(reader) }

  /// `redisReaderFeed`.
  func feed(_ bytes: [UInt8]) throws(RedisFault) {
    guard reader.pointee.len - reader.pointee.pos + bytes.count <= Self.byteLimit else {
      throw RedisFault("a reply is longer than \(Self.byteLimit) bytes")
    }
    let result = bytes.withUnsafeBytes {
      redisReaderFeed(reader, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
    }
    if result != REDIS_OK { throw fault }
  }

  /// The next whole reply (`redisReaderGetReply`). Nil: more bytes are needed.
  func next() throws(RedisFault) -> RESPValue? {
    var reply: UnsafeMutableRawPointer?
    guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw fault }
    guard let reply else { return nil }
    defer { freeReplyObject(reply) }
    return RESPValue(reply.assumingMemoryBound(to: redisReply.self).pointee)
  }

  private var fault: RedisFault {
    let text = withUnsafeBytes(of: reader.pointee.errstr) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return RedisFault("this is not Redis's protocol: \(text)")
  }
}

extension RESPValue {
  /// The reader bounds how deep replies are nested.
  fileprivate init(_ reply: redisReply) {
    let bytes = UnsafeRawBufferPointer(start: reply.str, count: reply.str == nil ? 0 : Int(reply.len))
    switch reply.type {
    case REDIS_REPLY_STRING: self = .string(Array(bytes))
    case REDIS_REPLY_STATUS: self = .status(String(decoding: bytes, as: UTF8.self))
    case REDIS_REPLY_ERROR: self = .error(String(decoding: bytes, as: UTF8.self))
    case REDIS_REPLY_INTEGER: self = .integer(reply.integer)
    case REDIS_REPLY_ARRAY:
      self = .array((0..<reply.elements).compactMap { reply.element?[$0].map { RESPValue($0.pointee) } })
    default: self = .null
    }
  }
}
