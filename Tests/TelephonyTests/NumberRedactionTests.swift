import Base
import Testing

@testable import Telephony

@Suite("Phone numbers in free text")
struct NumberRedactionTests {
  @Test(
    "a number is redacted whatever separates its digits; addresses and times stay",
    arguments: [
      ("+15550123", "+…", "+…0123"), ("1-555-555-0100", "…", "…0100"), ("(555) 555.0100", "(…", "(…0100"),
      ("+1 555 010 0199", "+…", "+…0199"), ("sip:+1%20555%20010%200199@example.com", "sip:+…@example.com", nil),
      ("from +49 30\u{A0}1234567 to 1\t555\t5550100.", "from +… to ….", nil), ("sip_555.555.0100;x", "sip_…;x", nil),
      ("555-012-", "555-012-", nil), ("555 012", "555 012", nil), ("1 2 3", "1 2 3", nil), ("100%20", "100%20", nil),
      ("a 1234567  890", "a …  890", nil), ("127.0.2.12:38308", "127.0.2.12:38308", nil),
      ("from 192.0.2.1 5060 to 198.51.100.7 5061", "from 192.0.2.1 5060 to 198.51.100.7 5061", nil),
      ("192.0.2.1 5550100", "192.0.2.1 …", "192.0.2.1 …0100"), ("555 0100 192.0.2.1", "… 192.0.2.1", nil),
      ("192.0.2.1%205550100", "192.0.2.1%20…", nil), ("3.5 s of 20 ms", "3.5 s of 20 ms", nil),
      ("5\u{301}550123", "5\u{301}550123", nil), ("15550123\u{301}", "…\u{301}", nil), ("", "", nil), (" ", " ", nil),
      ("call-_+1 555 010 0199_ab", "call-_+…_ab", nil), ("--- ... ()", "--- ... ()", nil),
    ] as [(String, String, String?)])
  func numbers(text: String, none: String, last4: String?) {
    #expect(NumberRedaction.none.redactNumbers(in: text) == none)
    if let last4 { #expect(NumberRedaction.last4.redactNumbers(in: text) == last4) }
    #expect(NumberRedaction.full.redactNumbers(in: text) == text)
  }

  @Test("no text makes it fail, and no seven digits in a row are left")
  func noise() {
    var generator = RandomSource.seeded(20_261_122)
    let alphabet = Array("0123456789 %20-.()+a\t".unicodeScalars)
    for _ in 0..<5_000 {
      var text = String.UnicodeScalarView()
      for _ in 0..<Int.random(in: 0..<40, using: &generator) {
        text.append(alphabet[Int.random(in: 0..<alphabet.count, using: &generator)])
      }
      let redacted = NumberRedaction.none.redactNumbers(in: String(text))
      #expect(redacted.split { !$0.isNumber }.allSatisfy { $0.count < 7 }, "\(String(text))")
    }
  }
}
