import Testing

@testable import Transport

/// A context behind the shapes that are easy to compare.
final class TestSRTP {
  private var context: SRTPContext

  init(_ profile: SRTPProfile, _ direction: SRTPContext.Direction) throws {
    context = try made(SRTPContext(profile, masterKey: .sample(profile), direction: direction))
  }

  func protect(_ packet: [UInt8], room: Int = SRTPContext.maximumTrailerByteCount) -> [UInt8]? {
    var bytes = packet + Array(repeating: 0, count: room)
    let count = bytes.withRaw { context.protect(&$0, byteCount: packet.count) }
    return count.map { Array(bytes[..<$0]) }
  }

  func protectRTCP(_ packet: [UInt8], room: Int = SRTPContext.maximumTrailerByteCount) -> [UInt8]? {
    var bytes = packet + Array(repeating: 0, count: room)
    let count = bytes.withRaw { context.protectRTCP(&$0, byteCount: packet.count) }
    return count.map { Array(bytes[..<$0]) }
  }

  /// The plain packet, or why there is none.
  func unprotect(_ packet: [UInt8]) -> Result {
    var bytes = packet
    let outcome = bytes.withRaw { context.unprotect(&$0, byteCount: packet.count) }
    return Result(outcome, bytes)
  }

  func unprotectRTCP(_ packet: [UInt8]) -> Result {
    var bytes = packet
    let outcome = bytes.withRaw { context.unprotectRTCP(&$0, byteCount: packet.count) }
    return Result(outcome, bytes)
  }

  func addStream(_ ssrc: UInt32) -> Bool { context.addStream(ssrc: ssrc) }
  func removeStream(_ ssrc: UInt32) { context.removeStream(ssrc: ssrc) }

  enum Result: Equatable {
    case plain([UInt8])
    case refused(SRTPContext.Outcome)

    init(_ outcome: SRTPContext.Outcome, _ bytes: [UInt8]) {
      if case .packet(let count) = outcome { self = .plain(Array(bytes[..<count])) } else { self = .refused(outcome) }
    }
  }
}

extension SRTPMasterKey {
  static func sample(_ profile: SRTPProfile) -> SRTPMasterKey {
    let salt: ClosedRange<UInt8> = profile == .aeadAES128GCM ? 0xA0...0xAB : 0xA0...0xAD
    guard let key = SRTPMasterKey(profile, key: 1...16, salt: salt) else { preconditionFailure("lengths") }
    return key
  }
}

/// An RTP packet of 40 bytes of payload.
func rtpPacket(_ sequenceNumber: UInt16, ssrc: UInt8 = 7, header: [UInt8] = []) -> [UInt8] {
  let first: UInt8 = header.isEmpty ? 0x80 : 0x92
  return [first, 111, UInt8(sequenceNumber >> 8), UInt8(sequenceNumber & 0xFF), 0, 0, 0, 9, 0, 0, 0, ssrc] + header
    + (0..<40)
}

/// Two CSRCs and an extension of one word.
let longHeader: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 2, 0xBE, 0xDE, 0, 1, 0x10, 0x55, 0, 0]

func receiverReport(ssrc: UInt8 = 7) -> [UInt8] {
  [0x81, 201, 0, 7, 0, 0, 0, ssrc] + [UInt8](repeating: 0x5A, count: 24)
}

