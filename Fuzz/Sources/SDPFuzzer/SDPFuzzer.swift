import Base
import FuzzDriver
import SDP

@main
enum SDPFuzzer {
  static func main() { fuzz(parse) }
}

/// Offers for both legs, and the round trip of what they print.
private func parse(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let text = String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
  if let description = try? SessionDescription(parsing: text) {
    let printed = description.description
    precondition((try? SessionDescription(parsing: printed))?.description == printed, "printing is not stable")
    var phone = OfferAnswer(local: LocalMedia(endpoint: Endpoint(.loopbackV4, 4000)), sessionID: 1)
    if let answer = try? phone.answer(description) {
      precondition(answer.media.count == description.media.count, "an answer has as many sections as its offer")
    }
  }
  if let offer = try? WebRTCDescription(parsing: text) {
    let transport = WebRTCTransport(
      ice: ICECredentials(usernameFragment: "abcdefgh", password: "abcdefghabcdefghabcdefgh"),
      fingerprint: Fingerprint(digest: Array(repeating: 1, count: 32)), candidates: [Endpoint(.loopbackV4, 7882)])
    if let answer = try? WebRTCAnswer(transport: transport).build(to: offer, origin: WebRTCOrigin(sessionID: 1)) {
      precondition(answer.media.count == offer.sections.count, "an answer has as many sections as its offer")
    }
  }
  parseCandidates(text)
  return 0
}

/// Candidates, in descriptions and beside them, and what they print.
private func parseCandidates(_ text: String) {
  if let candidate = ICECandidate(parsing: text) {
    precondition(ICECandidate(parsing: candidate.attributeValue) == candidate, "a candidate is not read as written")
  }
  if let trickled = TrickledCandidate(json: text) {
    precondition(TrickledCandidate(json: trickled.json) == trickled, "a trickled candidate is not read as written")
  }
  _ = ICEServerURL(parsing: text)
}
