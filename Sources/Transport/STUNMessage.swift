import Base

/// The attributes of a STUN message that an ICE agent or a TURN client needs (RFC 8489, RFC 8445 §7.1, RFC 8656 §18),
/// as places in its datagram.
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |0 0|     STUN Message Type     |         Message Length        |
///     |                         Magic Cookie                          |
///     |                     Transaction ID (96 bits)                  |
///     |          then attributes: type(2), length(2), value, padding  |
public struct STUNMessage: Sendable {
  /// What a message is about and which way it goes (RFC 8489 §5).
  public struct Kind: Hashable, Sendable {
    public var method: Method
    public var messageClass: MessageClass

    public static let bindingRequest = Kind(.binding, .request)
    public static let bindingIndication = Kind(.binding, .indication)
    public static let bindingSuccess = Kind(.binding, .success)
    public static let bindingError = Kind(.binding, .error)

    init(_ method: Method, _ messageClass: MessageClass) {
      self.method = method
      self.messageClass = messageClass
    }
  }

  /// RFC 8489 §18.2; those beyond `binding` are TURN's (RFC 8656 §17).
  public enum Method: UInt16, Hashable, Sendable {
    case binding = 0x001
    case allocate = 0x003
    case refresh = 0x004
    case send = 0x006
    case data = 0x007
    case createPermission = 0x008
    case channelBind = 0x009
  }

  /// The two bits of the class, where they lie in the message type.
  public enum MessageClass: UInt16, Hashable, Sendable {
    case request = 0x0000
    case indication = 0x0010
    case success = 0x0100
    case error = 0x0110
  }

  public struct TransactionID: Hashable, Sendable {
    public var high: UInt32
    public var low: UInt64

    public init(high: UInt32, low: UInt64) {
      self.high = high
      self.low = low
    }
  }

  static let magicCookie: UInt32 = 0x2112_A442
  static let headerByteCount = 20
  static let integrityByteCount = 20

  public let kind: Kind
  public let transactionID: TransactionID
  /// The bytes of USERNAME in the datagram.
  public private(set) var username: Range<Int>?
  /// USE-CANDIDATE was present, under the protection of MESSAGE-INTEGRITY.
  public private(set) var isNominating = false
  public private(set) var priority: UInt32?
  /// The tie-breaker of a sender that says it is controlling, or controlled.
  public private(set) var iceControlling: UInt64?
  public private(set) var iceControlled: UInt64?
  public private(set) var xorMappedAddress: Endpoint?
  /// TURN: where the server takes in packets for us, and whom a packet is from or for.
  public private(set) var xorRelayedAddress: Endpoint?
  public private(set) var xorPeerAddress: Endpoint?
  public private(set) var lifetimeSeconds: UInt32?
  /// The bytes of REALM, NONCE and DATA in the datagram.
  public private(set) var realm: Range<Int>?
  public private(set) var nonce: Range<Int>?
  public private(set) var data: Range<Int>?
  /// 300…699 of an error response.
  public private(set) var errorCode: Int?
  /// FINGERPRINT was present and right; a message with a wrong one is not parsed at all.
  public private(set) var hasFingerprint = false
  /// The first comprehension-required attribute that we do not know (RFC 8489 §6.3.1).
  public private(set) var unknownAttribute: UInt16?
  /// Where MESSAGE-INTEGRITY begins.
  private var integrityOffset: Int?

  /// Nil for anything but a well-formed message of a known method.
  public init?(_ datagram: RawSpan) {
    guard datagram.byteCount >= Self.headerByteCount, datagram.uint32(at: 4) == Self.magicCookie,
      Int(datagram.uint16(at: 2)) == datagram.byteCount - Self.headerByteCount, datagram.byteCount & 3 == 0,
      let kind = Kind(messageType: datagram.uint16(at: 0))
    else { return nil }
    self.kind = kind
    transactionID = TransactionID(high: datagram.uint32(at: 8), low: datagram.uint64(at: 12))
    var offset = Self.headerByteCount
    while offset < datagram.byteCount {
      // The length is a multiple of 4, so a header is left.
      let start = offset + 4
      let end = start + Int(datagram.uint16(at: offset + 2))
      guard end <= datagram.byteCount, !hasFingerprint,
        read(STUNAttribute(datagram.uint16(at: offset)), in: datagram, at: start..<end)
      else { return nil }
      offset = (end + 3) & ~3
    }
  }

