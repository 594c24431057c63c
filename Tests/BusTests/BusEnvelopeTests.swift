import Bus
import LiveKitProtocol
import SwiftProtobuf
import Testing

/// Protobuf by hand, so that the messages are not tested against themselves.
private func varint(_ value: UInt64) -> [UInt8] {
  value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7F | 0x80)] + varint(value >> 7)
}
private func field(_ number: UInt64, _ bytes: [UInt8]) -> [UInt8] {
  varint(number << 3 | 2) + varint(UInt64(bytes.count)) + bytes
}
private func field(_ number: UInt64, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }
private func field(_ number: UInt64, _ value: UInt64) -> [UInt8] { varint(number << 3) + varint(value) }

private func message(_ type: String, _ value: [UInt8]) -> [UInt8] {
  field(1, "type.googleapis.com/internal." + type) + field(2, value)
}

@Suite("Envelopes")
struct BusEnvelopeTests {
  private let request =
    field(1, "REQ_aaaaaaaaaaaa") + field(2, "CLI_bbbbbbbbbbbb") + field(3, 1_700_000_000_000_000_000)
    + field(4, 1_700_000_003_000_000_000)

  @Test("requests are written as psrpc reads them")
  func request_() throws {
    var sent = Internal_Request()
    sent.requestID = "REQ_aaaaaaaaaaaa"
    sent.clientID = "CLI_bbbbbbbbbbbb"
    sent.sentAt = 1_700_000_000_000_000_000
    sent.expiry = 1_700_000_003_000_000_000
    sent.metadata = ["k": "v"]
    sent.payload = [1, 2, 3]
    let expected = message("Request", request + field(7, field(1, "k") + field(2, "v")) + field(8, [1, 2, 3]))
    #expect(BusEnvelope.request(sent).bytes == expected)
    #expect(BusEnvelope(expected) == .request(sent))
  }

  @Test("a request of an old version carries its message as Any")
  func oldRequest() throws {
    let any = field(1, "type.googleapis.com/x.Y") + field(2, [9, 9])
    guard case .request(let found) = BusEnvelope(message("Request", request + field(6, any))) else {
      Issue.record("not read")
      return
    }
    #expect(found.payload == [9, 9])
  }

  @Test("responses carry results, errors and details")
  func response() throws {
    let detail = field(1, "type.googleapis.com/livekit.SIPStatus") + field(2, field(1, 486) + field(2, "Busy Here"))
    let bytes = message(
      "Response",
      field(1, "REQ_a") + field(2, "SRV_b") + field(5, "sip status 486: Busy Here") + field(6, "resource_exhausted")
        + field(8, detail))
    guard case .response(let found) = BusEnvelope(bytes) else {
      Issue.record("not read")
      return
    }
    #expect(found.code == "resource_exhausted" && found.errorDetails.count == 1)
    var status = Livekit_SIPStatus()
    status.code = .sipStatusBusyHere
    status.status = "Busy Here"
    #expect(found.errorDetails == [Google_Protobuf_Any(packing: status)])
    #expect(BusEnvelope.response(found).bytes == bytes)
  }

  @Test("claims carry the affinity as a 32-bit float")
  func claims() {
    var claim = Internal_ClaimRequest()
    claim.requestID = "REQ_a"
    claim.serverID = "SRV_b"
    claim.affinity = 0.5
    let expected = message(
      "ClaimRequest", field(1, "REQ_a") + field(2, "SRV_b") + [3 << 3 | 5, 0x00, 0x00, 0x00, 0x3F])
    #expect(BusEnvelope.claim(claim).bytes == expected && BusEnvelope(expected) == .claim(claim))
    var choice = Internal_ClaimResponse()
    choice.requestID = "REQ_a"
    choice.serverID = "SRV_b"
    let chosen = message("ClaimResponse", field(1, "REQ_a") + field(2, "SRV_b"))
    #expect(BusEnvelope.claimResponse(choice).bytes == chosen && BusEnvelope(chosen) == .claimResponse(choice))
  }

  @Test("a compressed value is expanded, wherever the field lies that says so")
  func compressed() {
    // gzip -n of 16 zero bytes as a request's raw_request, and of the fields before it.
    let plain = request + field(8, [UInt8](repeating: 0, count: 64))
    let packed = stored(plain)
    guard case .request(let found) = BusEnvelope(message("Request", packed) + field(4, 1)) else {
      Issue.record("not read")
      return
    }
    #expect(found.payload == [UInt8](repeating: 0, count: 64))
  }

  /// A gzip member with one stored block (RFC 1951 §3.2.4, RFC 1952).
  private func stored(_ bytes: [UInt8]) -> [UInt8] {
    func little(_ value: UInt32, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 0xFF) } }
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    let count = UInt32(bytes.count)
    return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] + [1] + little(count, 2) + little(~count & 0xFFFF, 2) + bytes
      + little(~crc, 4) + little(count, 4)
  }

  @Test("what is no message of the bus is nothing")
  func rubbish() {
    #expect(BusEnvelope([]) == nil)
    #expect(BusEnvelope([0xFF, 0xFF, 0xFF]) == nil)
    #expect(BusEnvelope(message("Stream", [])) == nil)
    #expect(BusEnvelope(message("Request", [0x0A, 0x7F, 1])) == nil, "ends early")
    #expect(BusEnvelope(message("Request", [0x1F, 0x8B, 8, 0])) == nil, "broken gzip")
    #expect(BusEnvelope(message("Request", [UInt8](repeating: 0, count: BusEnvelope.byteLimit + 1))) == nil)
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      var bytes = message("Request", request)
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
      }
      _ = BusEnvelope(bytes)
    }
  }

  @Test(
    "a request is locked by the hash of its bytes",
    arguments: [
      ([UInt8](), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
      (Array("abc".utf8), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="),
    ])
  func lock(payload: [UInt8], key: String) { #expect(QueueLock(payload: payload).key == key) }
}
