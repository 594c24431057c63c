import Testing

@testable import Gateway

@Suite("What metrics tell of session descriptions")
struct SDPFactsTests {
  @Test("codecs by their lines, and those that need none")
  func codecs() {
    let text =
      "v=0\r\nm=audio 4000 RTP/AVP 0 8 96 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n"
    let facts = SDPFacts(Array(text.utf8))
    #expect(facts.codecs == ["PCMU", "PCMA", "OPUS"] && facts.byteCount == text.utf8.count)
  }

  @Test("anything is taken", arguments: ["", "\r\n", "m=audio", "a=rtpmap:", "a=rtpmap: ", "m=audio 0 x"])
  func rubbish(text: String) { #expect(SDPFacts(Array(text.utf8)).codecs.isEmpty || text.contains("0")) }
}
