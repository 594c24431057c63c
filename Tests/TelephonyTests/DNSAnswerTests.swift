import Base
import Testing

@testable import Telephony

@Suite("DNS answers")
struct DNSAnswerTests {
  private static func header(answers: UInt8, code: UInt8 = 0, questions: UInt8 = 1) -> [UInt8] {
    [0, 1, 0x81, 0x80 | code, 0, questions, 0, answers, 0, 0, 0, 0]
  }

  private static func name(_ text: String) -> [UInt8] {
    text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
  }

  /// `_sip._udp.example.com SRV`; the name begins at byte 12, `example.com` at 22.
  private static let question = name("_sip._udp.Example.com") + [0, 33, 0, 1]

  private static func record(_ type: UInt8, _ data: [UInt8], owner: [UInt8] = [0xC0, 12]) -> [UInt8] {
    owner + [0, type, 0, 1, 0, 0, 0, 60, UInt8(data.count >> 8), UInt8(data.count & 0xFF)] + data
  }

  private static func service(_ priority: UInt8, _ weight: UInt8, _ target: [UInt8]) -> [UInt8] {
    record(33, [0, priority, 0, weight, 0x13, 0xC4] + target)
  }

  @Test("SRV records, their names compressed or not")
  func services() throws {
    let message =
      Self.header(answers: 3) + Self.question + Self.service(1, 2, Self.name("SIP-1.example.com"))
      + Self.service(3, 0, [3, 0x61, 0x62, 0x63, 0xC0, 22]) + Self.service(9, 9, [0])
    let answer = try #require(DNSAnswer(message))
    #expect(
      answer.services == [
        ServiceRecord(priority: 1, weight: 2, port: 5060, target: "sip-1.example.com"),
        ServiceRecord(priority: 3, weight: 0, port: 5060, target: "abc.example.com"),
        ServiceRecord(priority: 9, weight: 9, port: 5060, target: ""),
      ])
  }

  @Test("addresses behind an alias")
  func addresses() throws {
    let message =
      Self.header(answers: 3) + Self.question + Self.record(5, Self.name("other.example.com"))
      + Self.record(1, [192, 0, 2, 7]) + Self.record(28, [0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [9])
    let answer = try #require(DNSAnswer(message))
    #expect(answer.addresses.map(\.description) == ["192.0.2.7", "2001:db8::9"])
  }

  @Test("no records is an answer; an error, a request and rubbish are none")
  func refusals() {
    #expect(DNSAnswer(Self.header(answers: 0) + Self.question)?.services.isEmpty == true)
    #expect(DNSAnswer(Self.header(answers: 0, code: 3) + Self.question) == nil)
    var request = Self.header(answers: 0)
    request[2] = 1
    #expect(DNSAnswer(request + Self.question) == nil)
    #expect(DNSAnswer([]) == nil)
    #expect(DNSAnswer(Self.header(answers: 1)) == nil)
  }

  @Test(
    "a record that makes no sense is left out, the next one is read",
    arguments: [
      service(1, 1, [0xC0, 200]), service(1, 1, [1, 0x20, 0]), service(1, 1, [0x80, 1]), service(1, 1, [5, 0x61]),
      record(33, [0, 1]), record(1, [1, 2, 3]), record(28, [1, 2, 3, 4]), record(33, []),
    ])
  func nonsense(record: [UInt8]) throws {
    let answer = try #require(
      DNSAnswer(Self.header(answers: 2) + Self.question + record + Self.service(4, 5, Self.name("a.b"))))
    #expect(answer.services == [ServiceRecord(priority: 4, weight: 5, port: 5060, target: "a.b")])
    #expect(answer.addresses.isEmpty)
  }

  @Test("names that lead in a circle, or are too long, end")
  func circles() {
    for place in 0..<60 {
      let message = Self.header(answers: 1) + Self.question + Self.service(1, 1, [0xC0, UInt8(place)])
      _ = DNSAnswer(message)
    }
    let label = [60] + [UInt8](repeating: 0x61, count: 60)
    let long = Array([label, label, label, label, label].joined()) + [0]
    #expect(DNSAnswer(Self.header(answers: 1) + Self.question + Self.service(1, 1, long))?.services.isEmpty == true)
  }

  @Test("no bytes make the parser fail")
  func noise() {
    var generator = RandomSource.seeded(20_261_121)
    let whole =
      Self.header(answers: 3) + Self.question + Self.service(1, 2, [3, 0x61, 0x62, 0x63, 0xC0, 22])
      + Self.record(1, [192, 0, 2, 7])
    for count in 0...whole.count { _ = DNSAnswer(Array(whole.prefix(count))) }
    for _ in 0..<20_000 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        bytes[Int.random(in: 2..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
      }
      _ = DNSAnswer(bytes)
    }
  }
}
