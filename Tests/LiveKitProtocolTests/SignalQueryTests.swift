import Base
import CZlib
import FoundationEssentials
import SwiftProtobuf
import Testing

@testable import LiveKitProtocol

@Suite("Join queries")
struct SignalQueryTests {
  private func wrapped(
    _ request: Livekit_JoinRequest, isCompressed: Bool = true, isPadded: Bool = true
  ) throws -> String {
    let bytes: [UInt8] = try request.serializedBytes()
    var wrapper = Livekit_WrappedJoinRequest()
    wrapper.compression = isCompressed ? .gzip : .none
    wrapper.joinRequest = .init(isCompressed ? gzip(bytes) : bytes)
    return base64URL(try wrapper.serializedBytes(), isPadded: isPadded)
  }

  @Test("a join request is read, compressed or not, padded or not", arguments: [true, false], [true, false])
  func joinRequest(isCompressed: Bool, isPadded: Bool) throws {
    var request = Livekit_JoinRequest()
    request.clientInfo.sdk = .rust
    request.connectionSettings.autoSubscribe = true
    request.publisherOffer.sdp = String(repeating: "a=candidate\r\n", count: 1_200)
    let query = try SignalQuery(
      path: .v1,
      parameters: [
        ("join_request", wrapped(request, isCompressed: isCompressed, isPadded: isPadded)), ("access_token", "t"),
        ("room", "lobby"),
      ])
    #expect(query.joinRequest == request)
    #expect(query.isSinglePeerConnection && query.room == "lobby")
  }

