import Base
import RTP
import Testing

@Suite("RTCP")
struct RTCPTests {
  static let report = RTCP.SenderReport(
    ssrc: 0x0102_0304, ntpTimestamp: 0xE000_0001_8000_0002, rtpTimestamp: 0xFFFF_FFFF, packetCount: 12,
    octetCount: 1920)
  static let block = RTCP.ReportBlock(
    ssrc: 9, fractionLost: 255, cumulativeLost: -2, highestSequence: 0x0001_FFFF, jitter: 40,
    lastSenderReport: 0x0001_8000, delaySinceLastSenderReport: 65536)

  private func packets(_ bytes: [UInt8]) -> [RTCP.Packet] {
    var reader = RTCP.Reader()
    var packets: [RTCP.Packet] = []
    while let packet = reader.next(in: bytes.span.bytes) { packets.append(packet) }
    return packets
  }

  @Test("a compound datagram reads back packet by packet")
  func roundTrip() throws {
    var bytes = [UInt8](repeating: 0xAA, count: 200)
    let cname: [UInt8] = Array("room@trunk".utf8)
    let report = try #require(bytes.write { RTCP.write(Self.report, block: Self.block, into: &$0) })
    let description = try #require(
      bytes.write { RTCP.writeSourceDescription(ssrc: 5, cname: cname.span, into: &$0, at: report) })
    let nack = try #require(
      bytes.write {
        RTCP.writeNACK(sender: 1, media: 2, sequenceNumber: 65530, following: 0x8021, into: &$0, at: description)
      })
    let end = try #require(bytes.write { RTCP.writeGoodbye(ssrc: 6, into: &$0, at: nack) })
    let datagram = Array(bytes[..<end])
    let all = packets(datagram)
    try #require(all.count == 4)
    guard case .senderReport(let read, let blocks) = all[0], case .sourceDescription(let chunks) = all[1],
      case .nack(1, 2, let entries) = all[2], case .goodbye(let sources) = all[3]
    else {
      Issue.record("\(all)")
      return
    }
    #expect(read == Self.report)
    #expect(blocks.count == 1)
    #expect(datagram.read { blocks.block(0, in: $0) } == Self.block)
    #expect(datagram.read { blocks.block(1, in: $0) } == nil)
    #expect(datagram.read { blocks.block(-1, in: $0) } == nil)
    #expect(Array(datagram[chunks]) == [0, 0, 0, 5, 1, 10] + cname + [0, 0, 0, 0])
    var numbers: [UInt16] = []
    entries.forEachSequenceNumber(in: datagram.span.bytes) { numbers.append($0) }
    #expect(numbers == [65530, 65531, 0, 10])
    #expect(Array(datagram[sources]) == [0, 0, 0, 6])
    #expect(datagram.read { DatagramKind($0) } == .rtcp)
  }

  @Test("a CNAME of any length ends in a zero byte and on a word", arguments: [1, 2, 3, 4, 5, 254, 255])
  func cname(length: Int) throws {
    let cname = [UInt8](repeating: 0x61, count: length)
    var bytes = [UInt8](repeating: 0xAA, count: 300)
    let end = try #require(bytes.write { RTCP.writeSourceDescription(ssrc: 1, cname: cname.span, into: &$0, at: 0) })
    #expect(end % 4 == 0)
    #expect(bytes[(10 + length)..<end].allSatisfy { $0 == 0 })
    #expect(end - 10 - length >= 1)
    #expect(packets(Array(bytes[..<end])) == [.sourceDescription(chunks: 4..<end)])
  }

  @Test("a receiver report takes up to 31 blocks")
  func manyBlocks() throws {
    var bytes = [UInt8](repeating: 0, count: 8 + 31 * 24 + 40)
    var end = try #require(bytes.write { RTCP.writeReceiverReport(ssrc: 3, into: &$0) })
    for index in 0..<31 {
      var block = Self.block
      block.ssrc = UInt32(index)
      end = try #require(bytes.write { RTCP.appendReportBlock(block, toReportAt: 0, endingAt: end, in: &$0) })
    }
    let refused = bytes.write { RTCP.appendReportBlock(Self.block, toReportAt: 0, endingAt: end, in: &$0) }
    #expect(refused == nil)
    let datagram = Array(bytes[..<end])
    guard case .receiverReport(3, let blocks) = packets(datagram).first else {
      Issue.record("no report")
      return
    }
    #expect(blocks.count == 31)
    for index in 0..<31 { #expect(datagram.read { blocks.block(index, in: $0) }?.ssrc == UInt32(index)) }
  }

  @Test("nothing is written where it does not fit")
  func tooSmall() {
    for count in 0..<28 {
      var bytes = [UInt8](repeating: 0xAA, count: count)
      let ends = bytes.write { datagram in
        [
          RTCP.write(Self.report, into: &datagram),
          count < 8 ? RTCP.writeReceiverReport(ssrc: 1, into: &datagram) : nil,
          count < 16 ? RTCP.writeNACK(sender: 1, media: 2, sequenceNumber: 3, into: &datagram, at: 0) : nil,
          RTCP.writeGoodbye(ssrc: 1, into: &datagram, at: max(0, count - 7)),
        ]
      }
      #expect(ends.allSatisfy { $0 == nil })
      #expect(bytes.allSatisfy { $0 == 0xAA })
    }
  }

  @Test("the loss count of a block keeps its sign in 24 bits", arguments: [0, 1, -1, 0x7F_FFFF, -0x80_0000] as [Int32])
  func lossSign(lost: Int32) throws {
    var block = Self.block
    block.cumulativeLost = lost
    var bytes = [UInt8](repeating: 0, count: 32)
    _ = try #require(bytes.write { RTCP.writeReceiverReport(ssrc: 1, block: block, into: &$0) })
    guard case .receiverReport(_, let blocks) = packets(bytes).first else {
      Issue.record("no report")
      return
    }
    #expect(bytes.read { blocks.block(0, in: $0) } == block)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var hex: String
    var count: Int

    init(_ description: String, _ hex: String, _ count: Int) {
      testDescription = description
      self.hex = hex
      self.count = count
    }
  }

  @Test(
    "a walk ends at the first packet that contradicts itself",
    arguments: [
      Case("empty", "", 0),
      Case("three bytes", "80c900", 0),
      Case("RR without blocks", "80c90001 00000001", 1),
      Case("RR that claims a block it lacks", "81c90001 00000001", 0),
      Case("SR too short", "80c80001 00000001", 0),
      Case("length beyond the end", "80c90002 00000001", 0),
      Case("version 0", "00c90001 00000001", 0),
      Case("no RTCP type", "80800001 00000001", 0),
      Case("BYE of none", "80cb0000", 1),
      Case("BYE that claims two", "82cb0001 00000001", 0),
      Case("NACK without entries", "81cd0002 00000001 00000002", 1),
      Case("NACK too short", "81cd0001 00000001", 0),
      Case("picture loss", "81ce0002 00000001 00000002", 1),
      Case("unknown feedback, application data and XR pass", "8fcd0000 80cc0000 80cf0000", 3),
      Case("padding", "a0c90002 00000001 00000004", 1),
      Case("padding over all", "a0c90001 000000ff", 0),
      Case("good, then bad", "80c90001 00000001 80c90009 00000001", 1),
    ])
  func contradictions(test: Case) {
    #expect(packets([UInt8](hex: test.hex)).count == test.count)
  }
}
