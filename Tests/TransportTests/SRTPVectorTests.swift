import Testing

@testable import Transport

/// The key and salt of RFC 3711 B.3.
private func masterKeyOfRFC3711() throws -> SRTPMasterKey {
  try #require(
    SRTPMasterKey(
      .aes128CMSHA1With80BitTag, key: [UInt8](hex: "E1F97A0D3E018BE0D64FA32C06DE4139"),
      salt: [UInt8](hex: "0EC675AD498AFEEBB6960B3AABE6")))
}

private let sessionKeysOfRFC3711 = ReferenceSRTP.SessionKeys(
  encryption: [UInt8](hex: "C61E7A93744F39EE10734AFE3FF7A087"),
  salt: [UInt8](hex: "30CBBC08863D8C85D49DB34A9AE1"),
  authentication: [UInt8](hex: "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"))

@Suite("SRTP of the RFCs and of a second implementation")
struct SRTPVectorTests {
  @Test("packets under the master key of RFC 3711 B.3 are made with its session keys")
  func keyDerivation() throws {
    let master = try masterKeyOfRFC3711()
    let profile = SRTPProfile.aes128CMSHA1With80BitTag
    #expect(ReferenceSRTP.derive(master, profile, firstLabel: 0) == sessionKeysOfRFC3711)
    let reference = ReferenceSRTP(profile, rtp: sessionKeysOfRFC3711, rtcp: sessionKeysOfRFC3711)
    let ours = try TestSRTP(profile, .outbound, masterKey: master)
    #expect(ours.protect(rtpPacket(77)) == reference.protect(rtpPacket(77), headerByteCount: 12, index: 77))
  }

  @Test("the second implementation makes the packets of RFC 7714 §16.1.1 and §17.1")
  func gcmReference() {
    let keys = ReferenceSRTP.SessionKeys(
      encryption: [UInt8](hex: "000102030405060708090A0B0C0D0E0F"), salt: [UInt8](hex: "517569642070726F2071756F"),
      authentication: [])
    let reference = ReferenceSRTP(.aeadAES128GCM, rtp: keys, rtcp: keys)
    let packet = [UInt8](
      hex: """
        8040F17B 8041F8D3 5501A0B2 47616C6C 69612065 7374206F 6D6E6973 20646976 69736120 696E2070 61727465 73207472
        6573
        """)
    let sealed = [UInt8](
      hex: """
        8040F17B 8041F8D3 5501A0B2 F24DE3A3 FB34DE6C ACBA861C 9D7E4BCA BE633BD5 0D294E6F 42A5F47A 51C7D19B 36DE3ADF
        8833899D 7F27BEB1 6A9152CF 765EE439 0CCE
        """)
    #expect(reference.protect(packet, headerByteCount: 12, index: 0xF17B) == sealed)
    let report = [UInt8](
      hex: """
        81C8000D 4D617273 4E545031 4E545032 52545020 0000042A 0000E930 4C756E61 DEADBEEF DEADBEEF DEADBEEF DEADBEEF
        DEADBEEF
        """)
    let sealedReport = [UInt8](
      hex: """
        81C8000D 4D617273 63E94885 DCDAB67C A727D766 2F6B7E99 7FF5C0F7 6C06F32D C676A5F1 730D6FDA 4CE09B46 86303DED
        0BB9275B C84AA458 96CF4D2F C5ABF872 45D9EADE 800005D4
        """)
    #expect(reference.protectRTCP(report, index: 0x5D4) == sealedReport)
  }

  @Test(
    "both make the same bytes of the same packets, and we read them", arguments: SRTPProfile.allCases, [[], longHeader])
  func rtp(profile: SRTPProfile, header: [UInt8]) throws {
    let reference = ReferenceSRTP(profile, masterKey: .sample(profile))
    let sender = try TestSRTP(profile, .outbound)
    let receiver = try TestSRTP(profile, .inbound)
    for index: UInt64 in [65_533, 65_534, 65_535, 65_536, 65_537, 65_541, 66_436, 98_000, 130_000, 150_000] {
      let packet = rtpPacket(UInt16(truncatingIfNeeded: index), header: header)
      let expected = reference.protect(packet, headerByteCount: 12 + header.count, index: index)
      #expect(sender.protect(packet) == expected, "index \(index)")
      #expect(receiver.unprotect(expected) == .plain(packet), "index \(index)")
    }
  }

  @Test("both make the same bytes of packets of every length", arguments: SRTPProfile.allCases)
  func lengths(profile: SRTPProfile) throws {
    let reference = ReferenceSRTP(profile, masterKey: .sample(profile))
    let sender = try TestSRTP(profile, .outbound)
    let receiver = try TestSRTP(profile, .inbound)
    for count in 0...100 {
      let packet = rtpPacket(UInt16(count)).prefix(12) + (0..<UInt8(count))
      let expected = reference.protect(Array(packet), headerByteCount: 12, index: UInt64(count))
      #expect(sender.protect(Array(packet)) == expected, "\(count) bytes of payload")
      #expect(receiver.unprotect(expected) == .plain(Array(packet)), "\(count) bytes of payload")
    }
  }

  @Test("both make the same RTCP, index after index, and we read it", arguments: SRTPProfile.allCases)
  func rtcp(profile: SRTPProfile) throws {
    let reference = ReferenceSRTP(profile, masterKey: .sample(profile))
    let sender = try TestSRTP(profile, .outbound)
    let receiver = try TestSRTP(profile, .inbound)
    for index: UInt32 in 1...3 {
      let expected = reference.protectRTCP(receiverReport(), index: index)
      #expect(sender.protectRTCP(receiverReport()) == expected)
      #expect(receiver.unprotectRTCP(expected) == .plain(receiverReport()))
    }
  }
}
