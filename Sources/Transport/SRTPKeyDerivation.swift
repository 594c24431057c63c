import COpenSSL

/// The AES-CM pseudo-random function that makes session keys of a master key (RFC 3711 §4.3, RFC 7714 §11), without
/// re-keying: the key derivation rate is zero.
enum SRTPKeyDerivation {
  /// RFC 3711 §4.3.2; RTCP's labels follow RTP's at a distance of three.
  enum Label: UInt8 {
    case encryption = 0
    case authentication = 1
    case salt = 2
  }

  /// Nil when OpenSSL refuses.
  static func sessionKey(_ label: Label, isRTCP: Bool, of master: SRTPMasterKey, byteCount: Int) -> [UInt8]? {
    // 112 bits of salt, a shorter one filled with zeros, then the 16 bits of the counter.
    var block = master.salt + Array(repeating: 0, count: 16 - master.salt.count)
    block[7] ^= label.rawValue + (isRTCP ? 3 : 0)
    guard let context = EVP_CIPHER_CTX_new() else { return nil }
    defer { EVP_CIPHER_CTX_free(context) }
    var key = [UInt8](repeating: 0, count: byteCount)
    let zeros = key
    var length: Int32 = 0
    guard EVP_EncryptInit_ex(context, EVP_aes_128_ctr(), nil, master.key, block) == 1,
      EVP_EncryptUpdate(context, &key, &length, zeros, Int32(byteCount)) == 1, Int(length) == byteCount
    else { return nil }
    return key
  }
}
