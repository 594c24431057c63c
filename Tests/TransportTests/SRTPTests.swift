import Base
import Testing

@testable import Transport

@Suite("SRTP")
struct SRTPTests {
  @Test("two turns of the sequence number go through, with loss and reordering", arguments: SRTPProfile.allCases)
  func rollsOver(profile: SRTPProfile) throws {
    let sender = ReferenceSRTP(profile, masterKey: .sample(profile))
    let receiver = try TestSRTP(profile, .inbound)
    for index in stride(from: UInt64(0), to: 150_000, by: 5_003) {
      let packets = [index, index + 1].map { rtpPacket(UInt16(truncatingIfNeeded: $0)) }
      let sealed = [
        sender.protect(packets[0], headerByteCount: 12, index: index),
        sender.protect(packets[1], headerByteCount: 12, index: index + 1),
      ]
      // The second first, as if they had overtaken each other.
      #expect(receiver.unprotect(sealed[1]) == .plain(packets[1]), "index \(index + 1)")
      #expect(receiver.unprotect(sealed[0]) == .plain(packets[0]), "index \(index)")
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

  @Test(
    "streams that packets begin are bounded, too, and known ones go on", arguments: SRTPProfile.allCases, [false, true])
  func boundsStreamsOfPackets(profile: SRTPProfile, isRTCP: Bool) throws {
    let sender = try TestSRTP(profile, .outbound)
    let stranger = try TestSRTP(profile, .outbound)
    let receiver = try TestSRTP(profile, .inbound)
    func protect(_ sender: TestSRTP, _ number: UInt16, ssrc: UInt8) -> [UInt8]? {
      isRTCP ? sender.protectRTCP(receiverReport(ssrc: ssrc)) : sender.protect(rtpPacket(number, ssrc: ssrc))
    }
    func unprotect(_ packet: [UInt8]) -> TestSRTP.Result {
      isRTCP ? receiver.unprotectRTCP(packet) : receiver.unprotect(packet)
    }
    for number: UInt16 in [1, 2] {
      for ssrc: UInt8 in 1...64 {
        let plain = isRTCP ? receiverReport(ssrc: ssrc) : rtpPacket(number, ssrc: ssrc)
        #expect(unprotect(try #require(protect(sender, number, ssrc: ssrc))) == .plain(plain))
      }
      #expect(protect(sender, number, ssrc: 65) == nil)
      #expect(unprotect(try #require(protect(stranger, number, ssrc: 65))) == .refused(.tooManyStreams))
    }
    receiver.removeStream(12)
    receiver.removeStream(12)
    #expect(unprotect(try #require(protect(stranger, 3, ssrc: 65))) != .refused(.tooManyStreams))
    #expect(unprotect(try #require(protect(stranger, 3, ssrc: 66))) == .refused(.tooManyStreams))
  }

  @Test("rubbish of any length is refused", arguments: SRTPProfile.allCases)
  func refusesRubbish(profile: SRTPProfile) throws {
    let receiver = try TestSRTP(profile, .inbound)
    var generator = RandomSource.seeded(7)
    for _ in 0..<5_000 {
      var packet = (0..<Int.random(in: 0..<80, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      if !packet.isEmpty { packet[0] = 0x80 | packet[0] & 0x3F }
      if case .plain = receiver.unprotect(packet) { Issue.record("RTP \(packet)") }
      if case .plain = receiver.unprotectRTCP(packet) { Issue.record("RTCP \(packet)") }
    }
  }

  @Test("a key of another length is no key", arguments: [(15, 12), (16, 14), (17, 12), (0, 0)])
  func refusesKeys(keyByteCount: Int, saltByteCount: Int) {
    let key = [UInt8](repeating: 1, count: keyByteCount)
    let salt = [UInt8](repeating: 1, count: saltByteCount)
    #expect(SRTPMasterKey(.aeadAES128GCM, key: key, salt: salt) == nil)
  }
}
