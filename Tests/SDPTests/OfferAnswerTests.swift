import Base
import SDP
import Testing

@Suite("Offer and answer on the phone leg")
struct OfferAnswerTests {
  private func answer(_ offer: String, local: LocalMedia = Offers.local) throws -> (NegotiatedMedia, SessionDescription)
  {
    var exchange = OfferAnswer(local: local, sessionID: 42)
    let answer = try SessionDescription(parsing: exchange.answer(offer))
    return (try #require(exchange.negotiated), answer)
  }

  @Test("a Twilio offer is answered with one codec, one event type and our address")
  func twilio() throws {
    let (agreed, answer) = try answer(Offers.twilio)
    #expect(
      agreed
        == NegotiatedMedia(
          codec: .pcmu, payloadType: 0, telephoneEventPayloadType: 101, packetTime: 20,
          remote: try #require(Endpoint("192.0.2.10:12692")), direction: .sendRecv))
    #expect(
      answer.description
        == Offers.lines([
          "v=0", "o=- 42 42 IN IP4 198.51.100.5", "s=Trunkline", "c=IN IP4 198.51.100.5", "t=0 0",
          "m=audio 10000 RTP/AVP 0 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000",
          "a=fmtp:101 0-15", "a=ptime:20", "a=sendrecv",
        ]))
  }

  @Test("the peer's first codec that we speak wins, and the event type with its clock")
  func telnyx() throws {
    let (agreed, answer) = try answer(Offers.telnyx)
    #expect(agreed.codec == .pcma)
    #expect(agreed.telephoneEventPayloadType == 101)
    #expect(answer.media[0].formats == ["8", "101"])
    var local = Offers.local
    local.codecs = [.pcmu]
    #expect(try self.answer(Offers.telnyx, local: local).0.codec == .pcmu)
  }

  @Test(
    "payload types are the offer's, whatever their number",
    arguments: [
      ("0", [], 0, nil), ("8 0", [], 8, nil), ("96 0", ["a=rtpmap:96 pcma/8000"], 96, nil),
      ("0 96", ["a=rtpmap:96 telephone-event/48000"], 0, nil),
      ("0 96 97", ["a=rtpmap:96 telephone-event/48000", "a=rtpmap:97 Telephone-Event/8000/1"], 0, 97),
      ("98 0", ["a=rtpmap:98 PCMU/16000"], 0, nil),
    ] as [(String, [String], UInt8, UInt8?)])
  func payloadTypes(formats: String, attributes: [String], audio: UInt8, event: UInt8?) throws {
    let (agreed, answer) = try answer(Offers.plain(attributes, formats: formats))
    #expect(agreed.payloadType == audio)
    #expect(agreed.telephoneEventPayloadType == event)
    #expect(answer.media[0].formats == [audio, event].compactMap { $0 }.map(String.init))
  }

  @Test(
    "the packet time is the peer's, in whole tens from 10 to 60",
    arguments: [
      ([], 20), (["a=ptime:10"], 10), (["a=ptime:30"], 30), (["a=ptime:60"], 60), (["a=ptime:120"], 60),
      (["a=ptime:35"], 30), (["a=ptime:5"], 10), (["a=ptime:0"], 10), (["a=ptime:-20"], 10), (["a=ptime:x"], 20),
      (["a=ptime:40", "a=maxptime:20"], 20), (["a=maxptime:10"], 10), (["a=maxptime:150"], 20),
      (["a=ptime:99999999999999999999"], 20), (["a=ptime:9223372036854775807"], 60),
      (["a=ptime:20", "a=maxptime:0"], 10),
    ] as [([String], Int)])
  func packetTime(attributes: [String], expected: Int) throws {
    let (agreed, answer) = try answer(Offers.plain(attributes))
    #expect(agreed.packetTime == expected)
    #expect(answer.media[0].attributes.value("ptime") == String(expected))
  }

  @Test(
    "directions are answered as RFC 3264 §6.1 says",
    arguments: [
      (["a=sendrecv"], "192.0.2.10", MediaDirection.sendRecv, false), ([], "192.0.2.10", .sendRecv, false),
      (["a=sendonly"], "192.0.2.10", .recvOnly, true), (["a=recvonly"], "192.0.2.10", .sendOnly, false),
      (["a=inactive"], "192.0.2.10", .inactive, true), ([], "0.0.0.0", .recvOnly, true),
      (["a=inactive"], "0.0.0.0", .inactive, true), (["a=sendonly"], "0.0.0.0", .recvOnly, true),
    ])
  func directions(attributes: [String], address: String, expected: MediaDirection, hold: Bool) throws {
    let (agreed, answer) = try answer(Offers.plain(attributes, address: address))
    #expect(agreed.direction == expected)
    #expect(agreed.isOnHold == hold)
    #expect(answer.media[0].attributes.direction == expected)
  }

  @Test("a direction of the session counts where the section has none")
  func sessionDirection() throws {
    let offer = Offers.lines([
      "v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", "a=sendonly", "m=audio 4000 RTP/AVP 0",
    ])
    #expect(try answer(offer).0.direction == .recvOnly)
  }

  @Test("the section's address goes before the session's")
  func connections() throws {
    let offer = Offers.sip(media: ["m=audio 4000 RTP/AVP 0", "c=IN IP4 10.1.2.3"])
    let agreed = try answer(offer).0
    #expect(agreed.remote == Endpoint("10.1.2.3:4000"))
    #expect(agreed.remoteIsPrivate)
    #expect(try answer(Offers.twilio).0.remoteIsPrivate == false)
  }

  @Test("IPv6 is answered with IPv6")
  func ipv6() throws {
    let local = LocalMedia(endpoint: Endpoint(try #require(IPAddress("2001:db8::5")), 10_000))
    let (agreed, answer) = try answer(Offers.plain(address: "2001:db8::10"), local: local)
    #expect(agreed.remote == Endpoint("[2001:db8::10]:4000"))
    #expect(answer.description.contains("c=IN IP6 2001:db8::5\r\n"))
    #expect(try self.answer(Offers.plain(address: "::"), local: local).0.isOnHold)
  }

  @Test("streams that we do not serve are refused in their place with port zero")
  func extraSections() throws {
    let (agreed, answer) = try answer(
      Offers.sip(media: [
        "m=video 5000 RTP/AVP 31 32", "m=audio 0 RTP/AVP 0", "m=audio 6000 RTP/SAVP 0",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "m=audio 4000 RTP/AVPF 8", "m=audio 4002 RTP/AVP 0", "m=image 7000 udptl t38", "a=T38FaxVersion:0",
      ]))
    #expect(agreed.remote.port == 4_000)
    #expect(answer.media.map(\.kind) == ["video", "audio", "audio", "audio", "audio", "image"])
    #expect(answer.media.map(\.port) == [0, 0, 0, 10_000, 0, 0])
    #expect(answer.media.map(\.transport) == ["RTP/AVP", "RTP/AVP", "RTP/SAVP", "RTP/AVPF", "RTP/AVP", "UDPTL"])
    #expect(answer.media[0].formats == ["31", "32"])
    #expect(answer.media[5].attributes.isEmpty)
  }

  @Test(
    "what cannot be served is told apart from what is broken",
    arguments: [
      (Offers.plain(formats: "18 9"), SDPError.Code.noCommonCodec, 488, 305),
      (Offers.plain(formats: "101"), .noCommonCodec, 488, 305), (Offers.plain(formats: "*"), .noCommonCodec, 488, 305),
      (Offers.plain(transport: "RTP/SAVP"), .incompatibleTransport, 488, 302),
      (Offers.plain(transport: "UDP/TLS/RTP/SAVPF"), .incompatibleTransport, 488, 302),
      (Offers.sip(media: ["m=video 4000 RTP/AVP 31"]), .noAudio, 488, 304), (Offers.sip(media: []), .noAudio, 488, 304),
      (Offers.sip(media: ["m=audio 0 RTP/AVP 0"]), .noAudio, 488, 304),
      (Offers.plain(address: "2001:db8::1"), .incompatibleAddress, 488, 301),
      (Offers.plain(address: "239.1.2.3"), .incompatibleAddress, 488, 301),
      (Offers.plain(address: "255.255.255.255"), .incompatibleAddress, 488, 301),
      (Offers.plain(address: "media.example.com"), .malformed, 400, nil),
      (Offers.plain(address: "192.0.2.300"), .malformed, 400, nil),
      (Offers.sip(sessionConnection: false, media: ["m=audio 4000 RTP/AVP 0"]), .malformed, 400, nil),
      ("hello", .malformed, 400, nil),
    ] as [(String, SDPError.Code, Int, Int?)])
  func refusals(offer: String, code: SDPError.Code, status: Int, warning: Int?) {
    let error = #expect(throws: SDPError.self) { try answer(offer) }
    #expect(error?.code == code)
    #expect(error?.sipStatus == status)
    #expect(error?.warningCode == warning)
    #expect(error?.description.hasPrefix("SDP") == true)
  }

  @Test("the version counts up when the answer changes, and only then")
  func versions() throws {
    var exchange = OfferAnswer(local: Offers.local, sessionID: 7)
    let first = try exchange.answer(Offers.twilio)
    #expect(try exchange.answer(Offers.twilio) == first)
    let held = try exchange.answer(Offers.twilio.replacing("a=sendrecv", with: "a=sendonly"))
    #expect(held.contains("o=- 7 8 IN"))
    #expect(held.contains("a=recvonly"))
    #expect(exchange.negotiated?.isOnHold == true)
    let resumed = try exchange.answer(Offers.twilio)
    #expect(resumed == first.replacing("o=- 7 7 ", with: "o=- 7 9 "))
    #expect(exchange.negotiated?.isOnHold == false)
  }

  @Test("a refused re-INVITE leaves what was agreed")
  func refusedReoffer() throws {
    var exchange = OfferAnswer(local: Offers.local, sessionID: 7)
    _ = try exchange.answer(Offers.twilio)
    let before = exchange
    #expect(throws: SDPError.self) { try exchange.answer(Offers.plain(formats: "18")) }
    #expect(exchange == before)
  }

  @Test("a re-INVITE can move the peer and change the codec")
  func move() throws {
    var exchange = OfferAnswer(local: Offers.local, sessionID: 7)
    _ = try exchange.answer(Offers.twilio)
    _ = try exchange.answer(Offers.plain(address: "203.0.113.9", formats: "8"))
    #expect(exchange.negotiated?.remote == Endpoint("203.0.113.9:4000"))
    #expect(exchange.negotiated?.codec == .pcma)
    #expect(exchange.negotiated?.telephoneEventPayloadType == nil)
  }

  @Test("our own offer names our codecs; the answer decides")
  func delayedOffer() throws {
    var caller = OfferAnswer(local: Offers.local, sessionID: 1)
    let offer = caller.makeOffer()
    #expect(offer.media[0].formats == ["0", "8", "101"])
    #expect(caller.negotiated == nil)
    var local = Offers.local
    local.codecs = [.pcma]
    local.endpoint.port = 20_000
    var callee = OfferAnswer(local: local, sessionID: 2)
    let agreed = try caller.accept(answer: callee.answer(offer))
    #expect(agreed.codec == .pcma)
    #expect(agreed.telephoneEventPayloadType == 101)
    #expect(agreed.remote == local.endpoint)
    #expect(caller.negotiated?.direction == .sendRecv)
  }

  @Test("a later offer of ours keeps every section of the session in its place")
  func reoffer() throws {
    var exchange = OfferAnswer(local: Offers.local, sessionID: 1)
    _ = try exchange.answer(
      Offers.sip(media: [
        "m=video 5000 RTP/AVP 31", "m=audio 4000 RTP/AVPF 96 8 100", "a=rtpmap:96 PCMA/8000",
        "a=rtpmap:100 telephone-event/8000",
      ]))
    exchange.local.direction = .sendOnly
    let offer = exchange.makeOffer()
    #expect(offer.media.map(\.kind) == ["video", "audio"])
    #expect(offer.media.map(\.port) == [0, 10_000])
    #expect(offer.media[1].transport == "RTP/AVPF")
    #expect(offer.media[1].formats == ["96", "0", "100"])
    #expect(offer.media[1].attributes.direction == .sendOnly)
    #expect(offer.origin.version == "2")
    #expect(exchange.makeOffer() == offer)
  }

  @Test(
    "an answer that does not fit the offer is refused",
    arguments: [
      (Offers.sip(media: []), SDPError.Code.malformed),
      (Offers.sip(media: ["m=audio 4000 RTP/AVP 0", "m=video 0 RTP/AVP 31"]), .malformed),
      (Offers.sip(media: ["m=audio 0 RTP/AVP 0"]), .noCommonCodec),
      (Offers.sip(media: ["m=audio 4000 RTP/AVP 18"]), .noCommonCodec),
    ])
  func badAnswers(text: String, code: SDPError.Code) throws {
    var exchange = OfferAnswer(local: Offers.local, sessionID: 1)
    _ = exchange.makeOffer()
    let answer = try SessionDescription(parsing: text)
    let error = #expect(throws: SDPError.self) { try exchange.accept(answer: answer) }
    #expect(error?.code == code)
    #expect(exchange.negotiated == nil)
  }

  @Test("our own direction limits the answer's")
  func localDirection() throws {
    var local = Offers.local
    local.direction = .recvOnly
    #expect(try answer(Offers.twilio, local: local).0.direction == .recvOnly)
    #expect(try answer(Offers.plain(["a=recvonly"]), local: local).0.direction == .inactive)
  }
}
