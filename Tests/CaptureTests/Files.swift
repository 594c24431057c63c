import Base
import Capture
import Foundation
import Testing

/// The repository's own captures, and what the tests build themselves.
enum Files {
  static let pcaps = URL(filePath: #filePath).appending(path: "../../../pcaps").standardized

  static func pcap(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: pcaps.appending(path: "\(name).pcap")))
  }

  static func call(_ name: String) throws -> CapturedCall {
    try #require(CapturedCall.calls(in: try CapturedTraffic(pcap(name))).first)
  }

  static let names =
    (try? FileManager.default.contentsOfDirectory(atPath: pcaps.path))
    .map { $0.filter { $0.hasSuffix(".pcap") }.map { String($0.dropLast(5)) }.sorted() } ?? []

  static let caller = Endpoint(IPAddress(v4: 0xC633_6414), 5_060)
  static let gateway = Endpoint(IPAddress(v4: 0xC000_0250), 5_060)

  static func text(_ lines: [String], body: String = "") -> [UInt8] {
    Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)
  }

  static let options = text([
    "OPTIONS sip:a@example.com SIP/2.0", "Via: SIP/2.0/UDP 198.51.100.20;branch=z9hG4bK1",
    "From: <sip:b@example.com>;tag=1",
    "To: <sip:a@example.com>", "Call-ID: one", "CSeq: 1 OPTIONS", "Content-Length: 0",
  ])
}

/// Builds files byte by byte, in either order.
struct FileBuilder {
  var bytes: [UInt8] = []
  var isLittleEndian = true

  mutating func add16(_ value: UInt16) {
    let pair = [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)]
    bytes += isLittleEndian ? pair.reversed() : pair
  }

  mutating func add32(_ value: UInt32) {
    let ordered = isLittleEndian ? value.byteSwapped : value
    bytes += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: ordered >> UInt32($0)) }
  }

  mutating func add(_ more: [UInt8]) { bytes += more }

  /// A classic file with one frame.
  static func pcap(linkType: UInt32, frame: [UInt8]) -> [UInt8] {
    var file = FileBuilder()
    file.add32(0xA1B2_C3D4)
    file.add([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0])
    file.add32(linkType)
    for value in [1_700_000_000, 250_000, UInt32(frame.count), UInt32(frame.count)] { file.add32(value) }
    file.add(frame)
    return file.bytes
  }

  /// A pcapng block.
  mutating func block(_ type: UInt32, _ body: (inout FileBuilder) -> Void) {
    var inner = FileBuilder(isLittleEndian: isLittleEndian)
    body(&inner)
    while inner.bytes.count % 4 != 0 { inner.add([0]) }
    add32(type)
    add32(UInt32(inner.bytes.count + 12))
    add(inner.bytes)
    add32(UInt32(inner.bytes.count + 12))
  }
}
