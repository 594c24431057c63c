import Base
import Testing

@testable import Capture

@Suite("Fragments and TCP streams")
struct ReassemblyTests {
  /// An IPv4 packet of a datagram cut at `places`, its pieces in the order given.
  private func fragments(of payload: [UInt8], at place: Int, order: [Int]) -> [UInt8] {
    let frame = IPPacket.frame(payload, from: Files.caller, to: Files.gateway)
    let header = Array(frame[..<20])
    let segment = Array(frame[20...])
    let pieces = [(0, Array(segment[..<place]), true), (place, Array(segment[place...]), false)]
    var writer = PcapWriter()
    for (number, index) in order.enumerated() {
      let (offset, bytes, hasMore) = pieces[index]
      var packet = header + bytes
      packet[2] = UInt8(packet.count >> 8)
      packet[3] = UInt8(packet.count & 255)
      packet[6] = (hasMore ? 0x20 : 0) | UInt8((offset / 8) >> 8)
      packet[7] = UInt8((offset / 8) & 255)
      writer.append(frame: packet, at: Int64(number))
    }
    return writer.bytes
  }

  @Test(
    "an INVITE in two fragments is one message, in whatever order they come",
    arguments: [[0, 1], [1, 0], [0, 0, 1], [1, 1, 0]])
  func fragments(order: [Int]) throws {
    let message = Files.options + [UInt8](repeating: 0x0D, count: 0)
    let traffic = try CapturedTraffic(fragments(of: message, at: 64, order: order))
    #expect(traffic.messages.map(\.message.bytes) == [message])
  }

  @Test("a fragment without its other half gives nothing")
  func lostFragment() throws {
    #expect(try CapturedTraffic(fragments(of: Files.options, at: 64, order: [0])).messages.isEmpty)
    #expect(try CapturedTraffic(fragments(of: Files.options, at: 64, order: [1])).messages.isEmpty)
  }

  private func segment(_ sequence: UInt32, _ data: [UInt8], isSYN: Bool = false) throws -> TCPFlow.Segment {
    var header = [UInt8](repeating: 0, count: 20)
    for (index, shift) in [24, 16, 8, 0].enumerated() {
      header[4 + index] = UInt8(truncatingIfNeeded: sequence >> UInt32(shift))
    }
    header[12] = 0x50
    header[13] = isSYN ? 2 : 0x18
    return try #require(TCPFlow.Segment(header + data))
  }

  @Test("segments come out in order, once, across the wrap of the sequence number")
  func segments() throws {
    var flow = TCPFlow()
    #expect(flow.take(try segment(UInt32.max - 2, [], isSYN: true)).isEmpty)
    #expect(flow.take(try segment(1, [3, 4])).isEmpty)
    #expect(flow.take(try segment(UInt32.max - 1, [0, 1, 2])) == [0, 1, 2, 3, 4])
    #expect(flow.take(try segment(1, [3, 4])).isEmpty)
    #expect(flow.take(try segment(2, [4, 5, 6])) == [5, 6])
  }

  @Test("a lost segment is given up when too much waits behind it")
  func lostSegment() throws {
    var flow = TCPFlow()
    _ = flow.take(try segment(0, [1]))
    var bytes: [UInt8] = []
    for index in 0..<300 {
      bytes += flow.take(try segment(UInt32(100 + index * 1_000), [UInt8](repeating: 7, count: 1_000)))
    }
    #expect(bytes.count == 300_000)
  }

  @Test("messages are cut out of a stream whatever the segments are", arguments: [1, 7, 100, 5_000])
  func stream(chunk: Int) throws {
    let body = "v=0\r\n"
    let invite = Files.text(["INVITE sip:a@b SIP/2.0", "i:1", "l:\(body.utf8.count)"], body: body)
    let bytes = Array("\r\n\r\n".utf8) + Files.options + Array("\r\n".utf8) + invite + Files.options
    var reader = SIPStreamReader()
    var messages: [SIPMessage] = []
    for start in stride(from: 0, to: bytes.count, by: chunk) {
      messages += reader.take(Array(bytes[start..<min(start + chunk, bytes.count)]))
    }
    #expect(messages.map(\.method) == ["OPTIONS", "INVITE", "OPTIONS"])
    #expect(messages[1].body == Array(body.utf8))
  }

  @Test(
    "a stream that is no SIP, or promises too much, is given up",
    arguments: ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "INVITE sip:a SIP/2.0\r\nContent-Length: 99999999\r\n\r\n"])
  func foreignStream(text: String) {
    var reader = SIPStreamReader()
    #expect(reader.take(Array(text.utf8)).isEmpty)
    #expect(reader.take(Files.options).count == 1)
  }
}
