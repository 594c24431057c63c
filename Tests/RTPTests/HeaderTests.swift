import Base
import RTP
import Testing

@Suite("RTP header")
struct HeaderTests {
  @Test("a written header reads back, at the edges of every field")
  func roundTrip() {
    for header in [
      RTPHeader(marker: false, payloadType: 0, sequenceNumber: 0, timestamp: 0, ssrc: 0),
      RTPHeader(marker: true, payloadType: 127, sequenceNumber: .max, timestamp: .max, ssrc: .max),
      RTPHeader(marker: true, payloadType: 101, sequenceNumber: 8155, timestamp: 43200, ssrc: 0x0E05_384E),
    ] {
      var bytes = [UInt8](repeating: 0xAA, count: 20)
      let count = bytes.write { header.write(into: &$0) }
      #expect(count == 12)
      let layout = bytes.layout
      #expect(layout?.header == header)
      #expect(layout?.payload == 12..<20)
      #expect(layout?.extensionElements.isEmpty == true)
    }
  }

  @Test("a header is not written where it does not fit")
  func tooSmall() {
    let header = header(1, 2)
    for count in 0..<12 {
      var bytes = [UInt8](repeating: 0, count: count)
      let written = bytes.write { header.write(into: &$0) }
      #expect(written == 0)
      #expect(bytes.allSatisfy { $0 == 0 })
    }
  }

  @Test("the mid extension reads back for every length", arguments: 1...16)
  func mid(length: Int) throws {
    let text = String("abcdefghijklmnop".prefix(length))
    let extensions = try #require(HeaderExtensions(mid: MidExtension(id: 9, mid: text), levelID: nil))
    var bytes = [UInt8](repeating: 0xAA, count: 60)
    let count = bytes.write { header(1, 2).write(into: &$0, extensions: extensions) }
    #expect(count == 12 + extensions.blockByteCount)
    #expect(count % 4 == 0)
    let layout = try #require(bytes.layout)
    #expect(layout.payload == count..<60)
    let element = try #require(bytes.read { layout.extensionElement(id: 9, in: $0) })
    #expect(String(decoding: bytes[element], as: UTF8.self) == text)
    #expect(bytes.read { layout.extensionElement(id: 8, in: $0) } == nil)
    #expect(bytes[element.upperBound..<count].allSatisfy { $0 == 0 })
  }

  @Test("level and mid read back together, and a level that is not known is left out", arguments: 0...16)
  func level(midLength: Int) throws {
    let text = String("abcdefghijklmnop".prefix(midLength))
    let extensions = try #require(HeaderExtensions(mid: MidExtension(id: 9, mid: text), levelID: 1))
    for level in [nil, 0, 30, 127, 200] as [UInt8?] {
      var bytes = [UInt8](repeating: 0xAA, count: 60)
      let count = bytes.write { header(1, 2).write(into: &$0, extensions: extensions, level: level, hasVoice: true) }
      #expect(count == 12 + extensions.blockByteCount)
      #expect(count % 4 == 0)
      let layout = try #require(bytes.layout)
      #expect(layout.payload == count..<60)
      let said = bytes.read { layout.audioLevel(id: 1, in: $0) }
      #expect(said?.decibelsOverload == level.map { -Int(min($0, 127)) })
      #expect(said?.hasVoice == (level == nil ? nil : true))
      let element = bytes.read { layout.extensionElement(id: 9, in: $0) }
      #expect(element.map { String(decoding: bytes[$0], as: UTF8.self) } == (midLength == 0 ? nil : text))
    }
    let isEmpty = HeaderExtensions(mid: nil, levelID: nil) == nil && HeaderExtensions(mid: nil, levelID: 15) == nil
    #expect(isEmpty)
  }

  @Test("a mid that one byte of header cannot describe is refused")
  func midRefused() {
    #expect(MidExtension(id: 0, mid: "0") == nil)
    #expect(MidExtension(id: 15, mid: "0") == nil)
    #expect(MidExtension(id: 1, mid: "") == nil)
    #expect(MidExtension(id: 1, mid: "abcdefghijklmnopq") == nil)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var hex: String
    /// Nil: not a packet.
    var payload: Range<Int>?

    init(_ description: String, _ hex: String, _ payload: Range<Int>?) {
      testDescription = description
      self.hex = hex
      self.payload = payload
    }
  }