  @Test("the classic query of the Rust client is read")
  func classic() throws {
    let query = try SignalQuery(
      path: .classic,
      parameters: [
        ("sdk", "python"), ("os", "linux"), ("protocol", "18"), ("client_protocol", "2"), ("auto_subscribe", "0"),
        ("adaptive_stream", "1"), ("version", "1.2.0"), ("reconnect", "1"), ("sid", "PA_x"), ("reconnect_reason", "1"),
        ("capabilities", "CAP_PACKET_TRAILER,CAP_COMPRESSION_DEFLATE_RAW,CAP_OF_LATER"),
        ("attributes", base64URL(Array(#"{"sip.callID":"SCL_1","b":""}"#.utf8))),
      ])
    let request = query.joinRequest
    #expect(!query.isSinglePeerConnection)
    #expect(request.clientInfo.sdk == .python && request.clientInfo.protocol == 18)
    #expect(request.clientInfo.clientProtocol == 2 && request.clientInfo.version == "1.2.0")
    #expect(request.clientInfo.capabilities == [.capPacketTrailer, .capCompressionDeflateRaw])
    #expect(!request.connectionSettings.autoSubscribe && request.connectionSettings.adaptiveStream)
    #expect(request.reconnect && request.participantSid == "PA_x" && request.reconnectReason == .rrSignalDisconnected)
    #expect(request.participantAttributes == ["sip.callID": "SCL_1", "b": ""])
  }

  @Test("without auto_subscribe a client is subscribed")
  func autoSubscribe() throws {
    #expect(try SignalQuery(path: .classic, parameters: []).joinRequest.connectionSettings.autoSubscribe)
  }

  @Test("a join request on the classic path means one peer connection")
  func singleOnClassicPath() throws {
    let query = try SignalQuery(path: .classic, parameters: [("join_request", wrapped(Livekit_JoinRequest()))])
    #expect(query.isSinglePeerConnection)
  }

  @Test("a join request that expands beyond the limit is refused")
  func bomb() throws {
    var wrapper = Livekit_WrappedJoinRequest()
    wrapper.compression = .gzip
    wrapper.joinRequest = .init(gzip(Array(repeating: 0, count: SignalQuery.maxJoinRequestByteCount + 1)))
    let text = base64URL(try wrapper.serializedBytes())
    #expect(throws: SignalQueryError.self) { try SignalQuery.unwrap(text) }
  }

  @Test("a broken query is refused with a reason")
  func broken() throws {
    let request = try wrapped(Livekit_JoinRequest.with { $0.metadata = String(repeating: "m", count: 99) })
    let cut = String(request.dropLast(20))
    var strange = Livekit_WrappedJoinRequest()
    strange.compression = .UNRECOGNIZED(7)
    let cases: [(SignalQuery.Path, [(name: String, value: String)])] = [
      (.v1, []), (.v1, [("join_request", "")]), (.v1, [("join_request", "!!!")]), (.v1, [("join_request", cut)]),
      (.v1, [("join_request", base64URL([0xFF, 0xFF]))]),
      (.v1, [("join_request", base64URL(try strange.serializedBytes()))]),
      (.classic, [("attributes", "e30x")]), (.classic, [("attributes", base64URL(Array("[1]".utf8)))]),
    ]
    for (path, parameters) in cases {
      #expect(throws: SignalQueryError.self, "\(parameters)") { try SignalQuery(path: path, parameters: parameters) }
    }
  }

  @Test("random bytes are refused or read, never more")
  func random() {
    var generator = RandomSource.seeded(0x5EED)
    for _ in 0..<2_000 {
      let count = Int.random(in: 0..<200, using: &generator)
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      _ = try? SignalQuery.unwrap(base64URL(bytes))
      _ = GzipDecoder.decode(bytes, maxByteCount: 1_000)
      _ = SignalCoding.protobuf.decode(bytes, as: Livekit_SignalRequest.self)
      _ = SignalCoding.json.decode(bytes, as: Livekit_SignalRequest.self)
    }
  }
}

@Suite("Encodings")
struct EncodingTests {
  @Test(
    "base64url as RFC 4648 §10 has it",
    arguments: [
      ("", ""), ("Zg", "f"), ("Zg==", "f"), ("Zm8", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9vYmE=", "fooba"),
      ("Zm9vYmFy", "foobar"),
    ])
  func base64(text: String, plain: String) { #expect(Base64URL.decode(text) == Array(plain.utf8)) }

  @Test("both alphabets are read and rubbish is not")
  func alphabets() {
    #expect(Base64URL.decode("-_8") == [0xFB, 0xFF])
    #expect(Base64URL.decode("+/8=") == [0xFB, 0xFF])
    for text in ["Z", "Zg=g", "Zg===", "Z g", "é"] { #expect(Base64URL.decode(text) == nil, "\(text)") }
  }

  @Test("gzip is inflated up to its limit, and only when whole")
  func gzipLimits() {
    let plain = Array("the quick brown fox ".utf8) + Array(repeating: UInt8(ascii: "x"), count: 50_000)
    let packed = gzip(plain)
    #expect(GzipDecoder.decode(packed, maxByteCount: plain.count) == plain)
    #expect(GzipDecoder.decode(packed, maxByteCount: plain.count - 1) == nil)
    #expect(GzipDecoder.decode([], maxByteCount: 10) == nil)
    for count in stride(from: 0, to: packed.count, by: 7) {
      #expect(GzipDecoder.decode(Array(packed[..<count]), maxByteCount: 100_000) == nil)
    }
  }

  @Test("a message reads the same in both codings", arguments: [SignalCoding.protobuf, .json])
  func codings(coding: SignalCoding) throws {
    var request = Livekit_SignalRequest()
    request.addTrack.cid = "mic"
    request.addTrack.source = .microphone
    let bytes = try #require(coding.encode(request))
    #expect(coding.decode(bytes) == request)
  }

  @Test("unknown JSON fields are passed over")
  func unknownFields() {
    let text = #"{"ping":"7","later":{"a":[1]}}"#
    #expect(SignalCoding.json.decode(Array(text.utf8), as: Livekit_SignalRequest.self)?.ping == 7)
  }

  @Test("fields that are left out of our messages survive being passed on")
  func unknownProtobuf() throws {
    // DataPacket.chat_message (9), which ours does not name, with one field.
    let bytes: [UInt8] = [0x4A, 0x03, 0x0A, 0x01, 0x41]
    var packet = try Livekit_DataPacket(serializedBytes: bytes)
    packet.participantIdentity = "a"
    let passed: [UInt8] = try packet.serializedBytes()
    #expect(passed.suffix(bytes.count) == bytes[...])
  }
}
