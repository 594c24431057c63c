import COpenSSL

/// HMAC-SHA1 (RFC 2104) under one key, without allocation: the two padded key blocks are hashed once.
struct HMACSHA1: Sendable {
  typealias Tag = InlineArray<20, UInt8>

  private let inner: SHA_CTX
  private let outer: SHA_CTX

  init(key: [UInt8]) {
    var block = [UInt8](repeating: 0, count: Int(SHA_CBLOCK))
    if key.count > block.count {
      SHA1(key, key.count, &block)
    } else {
      block.replaceSubrange(0..<key.count, with: key)
    }
    inner = Self.state(after: block.map { $0 ^ 0x36 })
    outer = Self.state(after: block.map { $0 ^ 0x5C })
  }

  func makeComputation() -> Computation { Computation(inner: inner, outer: outer) }

  /// A message that is fed in pieces.
  struct Computation {
    private var state: SHA_CTX
    private let outer: SHA_CTX

    fileprivate init(inner: SHA_CTX, outer: SHA_CTX) {
      state = inner
      self.outer = outer
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) { SHA1_Update(&state, bytes.baseAddress, bytes.count) }

    mutating func update(_ word: UInt32) {
      var bytes = word.bigEndian
      SHA1_Update(&state, &bytes, 4)
    }

    /// The tag of all that was fed. The computation is then used up.
    mutating func finish() -> Tag {
      var tag = Tag(repeating: 0)
      var last = outer
      var bytes = tag.mutableSpan
      bytes.withUnsafeMutableBufferPointer { tag in
        SHA1_Final(tag.baseAddress, &state)
        SHA1_Update(&last, tag.baseAddress, tag.count)
        SHA1_Final(tag.baseAddress, &last)
      }
      return tag
    }
  }

  private static func state(after block: [UInt8]) -> SHA_CTX {
    var state = SHA_CTX()
    SHA1_Init(&state)
    SHA1_Update(&state, block, block.count)
    return state
  }
}

extension HMACSHA1.Tag {
  /// Compares the first `count` bytes of both in constant time.
  func equals(_ other: UnsafeRawPointer, count: Int) -> Bool {
    span.withUnsafeBufferPointer { CRYPTO_memcmp($0.baseAddress, other, min(count, $0.count)) == 0 }
  }

  /// Copies the first `count` bytes.
  func copy(to destination: UnsafeMutableRawPointer, count: Int) {
    span.withUnsafeBufferPointer { tag in
      for index in 0..<min(count, tag.count) {
        destination.storeBytes(of: tag[index], toByteOffset: index, as: UInt8.self)
      }
    }
  }
}
