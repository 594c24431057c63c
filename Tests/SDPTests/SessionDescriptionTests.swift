import Base
import SDP
import Testing

@Suite("Session descriptions")
struct SessionDescriptionTests {
  @Test("what is written reads back the same")
  func roundTrip() throws {
    for text in [Offers.twilio, Offers.telnyx, Offers.joinRequest] {
      let first = try SessionDescription(parsing: text, limits: .webRTC)
      #expect(try SessionDescription(parsing: first.description, limits: .webRTC) == first)
    }
  }

  @Test("every field of a provider's offer is where it belongs")
  func fields() throws {
    let offer = try SessionDescription(parsing: Offers.telnyx)
    #expect(offer.origin.username == "root")
    #expect(offer.origin.sessionID == "1311022221")
    #expect(offer.connection?.address == IPAddress("192.0.2.10"))
    let audio = try #require(offer.media.first)
    #expect(audio.port == 19_888)
    #expect(audio.formats == ["9", "18", "102", "8", "0", "103", "101"])
    #expect(audio.codecs.map(\.name) == ["G722", "G729", "opus", "PCMA", "PCMU", "telephone-event", "telephone-event"])
    #expect(audio.codecs[2].channelCount == 2)
    #expect(audio.codecs[1].formatParameters == "annexb=no")
    #expect(audio.attributes.value("rtcp") == "19889 IN IP4 192.0.2.10")
  }

  @Test(
    "line ends, trailing blanks and spaces in a user name are tolerated",
    arguments: [
      "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\n", "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0",
      "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n\r\n\r\n", "v=0\r\no=a b c 1 1 IN IP4 192.0.2.1\r\n",
      "v=0\r\no=- 99999999999999999999999 1 IN IP4 host.example.com\r\ni=x\r\nu=y\r\nb=AS:64\r\nk=clear:z\r\n",
    ])
  func tolerated(_ text: String) throws {
    #expect(try SessionDescription(parsing: text).media.isEmpty)
  }

  @Test(
    "a broken description is refused with the line that is wrong",
    arguments: [
      ("", nil, SDPError.Code.malformed), ("o=- 1 1 IN IP4 192.0.2.1\r\n", 1, .malformed),
      ("v=1\r\n", 1, .malformed), ("v=0\r\nv=0\r\n", 2, .malformed), ("v=0\r\ns=-\r\n", nil, .malformed),
      ("v=0\r\no=- 1 1 IN IP4\r\n", 2, .malformed), ("v=0\r\no=- 1 1 IN IP7 1.2.3.4\r\n", 2, .malformed),
      ("v=0\r\no=- 1 1 ATM IP4 1.2.3.4\r\n", 2, .malformed),
      ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\nnonsense\r\n", 3, .malformed),
      ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\nq=1\r\n", 3, .malformed),
      ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\nm=audio\r\n", 3, .malformed),
      ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\nm=audio 70000 RTP/AVP 0\r\n", 3, .malformed),
      ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\nm=audio -1 RTP/AVP 0\r\n", 3, .malformed),
      ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\nm=audio 5/x RTP/AVP 0\r\n", 3, .malformed),
      ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\nm=audio 5004 RTP/AVP\r\n", 3, .malformed),
      ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\na=\r\n", 3, .malformed),
      ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\na=:x\r\n", 3, .malformed),
      ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\nc=IN IP4\r\n", 3, .malformed),
      ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=a\rb\r\n", 3, .malformed),
      ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\n\r\na=late\r\n", 4, .malformed),
    ] as [(String, Int?, SDPError.Code)])
  func broken(_ text: String, line: Int?, code: SDPError.Code) throws {
    let error = #expect(throws: SDPError.self) { try SessionDescription(parsing: text) }
    #expect(error?.line == line)
    #expect(error?.code == code)
    #expect(error?.sipStatus == 400)
    #expect(error?.warningCode == nil)
  }

  @Test(
    "a description above a limit is refused",
    arguments: [
      ("a=", "x", 2_000, 3), ("", "a=x\r\n", 129, 131), ("", "m=x 1 y z\r\n", 17, 19),
      ("m=audio 1 RTP/AVP", " 0", 65, 3),
      ("", "b=AS:64\r\n", 4_000, nil),
    ] as [(String, String, Int, Int?)])
  func tooLarge(start: String, repeated: String, count: Int, line: Int?) throws {
    let text = "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\n" + start + String(repeating: repeated, count: count)
    let error = #expect(throws: SDPError.self) { try SessionDescription(parsing: text) }
    #expect(error?.code == .tooLarge)
    #expect(error?.line == line)
  }

  @Test("no prefix and no single changed byte of a real offer traps")
  func hostile() {
    let bytes = Array(Offers.joinRequest.utf8)
    for count in stride(from: 0, to: bytes.count, by: 7) {
      _ = try? WebRTCDescription(parsing: String(decoding: bytes[..<count], as: UTF8.self))
    }
    var generator = RandomSource.seeded(7)
    for _ in 0..<2_000 {
      var changed = Array(Offers.telnyx.utf8)
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        changed[Int.random(in: 0..<changed.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      var exchange = OfferAnswer(local: Offers.local, sessionID: 1)
      guard let offer = try? SessionDescription(parsing: changed) else { continue }
      if let answer = try? exchange.answer(offer) { #expect(answer.media.count == offer.media.count) }
    }
  }
}
