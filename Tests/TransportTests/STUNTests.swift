import Base
import Testing

@testable import Transport

/// RFC 5769: the messages of its sections, byte for byte.
enum RFC5769 {
  static let password = "VOkJxbRl1RmTxUk/WvJxBt"

  /// §2.1
  static let request = [UInt8](
    hex: """
      000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b15126
      3b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf
      """)
  /// §2.2
  static let ipv4Response = [UInt8](
    hex: """
      0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643000800142b91f599fd9e
      90c38c7489f92af9ba53f06be7d780280004c07d4c96
      """)
  /// §2.3
  static let ipv6Response = [UInt8](
    hex: """
      010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179bc25f4b5bed2
      b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c
      """)
  /// §2.4
  static let longTermRequest = [UInt8](
    hex: """
      000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c662f2f3439396b393534
      64364f4c33346f4c394653547679363473410014000b6578616d706c652e6f72670000080014f67024656dd64a3e02b8e0712e85c9a28ca89666
      """)
}

@Suite("STUN")
struct STUNTests {
  private let key = STUNKey(password: RFC5769.password)

  @Test("RFC 5769 §2.1: the request")
  func request() throws {
    let message = try #require(STUNMessage(bytes: RFC5769.request))
    #expect(message.kind == .bindingRequest)
    #expect(message.transactionID == .init(high: 0xB7E7_A701, low: 0xBC34_D686_FA87_DFAE))
    #expect(message.hasFingerprint)
    #expect(message.priority == 0x6E00_01FF)
    #expect(!message.isNominating)
    #expect(message.unknownAttribute == nil)
    let username = try #require(message.username)
    #expect(String(decoding: RFC5769.request[username], as: UTF8.self) == "evtj:h6vY")
    #expect(message.isAuthentic(bytes: RFC5769.request, key: key))
    #expect(!message.isAuthentic(bytes: RFC5769.request, key: STUNKey(password: "wrong")))
  }

  @Test(
    "RFC 5769 §2.2 and §2.3: the responses",
    arguments: [
      (RFC5769.ipv4Response, "192.0.2.1:32853"),
      (RFC5769.ipv6Response, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
    ])
  func responses(bytes: [UInt8], mapped: String) throws {
    let message = try #require(STUNMessage(bytes: bytes))
    #expect(message.kind == .bindingSuccess)
    #expect(message.xorMappedAddress == Endpoint(mapped))
    #expect(message.hasFingerprint)
    #expect(message.isAuthentic(bytes: bytes, key: key))
  }

  @Test("RFC 5769 §2.4: a long-term credential, whose key is an MD5 and whose message has no fingerprint")
  func longTerm() throws {
    let message = try #require(STUNMessage(bytes: RFC5769.longTermRequest))
    #expect(!message.hasFingerprint)
    // MD5 of "マトリックス:example.org:TheMatrIX".
    let key = STUNKey(bytes: [UInt8](hex: "e8ca7ad59d5eb0518e312911d2dab2a9"))
    #expect(message.isAuthentic(bytes: RFC5769.longTermRequest, key: key))
  }

  @Test("what we write we read", arguments: ["203.0.113.9:40000", "[2001:db8::5]:1", "[::ffff:10.0.0.1]:65535"])
  func success(endpoint: String) throws {
    let endpoint = try #require(Endpoint(endpoint))
    let id = STUNMessage.TransactionID(high: 0x0102_0304, low: 0x0506_0708_090A_0B0C)
    var buffer = [UInt8](repeating: 0xEE, count: STUNResponse.maximumByteCount)
    let count = buffer.withRaw { STUNResponse.writeSuccess(to: id, mapped: endpoint, key: key, into: &$0) }
    let bytes = Array(buffer[..<count])
    let message = try #require(STUNMessage(bytes: bytes))
    #expect(message.kind == .bindingSuccess)
    #expect(message.transactionID == id)
    #expect(message.xorMappedAddress == endpoint)
    #expect(message.hasFingerprint)
    #expect(message.isAuthentic(bytes: bytes, key: key))
  }

  @Test(
    "errors carry their code",
    arguments: [
      (STUNResponse.Failure.badRequest, 400), (.unknownAttribute(0x7777), 420),
    ])
  func failures(failure: STUNResponse.Failure, code: Int) throws {
    let id = STUNMessage.TransactionID(high: 1, low: 2)
    var buffer = [UInt8](repeating: 0, count: STUNResponse.maximumByteCount)
    let count = buffer.withRaw { STUNResponse.writeFailure(failure, to: id, key: key, into: &$0) }
    let bytes = Array(buffer[..<count])
    let message = try #require(STUNMessage(bytes: bytes))
    #expect(message.kind == .bindingError)
    #expect(message.errorCode == code)
    #expect(message.isAuthentic(bytes: bytes, key: key))
    let namesAttribute = bytes.indices.contains { bytes[$0...].starts(with: [0x00, 0x0A, 0x00, 0x02, 0x77, 0x77]) }
    #expect(namesAttribute == (code == 420))
  }

  @Test(
    "message types are those of RFC 8489 and RFC 8656, and no others",
    arguments: [
      (0x0001, .binding, .request), (0x0111, .binding, .error), (0x0003, .allocate, .request),
      (0x0103, .allocate, .success), (0x0113, .allocate, .error), (0x0004, .refresh, .request),
      (0x0016, .send, .indication), (0x0017, .data, .indication), (0x0008, .createPermission, .request),
      (0x0109, .channelBind, .success), (0x0002, nil, nil), (0x0005, nil, nil), (0x1001, nil, nil), (0x0021, nil, nil),
    ] as [(UInt16, STUNMessage.Method?, STUNMessage.MessageClass?)])
  func kinds(type: UInt16, method: STUNMessage.Method?, messageClass: STUNMessage.MessageClass?) {
    let kind = STUNMessage.Kind(messageType: type)
    #expect(kind?.method == method && kind?.messageClass == messageClass)
    if let kind { #expect(kind.messageType == type) }
  }

  @Test("every truncation of a message is no message")
  func truncations() {
    for count in 0..<RFC5769.request.count {
      let isParsed = STUNMessage(bytes: Array(RFC5769.request[..<count])) != nil
      #expect(!isParsed, "\(count) bytes")
    }
  }

  @Test(
    "attributes that lie about their length",
    arguments: [
      "000100042112a4420102030405060708090a0b0c00060001",
      "000100082112a4420102030405060708090a0b0c0006ffff61000000",
      "000100082112a4420102030405060708090a0b0c0008000461000000",
      "000100082112a4420102030405060708090a0b0c0024000261000000",
      "000100042112a4420102030405060708090a0b0c80280000",
      "000100082112a4420102030405060708090a0b0c8028000400000000",
      "000100082112a4420102030405060708090a0b0c0020000400010000",
      "000100082112a4420102030405060708090a0b0c802a000400010000",
      "c00100002112a4420102030405060708090a0b0c",
      "000100002112a4430102030405060708090a0b0c",
      "000200002112a4420102030405060708090a0b0c",
    ])
  func malformed(hex: String) {
    let isParsed = STUNMessage(bytes: [UInt8](hex: hex)) != nil
    #expect(!isParsed)
  }
}
