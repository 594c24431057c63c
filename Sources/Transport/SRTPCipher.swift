import Base
import COpenSSL

/// The session keys of RTP or of RTCP in one direction, and what they do to a packet's bytes.
///
/// Owns an `EVP_CIPHER_CTX` whose key is set once; only the nonce changes from packet to packet, which allocates
/// nothing.
struct SRTPCipher: ~Copyable {
  let profile: SRTPProfile
  private let context: OpaquePointer
  private let encrypts: Int32
  /// The session salt as two big-endian words, filled with zeros behind.
  private let salt: (high: UInt64, low: UInt64)
  let authentication: HMACSHA1

  /// Nil when OpenSSL refuses.
  init?(_ profile: SRTPProfile, master: SRTPMasterKey, isRTCP: Bool, direction: SRTPContext.Direction) {
    func derive(_ label: SRTPKeyDerivation.Label, _ byteCount: Int) -> [UInt8]? {
      SRTPKeyDerivation.sessionKey(label, isRTCP: isRTCP, of: master, byteCount: byteCount)
    }
    guard let key = derive(.encryption, SRTPProfile.keyByteCount), let salt = derive(.salt, profile.saltByteCount),
      let authenticationKey = derive(.authentication, 20),
      let context = Self.makeContext(profile, key: key, encrypts: direction == .outbound ? 1 : 0)
    else { return nil }
    self.profile = profile
    self.context = context
    // Counter mode is its own inverse; GCM checks its tag only when it decrypts.
    encrypts = direction == .outbound ? 1 : 0
    authentication = HMACSHA1(key: authenticationKey)
    let words = salt + Array(repeating: 0, count: 16 - salt.count)
    self.salt = (words.span.bytes.uint64(at: 0), words.span.bytes.uint64(at: 8))
  }

  /// The caller frees it.
  private static func makeContext(_ profile: SRTPProfile, key: [UInt8], encrypts: Int32) -> OpaquePointer? {
    guard let context = EVP_CIPHER_CTX_new() else { return nil }
    let cipher = profile == .aeadAES128GCM ? EVP_aes_128_gcm() : EVP_aes_128_ctr()
    guard EVP_CipherInit_ex(context, cipher, nil, key, nil, encrypts) == 1 else {
      EVP_CIPHER_CTX_free(context)
      return nil
    }
    return context
  }

  deinit { EVP_CIPHER_CTX_free(context) }

  /// RFC 3711 §4.1.1: SSRC and packet index, shifted to their places, over the salt.
  private func counterBlock(ssrc: UInt32, index: UInt64) -> SIMD2<UInt64> {
    SIMD2((salt.high ^ UInt64(ssrc)).bigEndian, (salt.low ^ index << 16).bigEndian)
  }

  /// RFC 7714 §8.1 and §9.1: two zero bytes, SSRC, 48 bits of packet index, over the salt. 12 bytes count.
  private func gcmNonce(ssrc: UInt32, index: UInt64) -> SIMD2<UInt64> {
    SIMD2((salt.high ^ (UInt64(ssrc) << 16 | index >> 32)).bigEndian, (salt.low ^ index << 32).bigEndian)
  }

  /// Sets the nonce for one packet. `EVP_CipherInit_ex` with nothing but the nonce.
  private func begin(ssrc: UInt32, index: UInt64) -> Bool {
    let nonce =
      profile == .aeadAES128GCM
      ? gcmNonce(ssrc: ssrc, index: index) : counterBlock(ssrc: ssrc, index: index)
    return withUnsafeBytes(of: nonce) { bytes in
      EVP_CipherInit_ex(
        context, nil, nil, nil, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), encrypts) == 1
    }
  }

  /// Encrypts or decrypts in place in counter mode.
  func applyKeystream(to bytes: UnsafeMutableRawBufferPointer, ssrc: UInt32, index: UInt64) -> Bool {
    begin(ssrc: ssrc, index: index) && update(bytes)
  }

  /// GCM: encrypts `text` in place and writes the tag of `associated`, `suffix` and `text` behind it.
  func seal(
    _ text: UnsafeMutableRawBufferPointer, associated: UnsafeRawBufferPointer, suffix: UnsafeRawBufferPointer,
    ssrc: UInt32, index: UInt64, tag: UnsafeMutableRawPointer
  ) -> Bool {
    var length: Int32 = 0
    return begin(ssrc: ssrc, index: index) && associate(associated) && associate(suffix) && update(text)
      && EVP_CipherFinal_ex(context, tag.assumingMemoryBound(to: UInt8.self), &length) == 1
      && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(profile.tagByteCount), tag) == 1
  }

  /// GCM: decrypts `text` in place. False when the tag does not fit; `text` is then lost.
  func open(
    _ text: UnsafeMutableRawBufferPointer, associated: UnsafeRawBufferPointer, suffix: UnsafeRawBufferPointer,
    ssrc: UInt32, index: UInt64, tag: UnsafeMutableRawPointer
  ) -> Bool {
    var length: Int32 = 0
    var rest: UInt64 = 0
    return begin(ssrc: ssrc, index: index)
      && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(profile.tagByteCount), tag) == 1
      && associate(associated) && associate(suffix) && update(text)
      && withUnsafeMutableBytes(of: &rest) {
        EVP_CipherFinal_ex(context, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), &length) == 1
      }
  }

  private func associate(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var length: Int32 = 0
    guard let start = bytes.baseAddress, bytes.count > 0 else { return true }
    return EVP_CipherUpdate(
      context, nil, &length, start.assumingMemoryBound(to: UInt8.self), Int32(clamping: bytes.count)) == 1
  }

  private func update(_ bytes: UnsafeMutableRawBufferPointer) -> Bool {
    var length: Int32 = 0
    guard let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count > 0 else { return true }
    return EVP_CipherUpdate(context, start, &length, start, Int32(clamping: bytes.count)) == 1
  }
}
