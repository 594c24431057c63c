import Base
import SDP
import Testing

@Suite("WebRTC descriptions")
struct WebRTCTests {
  private let transport = WebRTCTransport(
    ice: ICECredentials(usernameFragment: "ce9e8d48", password: "4239f00c02387203bba39ba3"),
    fingerprint: Fingerprint(digest: Offers.digest),
    candidates: [Endpoint(.loopbackV4, 7_882), Endpoint(IPAddress(v6: 0x2001_0DB8_0000_0000, 2), 7_882)], cname: "gw")
  private let track = OutgoingTrack(msid: MediaStreamID(participantSID: "PA_sip", trackSID: "TR_sip1"), ssrc: 4_660)

  private func build(_ offer: String, outgoing: [String: OutgoingTrack] = [:]) throws -> (
    SessionDescription, WebRTCDescription
  ) {
    let answer = try WebRTCAnswer(transport: transport)
      .build(to: WebRTCDescription(parsing: offer), outgoing: outgoing, origin: WebRTCOrigin(sessionID: 9, version: 3))
    return (answer, try WebRTCDescription(parsing: answer.description))
  }

  @Test("a client's offer reads section by section")
  func offer() throws {
    let offer = try WebRTCDescription(parsing: Offers.joinRequest)
    #expect(offer.bundle == ["0", "1", "2", "3", "4", "5", "6"])
    #expect(offer.sections.map(\.kind) == [.audio, .audio, .audio, .video, .video, .video, .application])
    #expect(offer.sections.allSatisfy { $0.isBundled && !$0.isRejected })
    #expect(offer.ice == ICECredentials(usernameFragment: "4RB3", password: "i/3rTp1zkf2T3WsxFTzeOQTS"))
    #expect(offer.fingerprints == [Fingerprint(digest: Offers.digest)])
    #expect(offer.setup == .actpass)
    #expect(!offer.isICELite)
    let audio = try #require(offer.section(mid: "1"))
    #expect(audio.direction == .recvOnly)
    #expect(audio.audioLevelExtensionID == 1)
    #expect(audio.midExtensionID == 4)
    #expect(audio.codec(.opus)?.payloadType == 111)
    #expect(audio.codec(.opus)?.feedback == ["transport-cc"])
    #expect(audio.codec(.pcmu)?.payloadType == 0)
    #expect(offer.application?.sctpPort == 5_000)
    #expect(offer.application?.maxMessageSize == 262_144)
  }

  @Test("a published track shows its stream, its track and its ssrc")
  func publish() throws {
    let lines = ["a=sendonly", "a=msid:- 41d5322f", "a=ssrc:3996307588 cname:x", "a=ssrc:3996307588 msid:- 41d5322f"]
    let section = try #require(try WebRTCDescription(parsing: Offers.webRTC([("audio", lines)])).sections.first)
    #expect(section.ssrcs == [3_996_307_588])
    #expect(section.msid == MediaStreamID(stream: "-", track: "41d5322f"))
    #expect(section.direction == .sendOnly)
  }

  @Test("the answer accepts audio and data, refuses video, bundles what it accepts")
  func answer() throws {
    let (description, answer) = try build(Offers.joinRequest, outgoing: ["0": track])
    #expect(answer.isICELite)
    #expect(answer.bundle == ["0", "1", "2", "6"])
    #expect(answer.sections.map(\.mid) == ["0", "1", "2", "3", "4", "5", "6"])
    #expect(answer.sections.map(\.isRejected) == [false, false, false, true, true, true, false])
    #expect(answer.sections.prefix(3).map(\.direction) == [.sendOnly, .inactive, .inactive])
    #expect(answer.setup == .passive)
    #expect(answer.ice == transport.ice)
    #expect(answer.sections[0].msid == track.msid)
    #expect(answer.sections[0].ssrcs == [4_660])
    #expect(answer.sections[1].msid == nil)
    #expect(answer.application?.sctpPort == 5_000)
    #expect(description.origin.version == "3")
  }

