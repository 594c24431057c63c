import COpenSSL

@testable import Transport

/// SRTP's sender written a second time, slowly, from RFC 3711 and RFC 7714: to be compared with.
///
/// It shares nothing with the first but AES of single blocks and SHA-1. The caller counts packets: `index` is whole.
struct ReferenceSRTP {
  var profile: SRTPProfile
  var rtp: SessionKeys
  var rtcp: SessionKeys

  struct SessionKeys: Equatable {
    var encryption: [UInt8]
    var salt: [UInt8]
    var authentication: [UInt8]
  }

  init(_ profile: SRTPProfile, rtp: SessionKeys, rtcp: SessionKeys) {
    self.profile = profile
    self.rtp = rtp
    self.rtcp = rtcp
  }

  init(_ profile: SRTPProfile, masterKey: SRTPMasterKey) {
    self.init(
      profile, rtp: Self.derive(masterKey, profile, firstLabel: 0), rtcp: Self.derive(masterKey, profile, firstLabel: 3)
    )
  }

  /// RFC 3711 §4.3.1 and §4.3.3, RFC 7714 §11; without re-keying.
  static func derive(_ master: SRTPMasterKey, _ profile: SRTPProfile, firstLabel: UInt8) -> SessionKeys {
    func key(_ label: UInt8, _ byteCount: Int) -> [UInt8] {
      var block = padded(master.salt, to: 16)
      block[7] ^= label
      return keystream(master.key, block, byteCount)
    }
    return SessionKeys(
      encryption: key(firstLabel, 16), salt: key(firstLabel + 2, profile.saltByteCount),
      authentication: key(firstLabel + 1, 20))
  }

  func protect(_ packet: [UInt8], headerByteCount: Int, index: UInt64) -> [UInt8] {
    let header = Array(packet[..<headerByteCount])
    let text = Array(packet[headerByteCount...])
    let ssrc = Array(packet[8..<12])
    switch profile {
    case .aeadAES128GCM:
      // RFC 7714 §8.1: zeros, SSRC, rollover counter, sequence number.
      let nonce = xor([0, 0] + ssrc + bytes(index, 6), rtp.salt)
      return header + gcm(rtp.encryption, nonce, associated: header, text)
    case .aes128CMSHA1With80BitTag:
      let sealed = header + xor(text, counterMode(rtp, ssrc, index, text.count))
      return sealed + hmac(rtp.authentication, sealed + bytes(index >> 16, 4)).prefix(10)
    }
  }

  func protectRTCP(_ packet: [UInt8], index: UInt32) -> [UInt8] {
    let header = Array(packet[..<8])
    let text = Array(packet[8...])
    let ssrc = Array(packet[4..<8])
    let trailer = bytes(UInt64(index | 0x8000_0000), 4)
    switch profile {
    case .aeadAES128GCM:
      // RFC 7714 §9.1: zeros, SSRC, zeros, index.
      let nonce = xor([0, 0] + ssrc + [0, 0] + bytes(UInt64(index), 4), rtcp.salt)
      return header + gcm(rtcp.encryption, nonce, associated: header + trailer, text) + trailer
    case .aes128CMSHA1With80BitTag:
      let sealed = header + xor(text, counterMode(rtcp, ssrc, UInt64(index), text.count)) + trailer
      return sealed + hmac(rtcp.authentication, sealed).prefix(10)
    }
  }

  /// RFC 3711 §4.1.1.
  private func counterMode(_ keys: SessionKeys, _ ssrc: [UInt8], _ index: UInt64, _ byteCount: Int) -> [UInt8] {
    let block = xor([0, 0, 0, 0] + ssrc + bytes(index, 6) + [0, 0], padded(keys.salt, to: 16))
    return keystream(keys.encryption, block, byteCount)
  }
}

/// The blocks' cipher texts, the last two bytes counting up.
private func keystream(_ key: [UInt8], _ first: [UInt8], _ byteCount: Int) -> [UInt8] {
  var block = first
  var stream: [UInt8] = []
  while stream.count < byteCount {
    stream += aes(key, block)
    let counter = UInt16(block[14]) << 8 | UInt16(block[15]) &+ 1
    block.replaceSubrange(14..., with: bytes(UInt64(counter), 2))
  }
  return Array(stream.prefix(byteCount))
}

/// NIST SP 800-38D, algorithm 4, for a nonce of 12 bytes: cipher text and 16 bytes of tag.
private func gcm(_ key: [UInt8], _ nonce: [UInt8], associated: [UInt8], _ text: [UInt8]) -> [UInt8] {
  let sealed = xor(text, keystream(key, nonce + [0, 0, 0, 2], text.count))
  let subkey = word(aes(key, [UInt8](repeating: 0, count: 16)))
  var hash: UInt128 = 0
  for part in [associated, sealed] {
    for start in stride(from: 0, to: part.count, by: 16) {
      hash = multiply(hash ^ word(padded(Array(part[start...].prefix(16)), to: 16)), subkey)
    }
  }
  hash = multiply(hash ^ (UInt128(associated.count * 8) << 64 | UInt128(text.count * 8)), subkey)
  let tag = hash ^ word(aes(key, nonce + [0, 0, 0, 1]))
  return sealed + bytes(UInt64(truncatingIfNeeded: tag >> 64), 8) + bytes(UInt64(truncatingIfNeeded: tag), 8)
}

/// The product in GCM's field (NIST SP 800-38D, algorithm 1).
private func multiply(_ left: UInt128, _ right: UInt128) -> UInt128 {
  var product: UInt128 = 0
  var shifted = right
  for bit in (0..<128).reversed() {
    if left >> bit & 1 == 1 { product ^= shifted }
    shifted = shifted & 1 == 1 ? shifted >> 1 ^ 0xE1 << 120 : shifted >> 1
  }
  return product
}

/// One block.
private func aes(_ key: [UInt8], _ block: [UInt8]) -> [UInt8] {
  let context = EVP_CIPHER_CTX_new()
  defer { EVP_CIPHER_CTX_free(context) }
  var result = [UInt8](repeating: 0, count: 32)
  var written: Int32 = 0
  EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), nil, key, nil)
  EVP_EncryptUpdate(context, &result, &written, block, Int32(block.count))
  return Array(result.prefix(16))
}

/// HMAC-SHA1 as RFC 2104 §2 defines it.
private func hmac(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
  let key = padded(key, to: 64)
  return sha1(key.map { $0 ^ 0x5C } + sha1(key.map { $0 ^ 0x36 } + message))
}

private func sha1(_ message: [UInt8]) -> [UInt8] {
  var digest = [UInt8](repeating: 0, count: 20)
  EVP_Digest(message, message.count, &digest, nil, EVP_sha1(), nil)
  return digest
}

private func xor(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] { zip(left, right).map { $0 ^ $1 } }

private func padded(_ bytes: [UInt8], to count: Int) -> [UInt8] {
  bytes + [UInt8](repeating: 0, count: count - bytes.count)
}

/// The last `count` bytes, big-endian.
private func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
  (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
}

private func word(_ block: [UInt8]) -> UInt128 { block.reduce(0) { $0 << 8 | UInt128($1) } }
