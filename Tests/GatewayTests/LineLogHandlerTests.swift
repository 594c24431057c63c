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

  @Test(
    "a phone number is redacted with separators too; addresses and times stay",
    arguments: [
      ("+15550123", "+…", "+…0123"), ("1-555-555-0100", "…", "…0100"), ("(555) 555.0100", "(555) …", "(555) …0100"),
      ("sip_555.555.0100;x", "sip_…;x", "sip_…0100;x"), ("555-012-", "555-012-", "555-012-"),
      ("127.0.2.12:38308", "127.0.2.12:38308", "127.0.2.12:38308"),
      ("5\u{301}550123", "5\u{301}550123", "5\u{301}550123"),
      ("15550123\u{301}", "…\u{301}", "…0123\u{301}"),
    ], [false, true])
  func redaction(_ row: (value: String, none: String, last4: String), isJSON: Bool) {
    let prefix = "2026-01-02T03:04:05.678Z"
    for (redaction, expected) in [(NumberRedaction.none, row.none), (.last4, row.last4), (.full, row.value)] {
      let text = line(["from": row.value], redaction, isJSON: isJSON)
      #expect(text.contains(expected) && text.contains(prefix) && (expected == row.value || !text.contains(row.value)))
    }
  }
}