  @Test("an accepted audio section says exactly what a client needs")
  func answerText() throws {
    let (description, _) = try build(Offers.webRTC([("audio", ["a=recvonly"])]), outgoing: ["0": track])
    #expect(
      description.description
        == Offers.lines([
          "v=0", "o=- 9 3 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite", "a=group:BUNDLE 0", "a=msid-semantic: WMS *",
          "m=audio 7882 UDP/TLS/RTP/SAVPF 111 0", "c=IN IP4 127.0.0.1", "a=mid:0", "a=ice-ufrag:ce9e8d48",
          "a=ice-pwd:4239f00c02387203bba39ba3", "a=fingerprint:\(Fingerprint(digest: Offers.digest))",
          "a=setup:passive", "a=candidate:1 1 udp 2130706431 127.0.0.1 7882 typ host",
          "a=candidate:2 1 udp 2130706175 2001:db8::2 7882 typ host", "a=end-of-candidates", "a=rtcp-mux",
          "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level", "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
          "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1", "a=rtpmap:0 PCMU/8000", "a=sendonly",
          "a=msid:PA_sip|TR_sip1 TR_sip1", "a=ssrc:4660 cname:gw",
        ]))
  }

  @Test(
    "the direction of an answered section follows the offer and what we send",
    arguments: [
      ("recvonly", true, MediaDirection.sendOnly), ("recvonly", false, .inactive), ("sendonly", false, .recvOnly),
      ("sendonly", true, .recvOnly), ("sendrecv", true, .sendRecv), ("sendrecv", false, .recvOnly),
      ("inactive", true, .inactive),
    ])
  func directions(offered: String, sends: Bool, expected: MediaDirection) throws {
    let (_, answer) = try build(
      Offers.webRTC([("audio", ["a=\(offered)"])]), outgoing: sends ? ["0": track] : [:])
    #expect(answer.sections[0].direction == expected)
    #expect((answer.sections[0].msid != nil) == expected.sends)
  }

  @Test("extensions and feedback are answered only when they were offered")
  func offeredOnly() throws {
    let offer = Offers.webRTC([("audio", ["a=sendonly", "a=rtcp-fb:111 nack"])])
    #expect(try build(offer).0.description.contains("a=rtcp-fb:111 nack\r\n"))
    let bare = offer.replacing("a=extmap:", with: "a=x-extmap:").replacing("a=rtcp-fb:111 nack\r\n", with: "")
    let text = try build(bare).0.description
    #expect(!text.contains("a=extmap"))
    #expect(!text.contains("nack"))
  }

  @Test(
    "a client sends what it prefers, and what it gets stands in our order",
    arguments: [
      ("sendonly", "111 63 9 0 8", [RoomCodec.pcmu, .opus], ["111"]), ("sendonly", "0 111", [.pcmu, .opus], ["0"]),
      ("sendonly", "0 111", [.opus, .pcmu], ["0"]), ("sendonly", "9 0", [.opus, .pcmu], ["0"]),
      ("recvonly", "111 63 9 0 8", [.pcmu, .opus], ["0", "111"]), ("recvonly", "0 111", [.opus, .pcmu], ["111", "0"]),
      ("sendrecv", "111 0", [.pcmu, .opus], ["111", "0"]), ("sendrecv", "0 111", [.opus, .pcmu], ["0", "111"]),
      ("inactive", "111 0", [.pcmu, .opus], ["0", "111"]),
    ])
  func codecOrder(direction: String, offered: String, ours: [RoomCodec], answered: [String]) throws {
    let text = Offers.webRTC([("audio", ["a=\(direction)"])]).replacing("111 63 9 0 8 13 110 126", with: offered)
    let offer = try WebRTCDescription(parsing: text)
    let builder = WebRTCAnswer(transport: transport, codecs: ours)
    let answer = try builder.build(to: offer, origin: WebRTCOrigin(sessionID: 1))
    #expect(answer.media[0].formats == answered)
    if direction.hasPrefix("send") {
      #expect(builder.clientCodec(offer.sections[0]).map { String($0.rtp.payloadType) } == answered.first)
    }
  }

  @Test(
    "the DTLS role fits the offer's",
    arguments: [("actpass", DTLSSetup.passive), ("active", .passive), ("passive", .active)])
  func roles(offered: String, expected: DTLSSetup) throws {
    let text = Offers.joinRequest.replacing("a=setup:actpass", with: "a=setup:\(offered)")
    #expect(try build(text).1.setup == expected)
  }

  @Test("audio without a common codec is refused and left out of the bundle")
  func noCommonCodec() throws {
    let text = Offers.joinRequest.replacing("opus/48000/2", with: "speex/48000/2").replacing(
      "PCMU/8000", with: "GSM/8000")
    let (_, answer) = try build(text, outgoing: ["0": track])
    #expect(answer.bundle == ["6"])
    #expect(answer.sections[0].isRejected)
  }

  @Test("transport lines of the session serve every section")
  func sessionLevel() throws {
    let shared = ["a=ice-ufrag:abcd", "a=ice-pwd:0123456789012345678901", "a=setup:active"]
    let kept = Offers.webRTC([("audio", ["a=sendonly"])]).split(separator: "\r\n").map(String.init)
      .filter { !$0.hasPrefix("a=ice-") && !$0.hasPrefix("a=setup") }
    let place = try #require(kept.firstIndex { $0.hasPrefix("m=") })
    let offer = try WebRTCDescription(parsing: Offers.lines(kept[..<place] + shared + kept[place...]))
    #expect(offer.ice?.usernameFragment == "abcd")
    #expect(offer.setup == .active)
  }

  @Test("new credentials are an ICE restart, the same are not")
  func restart() throws {
    let before = try WebRTCDescription(parsing: Offers.joinRequest)
    let after = try WebRTCDescription(parsing: Offers.webRTC([("audio", [])], ufrag: "zzzz"))
    #expect(after.restartsICE(since: before))
    #expect(!before.restartsICE(since: before))
  }

  @Test("the subscriber's offer names tracks and channels, and its answer reads back")
  func subscriber() throws {
    let builder = WebRTCOffer(transport: transport)
    let text = builder.build(
      [.application(mid: "0"), .audio(mid: "1", track: track), .audio(mid: "2", track: nil)],
      origin: WebRTCOrigin(sessionID: 5)
    ).description
    let offer = try WebRTCDescription(parsing: text)
    #expect(offer.bundle == ["0", "1", "2"])
    #expect(offer.setup == .actpass)
    #expect(offer.sections.map(\.direction) == [.sendRecv, .sendOnly, .inactive])
    #expect(offer.sections[1].msid?.stream == "PA_sip|TR_sip1")
    #expect(offer.sections[1].ssrcs == [4_660])
    #expect(offer.sections[1].midExtensionID == WebRTCOffer.midExtensionID)
    #expect(offer.sections[1].codec(.opus)?.feedback == ["nack"])
    let answer = try WebRTCDescription(
      parsing: Offers.webRTC([("application", []), ("audio", ["a=recvonly"]), ("audio", ["a=inactive"])])
        .replacing("a=setup:actpass", with: "a=setup:active"))
    #expect(answer.setup == .active)
    #expect(answer.section(mid: "1")?.direction == .recvOnly)
    #expect(answer.section(mid: "1")?.codec(.opus)?.payloadType == 111)
  }

  @Test(
    "an offer that would leave a section silently dead is refused",
    arguments: [
      ("a=mid:1", "a=mid:0"), ("a=group:BUNDLE 0", "a=group:BUNDLE 77 0"), ("a=ice-ufrag:4RB3", "a=ice-ufrag:x"),
      ("a=ice-pwd:i/3rTp1zkf2T3WsxFTzeOQTS", "a=ice-pwd:short"), ("sha-256 00:07", "sha-256 00:0"),
      ("sha-256 00:", "sha-256 "), ("a=ice-ufrag:4RB3", "a=no-ufrag:4RB3"), ("a=fingerprint", "a=no-fingerprint"),
      ("a=mid:2", "a=mid:two words"),
    ])
  func broken(old: String, new: String) throws {
    let error = #expect(throws: SDPError.self) { try build(Offers.joinRequest.replacing(old, with: new)) }
    #expect(error?.code == .malformed)
  }

  @Test("sections of one bundle with different credentials are refused")
  func twoTransports() throws {
    let sections = Offers.joinRequest.split(separator: "a=mid:1").map(String.init)
    let text = sections[0] + "a=mid:1" + sections[1].replacing("a=ice-ufrag:4RB3", with: "a=ice-ufrag:other")
    #expect(throws: SDPError.self) { try build(text) }
  }

  @Test("fingerprints print as they parse", arguments: ["sha-256", "SHA-256"])
  func fingerprints(algorithm: String) throws {
    let text =
      "sha-256 "
      + Offers.digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
      .joined(separator: ":").uppercased()
    let fingerprint = try #require(Fingerprint(text.replacing("sha-256", with: algorithm)))
    #expect(fingerprint.description == text)
    #expect(fingerprint.digest == Offers.digest)
    #expect(Fingerprint(text + ":00") == nil)
  }

  @Test("forty participants' sections fit the limits")
  func manySections() throws {
    let offer = Offers.webRTC(Array(repeating: ("audio", ["a=recvonly"]), count: 200) + [("application", [])])
    let outgoing = Dictionary(uniqueKeysWithValues: (0..<200).map { (String($0), track) })
    #expect(try build(offer, outgoing: outgoing).1.sections.count { $0.direction == .sendOnly } == 200)
  }
}
