import Base
import Capture
import Testing

@Suite("Capture files")
struct CaptureFileTests {
  private static func raw(_ payload: [UInt8] = Files.options) throws -> [UInt8] {
    var writer = PcapWriter()
    writer.append(payload, from: Files.caller, to: Files.gateway, at: 0)
    return try #require(try CaptureFile.frames(of: writer.bytes).first).bytes
  }

  @Test(
    "what the writer writes, the reader reads, in either byte order and resolution",
    arguments: [(true, true), (true, false), (false, true), (false, false)])
  func roundTrip(isLittleEndian: Bool, isNanosecond: Bool) throws {
    var writer = PcapWriter(isLittleEndian: isLittleEndian, isNanosecond: isNanosecond)
    let start: Int64 = 1_700_000_000_123_456_000
    writer.append(Files.options, from: Files.caller, to: Files.gateway, at: start)
    writer.append([1, 2, 3], from: Files.gateway, to: Files.caller, at: start + 20_000_000)
    let frames = try CaptureFile.frames(of: writer.bytes)
    #expect(frames.map(\.time) == [start, start + 20_000_000])
    let traffic = try CapturedTraffic(writer.bytes)
    #expect(traffic.messages.map(\.message.callID) == ["one"])
    #expect(traffic.messages.first?.source == Files.caller)
    #expect(traffic.messages.first?.destination == Files.gateway)
    #expect(traffic.datagrams.map(\.payload) == [[1, 2, 3]])
    #expect(traffic.datagrams.first?.time == .milliseconds(20))
  }

  @Test("IPv6 datagrams keep their addresses")
  func ipv6() throws {
    let source = Endpoint(IPAddress(v6: 0x2001_0DB8_0000_0000, 1), 5_060)
    let destination = Endpoint(IPAddress(v6: 0x2001_0DB8_0000_0000, 2), 5_061)
    var writer = PcapWriter()
    writer.append(Files.options, from: source, to: destination, at: 0)
    let message = try #require(try CapturedTraffic(writer.bytes).messages.first)
    #expect(message.source == source)
    #expect(message.destination == destination)
  }

  @Test(
    "every usual link layer leads to the same message",
    arguments: [
      ("Ethernet", 1, [UInt8](repeating: 2, count: 12) + [0x08, 0x00]),
      ("Ethernet with a VLAN tag", 1, [UInt8](repeating: 2, count: 12) + [0x81, 0x00, 0x00, 0x07, 0x08, 0x00]),
      ("Ethernet with two", 1, [UInt8](repeating: 2, count: 12) + [0x88, 0xA8, 0, 1, 0x81, 0x00, 0, 2, 0x08, 0x00]),
      ("BSD loopback", 0, [2, 0, 0, 0]), ("OpenBSD loopback", 108, [0, 0, 0, 2]), ("raw", 101, []), ("raw", 12, []),
      ("IPv4", 228, []), ("Linux cooked", 113, [UInt8](repeating: 0, count: 14) + [0x08, 0x00]),
      ("Linux cooked 2", 276, [0x08, 0x00] + [UInt8](repeating: 0, count: 18)),
    ] as [(String, UInt32, [UInt8])])
  func linkLayers(name: String, type: UInt32, header: [UInt8]) throws {
    let traffic = try CapturedTraffic(FileBuilder.pcap(linkType: type, frame: header + Self.raw()))
    #expect(traffic.messages.map(\.message.method) == ["OPTIONS"], "\(name)")
  }

  @Test(
    "frames that are not IP are counted and skipped",
    arguments: [
      (1, [UInt8](repeating: 2, count: 12) + [0x08, 0x06, 0, 0]), (147, [1, 2, 3]), (1, [1]), (101, []),
      (101, [0x45]), (101, [0x10, 0, 0, 0]),
    ] as [(UInt32, [UInt8])])
  func otherFrames(type: UInt32, frame: [UInt8]) throws {
    let traffic = try CapturedTraffic(FileBuilder.pcap(linkType: type, frame: frame))
    #expect(traffic.ignoredFrameCount == 1)
    #expect(traffic.messages.isEmpty)
  }

  @Test("pcapng is read in either byte order and with other clocks", arguments: [true, false])
  func pcapng(isLittleEndian: Bool) throws {
    let frame = try Self.raw()
    var file = FileBuilder(isLittleEndian: isLittleEndian)
    file.block(0x0A0D_0D0A) {
      $0.add32(0x1A2B_3C4D)
      $0.add([0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
    }
    file.block(1) { interface in
      interface.add16(101)
      interface.add16(0)
      interface.add32(0)
      // if_tsresol: nanoseconds.
      interface.add16(9)
      interface.add16(1)
      interface.add([9, 0, 0, 0])
      interface.add32(0)
    }
    file.block(5) { $0.add([1, 2, 3, 4]) }
    for ticks: UInt64 in [1_700_000_000_000_000_000, 1_700_000_000_020_000_000] {
      file.block(6) { packet in
        packet.add32(0)
        packet.add32(UInt32(ticks >> 32))
        packet.add32(UInt32(truncatingIfNeeded: ticks))
        packet.add32(UInt32(frame.count))
        packet.add32(UInt32(frame.count))
        packet.add(frame)
      }
    }
    file.block(3) {
      $0.add32(UInt32(frame.count))
      $0.add(frame)
    }
    let traffic = try CapturedTraffic(file.bytes)
    #expect(traffic.messages.map(\.time) == [.zero, .milliseconds(20), .milliseconds(20)])
  }

  @Test(
    "a file that is no capture is refused, with its offset",
    arguments: [
      [], [1, 2, 3], Array("GIF89a__________________________".utf8),
      [0x0A, 0x0D, 0x0D, 0x0A, 28, 0, 0, 0, 9, 9, 9, 9],
    ])
  func notACapture(bytes: [UInt8]) {
    let error = #expect(throws: CaptureError.self) { try CapturedTraffic(bytes) }
    #expect(error?.offset == 0)
  }

  @Test("a frame longer than any may be is refused")
  func hugeFrame() throws {
    var bytes = FileBuilder.pcap(linkType: 101, frame: [])
    bytes.replaceSubrange(32..<36, with: [0xFF, 0xFF, 0xFF, 0x7F])
    #expect(throws: CaptureError.self) { try CapturedTraffic(bytes) }
  }

  @Test("a file that ends in the middle of a frame gives the frames before it")
  func truncated() throws {
    let whole = try Files.pcap("twilio-udp")
    let part = try CapturedTraffic(Array(whole[..<(whole.count - 10)]))
    #expect(part.messages.count == (try CapturedTraffic(whole).messages.count) - 1)
  }

  @Test("no damage to a capture traps")
  func hostile() throws {
    var generator = SystemRandomNumberGenerator()
    let seed = UInt64.random(in: 0...UInt64.max, using: &generator)
    var random = RandomSource.seeded(seed)
    for name in ["telnyx-tcp", "digest-bad", "hold-resume"] {
      let whole = Array(try Files.pcap(name).prefix(12_000))
      for _ in 0..<60 {
        var damaged = whole
        for _ in 0..<Int.random(in: 1...40, using: &random) {
          damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        guard let traffic = try? CapturedTraffic(damaged) else { continue }
        #expect(traffic.messages.count < 100, "seed \(seed)")
        _ = CapturedCall.calls(in: traffic)
        _ = traffic.rtpStreams
      }
    }
  }
}
