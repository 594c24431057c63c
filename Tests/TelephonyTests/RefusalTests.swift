import Testing

@testable import Telephony

@Suite("Refusals and ends")
struct RefusalTests {
  @Test(
    "every refusal has its status",
    arguments: [
      (RefusalReason.malformedRequest, 400), (.flood, 503), (.noTrunk, 404), (.severalTrunks, 503),
      (.unauthorized, 403), (.noRule, 404), (.conflictingRules, 503), (.atCapacity, 503), (.draining, 503),
      (.sdpError, 400), (.noCommonCodec, 488), (.noCommonCrypto, 488), (.mediaFailed, 500), (.roomFull, 486),
      (.joinFailed, 486), (.nobodyJoined, 480), (.noTrackSubscribed, 486), (.transportFailed, 503), (.removed, 486),
      (.roomDeleted, 486), (.shutdown, 503),
      (.roomsUnavailable, 503), (.clusterUnavailable, 503), (.quotaExceeded, 503),
    ])
  func statuses(reason: RefusalReason, code: Int) { #expect(reason.status.code == code) }

  @Test("no refusal is missing from the list, and each has words", arguments: RefusalReason.allCases)
  func words(reason: RefusalReason) {
    #expect(!reason.sentence.isEmpty && reason.sentence.last != ".")
    #expect((400..<600).contains(reason.status.code))
    #expect(EndReason.allCodes.contains(reason.rawValue))
    #expect(RefusalReason.allCases.count == 25)
  }

  @Test("a stranger cannot tell a missing trunk from a missing rule")
  func strangers() { #expect(RefusalReason.noTrunk.status == RefusalReason.noRule.status) }

  @Test("503 for want of room says when to come back")
  func retryAfter() {
    for reason in [RefusalReason.flood, .atCapacity, .draining, .shutdown] { #expect(reason.retryAfterSeconds != nil) }
    #expect(RefusalReason.noTrunk.retryAfterSeconds == nil)
  }

  @Test(
    "numbers are redacted",
    arguments: [
      (NumberRedaction.full, "+15551234567", "+15551234567"), (.last4, "+15551234567", "…4567"), (.last4, "1234", "…"),
      (.last4, "", ""), (.none, "+15551234567", "…"), (.none, "", ""),
    ])
  func redaction(_ redaction: NumberRedaction, number: String, expected: String) {
    #expect(redaction.redact(number) == expected)
  }

  @Test("numbers are redacted inside names and sentences")
  func redactionInText() {
    let text = "call-_+15551234567_ab to 100 and +15551234567"
    let numbers = ["100", "+15551234567"]
    #expect(NumberRedaction.last4.redact(text, numbers: numbers) == "call-_…4567_ab to … and …4567")
    #expect(NumberRedaction.full.redact(text, numbers: numbers) == text)
    #expect(NumberRedaction.none.redact("é1ü", numbers: [""]) == "é1ü")
  }
}
