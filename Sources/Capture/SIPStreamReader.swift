/// Cuts a TCP stream into SIP messages (RFC 3261 §18.3).
public struct SIPStreamReader: Sendable {
  private var buffer: [UInt8] = []

  public init() {}

  /// The messages that are complete now. A stream that is not SIP, or whose message is too large, is given up.
  public mutating func take(_ bytes: [UInt8]) -> [SIPMessage] {
    buffer += bytes
    var messages: [SIPMessage] = []
    while let message = next() { messages.append(message) }
    if buffer.count > CaptureLimits.messageByteCount { buffer = [] }
    return messages
  }

  private mutating func next() -> SIPMessage? {
    // Line ends between messages keep the connection alive (RFC 5626 §3.5.1).
    let start = buffer.firstIndex { $0 != 0x0D && $0 != 0x0A } ?? buffer.endIndex
    buffer.removeFirst(start)
    guard !buffer.isEmpty else { return nil }
    guard let head = SIPMessage.Head(buffer[...]) else {
      // A finished head that does not parse will never do so.
      if Self.blankLine(in: buffer) != nil { buffer = [] }
      return nil
    }
    var message = SIPMessage(startLine: head.startLine, headers: head.headers)
    let length = message.contentLength ?? 0
    guard length <= CaptureLimits.messageByteCount else {
      buffer = []
      return nil
    }
    guard buffer.count - head.end >= length else { return nil }
    message.body = Array(buffer[head.end..<head.end + length])
    buffer.removeFirst(head.end + length)
    return message
  }

  private static func blankLine(in bytes: [UInt8]) -> Int? {
    let end: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
    return bytes.indices.dropLast(3).first { bytes[$0..<$0 + 4].elementsEqual(end) }
  }
}
