import Base
import CWebSockets

/// One WebSocket: what waits to be sent, and the message that is arriving.
final class RoomConnection {
  enum Assembly {
    case incomplete
    case message([UInt8])
    case tooLarge
  }

  let handle: OpaquePointer
  let host: String
  let address: IPAddress
  var isOpen = false
  /// Nobody wants to hear of it any more.
  var isSilent = false
  var closesWhenSent = false
  private let limits: WebSocketLimits
  /// Each message behind the free room that the library asks for.
  private var queue: [(bytes: [UInt8], isBinary: Bool)] = []
  private var queuedByteCount = 0
  private var message: [UInt8] = []

  init(handle: OpaquePointer, host: String, address: IPAddress, limits: WebSocketLimits) {
    self.handle = handle
    self.host = host
    self.address = address
    self.limits = limits
  }

  var hasQueue: Bool { !queue.isEmpty }

  /// False: too much waits already.
  func enqueue(_ bytes: [UInt8], isBinary: Bool) -> Bool {
    guard !closesWhenSent else { return true }
    guard queue.count < limits.queuedMessages, queuedByteCount + bytes.count <= limits.queuedByteCount else {
      return false
    }
    queuedByteCount += bytes.count
    queue.append((Array(repeating: 0, count: Int(CWS_PREFIX)) + bytes, isBinary))
    return true
  }

  func writeNext() {
    guard !queue.isEmpty else { return }
    var (bytes, isBinary) = queue.removeFirst()
    let prefix = Int(CWS_PREFIX)
    queuedByteCount -= bytes.count - prefix
    bytes.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      // What cannot be written is followed by the end of the connection.
      _ = cws_write(handle, start + prefix, buffer.count - prefix, isBinary)
    }
  }

  func assemble(_ piece: UnsafeBufferPointer<UInt8>, isFirst: Bool, isLast: Bool) -> Assembly {
    if isFirst { message = [] }
    guard message.count + piece.count <= limits.messageByteCount else {
      message = []
      return .tooLarge
    }
    message.append(contentsOf: piece)
    guard isLast else { return .incomplete }
    defer { message = [] }
    return .message(message)
  }
}
