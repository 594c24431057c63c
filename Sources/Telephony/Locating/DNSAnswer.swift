import Base

/// One SRV record (RFC 2782): a server of a service, and when it is its turn.
public struct ServiceRecord: Hashable, Sendable {
  /// Lower ones are tried first.
  public var priority: UInt16
  /// Share of the calls among records of equal priority.
  public var weight: UInt16
  public var port: UInt16
  /// Host name in lower case, without the dot at its end. Empty (`.`): the service is decidedly not there.
  public var target: String

  public init(priority: UInt16, weight: UInt16, port: UInt16, target: String) {
    self.priority = priority
    self.weight = weight
    self.port = port
    self.target = target
  }
}

/// The SRV, A and AAAA records of a DNS response (RFC 1035 §4.1, RFC 3596, RFC 2782).
///
/// ```
///  0                   1                   2                   3
/// +-------------------------------+-------------------------------+
/// | ID                            |QR|  …          |    RCODE      |
/// | questions                     | answers                       |
/// | authorities                   | additionals                   |
/// +---------------------------------------------------------------+
/// record: name, TYPE(16), CLASS(16), TTL(32), RDLENGTH(16), RDATA
/// SRV RDATA: priority(16), weight(16), port(16), target
/// ```
public struct DNSAnswer: Hashable, Sendable {
  public private(set) var services: [ServiceRecord] = []
  public private(set) var addresses: [IPAddress] = []

  /// Records that are looked at.
  private static let recordLimit = 64

  /// Nil unless it is a response with RCODE 0. A record that breaks off ends the answer; one that makes no sense is left
  /// out.
  public init?(_ message: [UInt8]) {
    var reader = DNSReader(bytes: message)
    guard reader.skip(2), let flags = reader.uint16(), let questions = reader.uint16(), let answers = reader.uint16(),
      reader.skip(4), flags >> 15 == 1, flags & 15 == 0
    else { return nil }
    for _ in 0..<questions {
      guard reader.name() != nil, reader.skip(4) else { return nil }
    }
    for _ in 0..<min(Int(answers), Self.recordLimit) {
      guard reader.name() != nil, let type = reader.uint16(), let recordClass = reader.uint16(), reader.skip(4),
        let length = reader.uint16(), let data = reader.record(Int(length))
      else { return }
      if recordClass == 1 { take(type, data) }
    }
  }

  private mutating func take(_ type: UInt16, _ data: DNSReader) {
    var data = data
    switch (type, data.count) {
    case (1, 4):
      if let high = data.uint16(), let low = data.uint16() {
        addresses.append(IPAddress(v4: UInt32(high) << 16 | UInt32(low)))
      }
    case (28, 16):
      var words: [UInt64] = []
      while let word = data.uint16() { words.append(UInt64(word)) }
      addresses.append(
        IPAddress(
          v6: words[0] << 48 | words[1] << 32 | words[2] << 16 | words[3],
          words[4] << 48 | words[5] << 32 | words[6] << 16 | words[7]))
    case (33, _):
      guard let priority = data.uint16(), let weight = data.uint16(), let port = data.uint16(), let target = data.name()
      else { return }
      services.append(ServiceRecord(priority: priority, weight: weight, port: port, target: target))
    default: break
    }
  }
}

/// Reads a part of a message; names may point before it.
private struct DNSReader {
  let bytes: [UInt8]
  private var index: Int
  private let end: Int

  /// RFC 1035 §2.3.4.
  private static let nameLimit = 253

  init(bytes: [UInt8]) {
    self.bytes = bytes
    index = 0
    end = bytes.count
  }

  private init(bytes: [UInt8], index: Int, end: Int) {
    self.bytes = bytes
    self.index = index
    self.end = end
  }

  var count: Int { end - index }

  mutating func skip(_ count: Int) -> Bool {
    guard count <= self.count else { return false }
    index += count
    return true
  }

  mutating func uint16() -> UInt16? {
    guard count >= 2 else { return nil }
    defer { index += 2 }
    return UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1])
  }

  /// The next `count` bytes.
  mutating func record(_ count: Int) -> DNSReader? {
    let start = index
    return skip(count) ? DNSReader(bytes: bytes, index: start, end: start + count) : nil
  }

  /// A name in lower case, its labels joined by dots. Nil when it is cut off, too long, points anywhere but back, or holds
  /// what no host name does.
  mutating func name() -> String? {
    var text: [UInt8] = []
    var place = index
    var limit = end
    var hasJumped = false
    while true {
      guard place < limit else { return nil }
      let length = Int(bytes[place])
      switch length >> 6 {
      case 0:
        if !hasJumped { index = place + 1 + length }
        guard place + length < limit else { return nil }
        if length == 0 { return String(decoding: text, as: UTF8.self) }
        if !text.isEmpty { text.append(UInt8(ascii: ".")) }
        for byte in bytes[(place + 1)...(place + length)] {
          guard Self.isHostByte(byte) else { return nil }
          text.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
        }
        guard text.count <= Self.nameLimit else { return nil }
        place += 1 + length
      case 3:
        guard place + 1 < limit else { return nil }
        let target = (length & 0x3F) << 8 | Int(bytes[place + 1])
        if !hasJumped { index = place + 2 }
        hasJumped = true
        // Each jump leads further back, so that there is an end.
        guard target < place else { return nil }
        limit = min(limit, place)
        place = target
      default: return nil
      }
    }
  }

  private static func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