@Suite("SRTP")
struct SRTPTests {
  @Test("session keys are those of RFC 3711 B.3")
  func keyDerivation() throws {
    let master = try #require(
      SRTPMasterKey(
        .aes128CMSHA1With80BitTag, key: [UInt8](hex: "E1F97A0D3E018BE0D64FA32C06DE4139"),
        salt: [UInt8](hex: "0EC675AD498AFEEBB6960B3AABE6")))
    func derived(_ label: SRTPKeyDerivation.Label, _ byteCount: Int) -> [UInt8]? {
      SRTPKeyDerivation.sessionKey(label, isRTCP: false, of: master, byteCount: byteCount)
    }
    #expect(derived(.encryption, 16) == [UInt8](hex: "C61E7A93744F39EE10734AFE3FF7A087"))
    #expect(derived(.salt, 14) == [UInt8](hex: "30CBBC08863D8C85D49DB34A9AE1"))
    #expect(derived(.authentication, 20) == [UInt8](hex: "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"))
  }

  @Test("libsrtp makes the same bytes of the same packets", arguments: SRTPProfile.allCases, [[], longHeader])
  func protectsLikeLibSRTP(profile: SRTPProfile, header: [UInt8]) throws {
    let ours = try TestSRTP(profile, .outbound)
    let theirs = try #require(LibSRTP(profile, masterKey: .sample(profile), direction: .outbound))
    for sequenceNumber: UInt16 in [65_533, 65_534, 65_535, 0, 1, 5, 900] {
      let packet = rtpPacket(sequenceNumber, header: header)
      let expected = try #require(theirs.protect(packet))
      #expect(ours.protect(packet) == expected, "sequence number \(sequenceNumber)")
    }
  }

  @Test("libsrtp reads our RTCP and we read its, index after index", arguments: SRTPProfile.allCases)
  func rtcpWithLibSRTP(profile: SRTPProfile) throws {
    let sender = try TestSRTP(profile, .outbound)
    let receiver = try TestSRTP(profile, .inbound)
    let theirSender = try #require(LibSRTP(profile, masterKey: .sample(profile), direction: .outbound))
    let theirReceiver = try #require(LibSRTP(profile, masterKey: .sample(profile), direction: .inbound))
    for _ in 0..<3 {
      let ours = try #require(sender.protectRTCP(receiverReport()))
      #expect(theirReceiver.unprotectRTCP(ours) == receiverReport())
      let theirs = try #require(theirSender.protectRTCP(receiverReport()))
      #expect(receiver.unprotectRTCP(theirs) == .plain(receiverReport()))
    }
  }

  @Test("two turns of the sequence number go through, with loss and reordering", arguments: SRTPProfile.allCases)
  func rollsOver(profile: SRTPProfile) throws {
    let sender = try #require(LibSRTP(profile, masterKey: .sample(profile), direction: .outbound))
    let receiver = try TestSRTP(profile, .inbound)
    var index = 0
    while index < 150_000 {
      let packets = [index, index + 1].map { rtpPacket(UInt16(truncatingIfNeeded: $0)) }
      let sealed = packets.compactMap { sender.protect($0) }
      #expect(sealed.count == 2)
      // The second first, as if they had overtaken each other.
      #expect(receiver.unprotect(sealed[1]) == .plain(packets[1]))
      #expect(receiver.unprotect(sealed[0]) == .plain(packets[0]))
      index += 5_003
    }
  }

  @Test("a packet is taken once, within the window of 128 and not behind it", arguments: SRTPProfile.allCases)
  func refusesReplay(profile: SRTPProfile) throws {
    let sender = try TestSRTP(profile, .outbound)
    let receiver = try TestSRTP(profile, .inbound)
    let sealed = try (1000...1200).map { try #require(sender.protect(rtpPacket($0))) }
    #expect(receiver.unprotect(sealed[200]) == .plain(rtpPacket(1200)))
    #expect(receiver.unprotect(sealed[200]) == .refused(.replayed))
    #expect(receiver.unprotect(sealed[73]) == .plain(rtpPacket(1073)))
    #expect(receiver.unprotect(sealed[73]) == .refused(.replayed))
    #expect(receiver.unprotect(sealed[72]) == .refused(.replayed))
    let report = try #require(sender.protectRTCP(receiverReport()))
    #expect(receiver.unprotectRTCP(report) == .plain(receiverReport()))
    #expect(receiver.unprotectRTCP(report) == .refused(.replayed))
  }

  @Test("no bit of a packet may change", arguments: SRTPProfile.allCases)
  func refusesForgery(profile: SRTPProfile) throws {
    let sender = try TestSRTP(profile, .outbound)
    let receiver = try TestSRTP(profile, .inbound)
    let sealed = try #require(sender.protect(rtpPacket(1)))
    let report = try #require(sender.protectRTCP(receiverReport()))
    for bit in 0..<(8 * sealed.count) {
      var changed = sealed
      changed[bit / 8] ^= 1 << (bit % 8)
      if case .plain = receiver.unprotect(changed) { Issue.record("RTP bit \(bit)") }
    }
    for bit in 0..<(8 * report.count) {
      var changed = report
      changed[bit / 8] ^= 1 << (bit % 8)
      if case .plain = receiver.unprotectRTCP(changed) { Issue.record("RTCP bit \(bit)") }
    }
    // Forgeries leave no state behind: the true ones still pass.
    #expect(receiver.unprotect(sealed) == .plain(rtpPacket(1)))
    #expect(receiver.unprotectRTCP(report) == .plain(receiverReport()))
  }

  @Test("every length below the whole packet is refused", arguments: SRTPProfile.allCases)
  func refusesTruncation(profile: SRTPProfile) throws {
    let sender = try TestSRTP(profile, .outbound)
    let receiver = try TestSRTP(profile, .inbound)
    let sealed = try #require(sender.protect(rtpPacket(1, header: longHeader)))
    let report = try #require(sender.protectRTCP(receiverReport()))
    for count in 0..<sealed.count {
      if case .plain = receiver.unprotect(Array(sealed[..<count])) { Issue.record("RTP of \(count) bytes") }
    }
    for count in 0..<report.count {
      if case .plain = receiver.unprotectRTCP(Array(report[..<count])) { Issue.record("RTCP of \(count) bytes") }
    }
  }

  @Test("a sequence number is never protected twice", arguments: SRTPProfile.allCases)
  func refusesNonceReuse(profile: SRTPProfile) throws {
    let sender = try TestSRTP(profile, .outbound)
    #expect(sender.protect(rtpPacket(300)) != nil)
    #expect(sender.protect(rtpPacket(299)) != nil)
    #expect(sender.protect(rtpPacket(300)) == nil)
    #expect(sender.protect(rtpPacket(100)) == nil)
    #expect(sender.protect(rtpPacket(300, ssrc: 8)) != nil)
  }

  @Test("protection needs room for the trailer and a whole header")
  func refusesSmallRoom() throws {
    let sender = try TestSRTP(.aeadAES128GCM, .outbound)
    #expect(sender.protect(rtpPacket(1), room: 19) == nil)
    #expect(sender.protectRTCP(receiverReport(), room: 19) == nil)
    #expect(sender.protect(Array(rtpPacket(1, header: longHeader)[..<20])) == nil)
    #expect(sender.protect([0x40] + rtpPacket(1).dropFirst()) == nil)
    #expect(sender.protectRTCP([0x80, 201, 0, 1]) == nil)
    #expect(sender.protect(rtpPacket(1)) != nil)
  }

  @Test("64 streams are known at once; a removed one makes room and may begin anew")
  func boundsStreams() throws {
    let receiver = try TestSRTP(.aeadAES128GCM, .inbound)
    let sender = try TestSRTP(.aeadAES128GCM, .outbound)
    for ssrc in 1...64 { #expect(receiver.addStream(UInt32(ssrc))) }
    let newcomer = try #require(sender.protect(rtpPacket(5, ssrc: 7)))
    let late = try TestSRTP(.aeadAES128GCM, .outbound)
    #expect(receiver.unprotect(newcomer) == .plain(rtpPacket(5, ssrc: 7)))
    #expect(!receiver.addStream(65))
    let stranger = try #require(late.protect(rtpPacket(5, ssrc: 65)))
    #expect(receiver.unprotect(stranger) == .refused(.tooManyStreams))
    receiver.removeStream(7)
    #expect(receiver.unprotect(stranger) == .plain(rtpPacket(5, ssrc: 65)))
    receiver.removeStream(65)
    #expect(receiver.unprotect(newcomer) == .plain(rtpPacket(5, ssrc: 7)))
  }

  @Test("a key of another length is no key", arguments: [(15, 12), (16, 14), (17, 12), (0, 0)])
  func refusesKeys(keyByteCount: Int, saltByteCount: Int) {
    let key = [UInt8](repeating: 1, count: keyByteCount)
    let salt = [UInt8](repeating: 1, count: saltByteCount)
    #expect(SRTPMasterKey(.aeadAES128GCM, key: key, salt: salt) == nil)
  }
}