  /// Takes one attribute. False when it is malformed.
  private mutating func read(_ type: STUNAttribute, in datagram: RawSpan, at range: Range<Int>) -> Bool {
    if type == .fingerprint {
      hasFingerprint =
        range.count == 4
        && datagram.uint32(at: range.lowerBound) == STUNFingerprint.value(of: datagram, upTo: range.lowerBound - 4)
      return hasFingerprint
    }
    // RFC 8489 §14.5: what follows MESSAGE-INTEGRITY is not protected and is ignored.
    guard integrityOffset == nil else { return true }
    switch type {
    case .messageIntegrity:
      integrityOffset = range.lowerBound - 4
      return range.count == Self.integrityByteCount
    case .username:
      if username == nil { username = range }
      return range.count <= 513
    case .useCandidate: isNominating = true
    case .priority:
      guard range.count == 4 else { return false }
      priority = datagram.uint32(at: range.lowerBound)
    case .iceControlling, .iceControlled:
      guard range.count == 8 else { return false }
      let tieBreaker = datagram.uint64(at: range.lowerBound)
      if type == .iceControlling { iceControlling = tieBreaker } else { iceControlled = tieBreaker }
    case .xorMappedAddress, .xorPeerAddress, .xorRelayedAddress:
      let endpoint = Endpoint(xorMapped: datagram.extracting(range), transactionID: transactionID)
      guard let endpoint else { return false }
      take(endpoint, of: type)
    case .lifetime:
      guard range.count == 4 else { return false }
      lifetimeSeconds = datagram.uint32(at: range.lowerBound)
    case .realm, .nonce:
      // RFC 8489 §14.9, §14.10: fewer than 128 characters.
      guard range.count <= 763 else { return false }
      if type == .realm { realm = range } else { nonce = range }
    case .data: data = range
    case .errorCode:
      guard range.count >= 4 else { return false }
      errorCode =
        Int(datagram.uint8(at: range.lowerBound + 2) & 7) * 100 + Int(datagram.uint8(at: range.lowerBound + 3))
    default:
      if type.mustBeUnderstood, !type.isKnown, unknownAttribute == nil { unknownAttribute = type.rawValue }
    }
    return true
  }

  private mutating func take(_ endpoint: Endpoint, of type: STUNAttribute) {
    switch type {
    case .xorPeerAddress: xorPeerAddress = endpoint
    case .xorRelayedAddress: xorRelayedAddress = endpoint
    default: xorMappedAddress = endpoint
    }
  }

  /// Whether MESSAGE-INTEGRITY is present and made with `key` (RFC 8489 §14.5). `datagram` is the one that was parsed.
  public func isAuthentic(_ datagram: RawSpan, key: STUNKey) -> Bool {
    guard let integrityOffset else { return false }
    let tag = key.integrity(of: datagram, upTo: integrityOffset)
    return datagram.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return false }
      return tag.equals(start + integrityOffset + 4, count: Self.integrityByteCount)
    }
  }
}

extension STUNMessage.Kind {
  private static let classMask: UInt16 = 0x0110

  /// All methods that we know lie in the lowest four bits of the type, where the class does not interrupt them.
  init?(messageType: UInt16) {
    guard let method = STUNMessage.Method(rawValue: messageType & ~Self.classMask),
      let messageClass = STUNMessage.MessageClass(rawValue: messageType & Self.classMask)
    else { return nil }
    self.init(method, messageClass)
  }

  var messageType: UInt16 { method.rawValue | messageClass.rawValue }
}
