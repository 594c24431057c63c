import NIOCore
import NIOWebSocket

/// Puts fragments together and checks what the frame decoder leaves to others (RFC 6455 §5.4–§5.6, §7.4).
struct MessageAssembler {
  enum Result {
    case incomplete
    case message(WebSocketMessage)
    case ping(ByteBuffer)
    case pong
    case close(code: UInt16?, reason: String)
    case failure(Failure)
  }

  /// Raw values are the reason told to the peer.
  enum Failure: String {
    case notMasked = "frame not masked"
    case reservedBits = "reserved bits set"
    case unknownOpcode = "unknown opcode"
    case strayContinuation = "continuation without a start"
    case missingContinuation = "new message inside another"
    case badControlFrame = "bad control frame"
    case badCloseCode = "bad close code"
    case tooLarge = "message too large"
    case notUTF8 = "text is not UTF-8"

    var code: UInt16 {
      switch self {
      case .tooLarge: 1009
      case .notUTF8: 1007
      default: 1002
      }
    }
  }

  let byteLimit: Int
  private var partial: (isText: Bool, bytes: [UInt8])?

  init(byteLimit: Int) { self.byteLimit = byteLimit }

  mutating func take(_ frame: WebSocketFrame) -> Result {
    guard !frame.rsv1, !frame.rsv2, !frame.rsv3 else { return .failure(.reservedBits) }
    let payload = frame.unmaskedData
    switch frame.opcode {
    case .ping: return .ping(payload)
    case .pong: return .pong
    case .connectionClose: return close(payload)
    case .text, .binary:
      guard partial == nil else { return .failure(.missingContinuation) }
      partial = (frame.opcode == .text, [])
    case .continuation: if partial == nil { return .failure(.strayContinuation) }
    default: return .failure(.unknownOpcode)
    }
    return append(payload, isLast: frame.fin)
  }

  private mutating func append(_ payload: ByteBuffer, isLast: Bool) -> Result {
    guard let (isText, count) = partial.map({ ($0.isText, $0.bytes.count) }) else { return .incomplete }
    guard count + payload.readableBytes <= byteLimit else { return .failure(.tooLarge) }
    partial?.bytes.append(contentsOf: payload.readableBytesView)
    guard isLast, let bytes = partial?.bytes else { return .incomplete }
    partial = nil
    guard isText else { return .message(.binary(bytes)) }
    return String(validating: bytes, as: UTF8.self).map { .message(.text($0)) } ?? .failure(.notUTF8)
  }

  private func close(_ payload: ByteBuffer) -> Result {
    var payload = payload
    if payload.readableBytes == 0 { return .close(code: nil, reason: "") }
    guard let code = payload.readInteger(as: UInt16.self), Self.mayBeSent(code) else { return .failure(.badCloseCode) }
    let reason = payload.readBytes(length: payload.readableBytes) ?? []
    return String(validating: reason, as: UTF8.self).map { .close(code: code, reason: $0) } ?? .failure(.notUTF8)
  }

  private static func mayBeSent(_ code: UInt16) -> Bool {
    (1000...1003).contains(code) || (1007...1014).contains(code) || (3000...4999).contains(code)
  }
}
