import Testing

@testable import Telephony

@Suite("Phone numbers")
struct PhoneNumberTests {
  @Test(
    "digits, separators and a plus become E.164, anything else stays",
    arguments: [
      ("", ""), ("123", "+123"), ("+123", "+123"), ("(123) 456 7890", "+1234567890"), ("user", "user"),
      ("sip-100a", "sip-100a"), ("*12", "*12"), ("+", "+"), ("12#", "12#"), ("+1+2", "+1+2"), ("1-2", "+12"),
      ("١٢٣", "١٢٣"), ("()", "+"),
    ])
  func normalises(text: String, expected: String) { #expect(PhoneNumber.normalized(text) == expected) }

  @Test(
    "patterns",
    arguments: [
      ("+15550100", "+15550100", true), ("+15550100", "15550100", true), ("1 (555) 01-00", "+15550100", true),
      ("+15550100", "+155501000", false), ("+15550100", "+1555010", false),
      ("+1", "+15550100", true), ("+1", "15550100", true), ("+1", "+4420", false), ("+44", "+442079460000", true),
      ("+353", "+35312345678", true), ("+353", "+3541", false),
      ("+3531", "+35312345678", false), ("1", "+15550100", false),
      ("+1555*", "+15550100", true), ("1555*", "+15550100", true), ("+1555*", "+15450100", false),
      ("sip-*", "sip-100a", true), ("sip-*", "sap-100a", false), ("user", "user", true), ("user", "User", false),
      ("*", "", true), ("*", "anyone", true), ("*12", "*12", true), ("*12", "*123", false), ("*12*", "*123", true),
      ("+1", "", false),
    ])
  func matches(pattern: String, number: String, expected: Bool) {
    #expect(NumberPattern(pattern).matches(number) == expected)
  }

  @Test(
    "overlap and cover",
    arguments: [
      ("+1", "+15550100", true, true), ("+15550100", "+1", true, false), ("+1", "+44", false, false),
      ("+1*", "+1", true, true), ("15550100", "+1 555 0100", true, true), ("+1555*", "+15*", true, false),
      ("*", "user", true, true), ("user", "user2", false, false),
    ])
  func relations(a: String, b: String, overlaps: Bool, covers: Bool) {
    #expect(NumberPattern(a).overlaps(NumberPattern(b)) == overlaps)
    #expect(NumberPattern(b).overlaps(NumberPattern(a)) == overlaps)
    #expect(NumberPattern(a).covers(NumberPattern(b)) == covers)
  }

  @Test("two spellings of one number are one pattern")
  func equality() {
    #expect(Set<NumberPattern>(["+15550100", "1 (555) 0100", "+15550100*"]).count == 2)
    #expect(NumberPattern("+1") == NumberPattern("1*"))
  }
}
