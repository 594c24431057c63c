import Logging
import Telephony
import Testing

@testable import Gateway

@Suite("Log lines")
struct LineLogHandlerTests {
  private func line(
    _ values: [String: String], _ redaction: NumberRedaction = .full, isJSON: Bool = false
  ) -> String {
    LineLogHandler(logLevel: .info, isJSON: isJSON, redaction: redaction)
      .line("2026-01-02T03:04:05.678Z", .info, "a call arrived", values)
  }

  @Test(
    "a caller cannot write fields or lines of its own",
    arguments: [
      ("+15550123", "from=+15550123"), ("", #"from="""#), ("a b", #"from="a b""#), ("a=b", #"from="a=b""#),
      (#"a" level=error"#, #"from="a\" level=error""#), (#"a\" level=error"#, #"from="a\\\" level=error""#),
      (#"a\"#, #"from="a\\""#), ("a \u{301}b", "from=\"a \u{301}b\""), ("\"\u{301}", "from=\"\\\"\u{301}\""),
      ("a\r\nb\u{7F}", "from=a\u{FFFD}\u{FFFD}b\u{FFFD}"),
      ("\u{9B}31m\u{2028}\u{202E}", "from=\u{FFFD}31m\u{FFFD}\u{FFFD}"),
    ])
  func injection(value: String, expected: String) {
    #expect(line(["from": value]) == "2026-01-02T03:04:05.678Z info a call arrived " + expected)
  }

  @Test("phone numbers are redacted in the message and in every value, in text and JSON", arguments: [false, true])
  func redaction(isJSON: Bool) {
    let text = line(["from": "+1 555 012 3456", "to": "sip:555.555.0100@192.0.2.1"], .last4, isJSON: isJSON)
    #expect(
      text.contains("+…3456") && text.contains("sip:…0100@192.0.2.1") && text.contains("2026-01-02T03:04:05.678Z"))
    #expect(!text.contains("555"))
  }
}
