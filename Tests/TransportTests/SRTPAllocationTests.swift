import CMallocCount
import Testing

@testable import Transport

/// Packets of one stream behind each other, to be changed in place without copying.
private struct PacketRow: ~Copyable {
  let count: Int
  private let storage: UnsafeMutableRawBufferPointer
  private let stride: Int
  private let plainByteCount: Int

  init(_ packets: [[UInt8]]) {
    count = packets.count
    plainByteCount = packets[0].count
    stride = plainByteCount + SRTPContext.maximumTrailerByteCount
    storage = .allocate(byteCount: stride * count, alignment: 16)
    for (index, packet) in packets.enumerated() { storage[(index * stride)...].copyBytes(from: packet) }
  }

  deinit { storage.deallocate() }

  /// Protects and unprotects each packet of `range`. False when one does not come back.
  func pass(
    _ range: Range<Int>, through sender: inout SRTPContext, _ receiver: inout SRTPContext, isRTCP: Bool
  ) -> Bool {
    for index in range {
      var bytes = UnsafeMutableRawBufferPointer(rebasing: storage[(index * stride)..<((index + 1) * stride)])
        .mutableBytes
      let sealed =
        isRTCP
        ? sender.protectRTCP(&bytes, byteCount: plainByteCount) : sender.protect(&bytes, byteCount: plainByteCount)
      guard let sealed else { return false }
      let outcome =
        isRTCP ? receiver.unprotectRTCP(&bytes, byteCount: sealed) : receiver.unprotect(&bytes, byteCount: sealed)
      guard outcome == .packet(byteCount: plainByteCount) else { return false }
    }
    return true
  }

  /// Unprotects each packet as it is. The number that was taken for a forgery.
  func countForgeries(_ receiver: inout SRTPContext) -> Int {
    var forgeries = 0
    for index in 0..<count {
      var bytes = UnsafeMutableRawBufferPointer(rebasing: storage[(index * stride)..<((index + 1) * stride)])
        .mutableBytes
      if receiver.unprotect(&bytes, byteCount: plainByteCount) == .forged { forgeries += 1 }
    }
    return forgeries
  }
}

@Suite("SRTP's allocations", .enabled(if: cmalloccount_is_available()))
struct SRTPAllocationTests {
  private static let measured = 1000

  @Test(
    "1,000 packets protected and 1,000 unprotected allocate nothing once the stream is known",
    arguments: SRTPProfile.allCases, [false, true])
  func packetPath(profile: SRTPProfile, isRTCP: Bool) throws {
    let row = PacketRow(
      (0...Self.measured).map { isRTCP ? receiverReport() : rtpPacket(UInt16(truncatingIfNeeded: 65_000 + $0)) })
    var sender = try made(SRTPContext(profile, masterKey: .sample(profile), direction: .outbound))
    var receiver = try made(SRTPContext(profile, masterKey: .sample(profile), direction: .inbound))
    cmalloccount_start()
    let hasBegun = row.pass(0..<1, through: &sender, &receiver, isRTCP: isRTCP)
    // The first packet of a stream is what shows that libsrtp's allocations are counted.
    #expect(cmalloccount_stop() > 0)
    cmalloccount_start()
    let hasPassed = row.pass(1..<row.count, through: &sender, &receiver, isRTCP: isRTCP)
    let allocations = cmalloccount_stop()
    #expect(hasBegun && hasPassed)
    #expect(allocations == 0)
  }

  @Test("a stream that was added allocates nothing with its first packet", arguments: SRTPProfile.allCases)
  func addedStream(profile: SRTPProfile) throws {
    let row = PacketRow([rtpPacket(1)])
    var sender = try made(SRTPContext(profile, masterKey: .sample(profile), direction: .outbound))
    var receiver = try made(SRTPContext(profile, masterKey: .sample(profile), direction: .inbound))
    sender.addStream(ssrc: 7)
    receiver.addStream(ssrc: 7)
    cmalloccount_start()
    let hasPassed = row.pass(0..<1, through: &sender, &receiver, isRTCP: false)
    let allocations = cmalloccount_stop()
    #expect(hasPassed)
    #expect(allocations == 0)
  }

  @Test("1,000 forgeries of as many SSRCs allocate nothing and leave all places free", arguments: SRTPProfile.allCases)
  func forgeries(profile: SRTPProfile) throws {
    let row = PacketRow(
      (0..<Self.measured).map { number in
        var packet = rtpPacket(1)
        packet.replaceSubrange(8..<12, with: [1, 0, UInt8(number >> 8), UInt8(number & 0xFF)])
        return packet
      })
    var receiver = try made(SRTPContext(profile, masterKey: .sample(profile), direction: .inbound))
    cmalloccount_start()
    let forgeries = row.countForgeries(&receiver)
    let allocations = cmalloccount_stop()
    #expect(forgeries == row.count)
    #expect(allocations == 0)
    var added = 0
    while added < row.count, receiver.addStream(ssrc: UInt32(added)) { added += 1 }
    #expect(added == SRTPContext.maximumStreamCount)
  }
}