  static let fixed = "0001 00000002 00000003"

  @Test(
    "lengths that contradict each other are refused",
    arguments: [
      Case("empty", "", nil),
      Case("eleven bytes", "8000 0001 00000002 000000", nil),
      Case("version 1", "4000 \(fixed) 11", nil),
      Case("no payload", "8000 \(fixed)", 12..<12),
      Case("one CSRC", "8100 \(fixed) 00000009 11", 16..<17),
      Case("CSRCs beyond the end", "8200 \(fixed) 00000009", nil),
      Case("extension", "9000 \(fixed) bede0001 10ff0000 11", 20..<21),
      Case("empty extension", "9000 \(fixed) bede0000 11", 16..<17),
      Case("extension without preamble", "9000 \(fixed) bede", nil),
      Case("extension beyond the end", "9000 \(fixed) bede0002 10ff0000", nil),
      Case("padding", "a000 \(fixed) 1122 0003", 12..<13),
      Case("only padding", "a000 \(fixed) 00000004", 12..<12),
      Case("padding longer than the payload", "a000 \(fixed) 00000005", nil),
      Case("padding of zero", "a000 \(fixed) 00000000", nil),
      Case("padding bit without payload", "a000 \(fixed)", nil),
    ])
  func lengths(test: Case) {
    let bytes = [UInt8](hex: test.hex)
    #expect(bytes.layout?.payload == test.payload)
  }

  @Test("an encrypted packet keeps its padding")
  func protected() {
    let bytes = [UInt8](hex: "a000 \(Self.fixed) 11223344")
    #expect(bytes.layout == nil)
    #expect(bytes.read { RTPLayout.parseProtected($0) }?.payload == 12..<16)
  }

  @Test("extension elements are found in both forms")
  func elements() throws {
    // Padding, element 1 of one byte, element 3 of two, then the stop element with another 1 behind it.
    let oneByte = [UInt8](hex: "9000 \(Self.fixed) bede0003 0010850031aabb00f0 10ff00")
    let first = try #require(oneByte.layout)
    #expect(oneByte.read { first.extensionElement(id: 3, in: $0) }.map { Array(oneByte[$0]) } == [0xAA, 0xBB])
    #expect(oneByte.read { first.audioLevel(id: 1, in: $0) } == ClientAudioLevel(byte: 0x85))
    #expect(oneByte.read { first.extensionElement(id: 2, in: $0) } == nil)
    // The two-byte form: element 20 with no bytes, element 1 with one; element 7 runs over the end.
    let twoByte = [UInt8](hex: "9000 \(Self.fixed) 10000002 1400 0101 8507 0900")
    let second = try #require(twoByte.layout)
    #expect(second.hasTwoByteElements)
    #expect(twoByte.read { second.extensionElement(id: 20, in: $0) }?.isEmpty == true)
    #expect(twoByte.read { second.audioLevel(id: 20, in: $0) } == nil)
    #expect(twoByte.read { second.audioLevel(id: 1, in: $0) } == ClientAudioLevel(byte: 0x85))
    #expect(twoByte.read { second.extensionElement(id: 7, in: $0) } == nil)
  }

  @Test("an audio level is decibels below overload and a voice flag")
  func level() {
    #expect(ClientAudioLevel(byte: 0x80).decibelsOverload == 0)
    #expect(ClientAudioLevel(byte: 0x80).hasVoice)
    #expect(ClientAudioLevel(byte: 0x7F).decibelsOverload == -127)
    #expect(!ClientAudioLevel(byte: 0x7F).hasVoice)
  }

  @Test("the first bytes tell what a datagram is, for all of them")
  func kinds() {
    for first in UInt8.min...UInt8.max {
      for second in UInt8.min...UInt8.max {
        let expected: DatagramKind =
          switch first {
          case 0...3: .stun
          case 20...63: .dtls
          case 128...191: (192...223).contains(second) ? .rtcp : .rtp
          default: .unknown
          }
        let bytes = [first, second]
        if DatagramKind(bytes.span.bytes) != expected { Issue.record("\(first) \(second)") }
      }
    }
    #expect([].read { DatagramKind($0) } == .unknown)
    #expect([0x80].read { DatagramKind($0) } == .unknown)
  }
}
