import Base
import Dispatch
import Glibc
import Linux

/// A TCP client that sends exactly what it is told, right or wrong. Its blocking calls run on a Dispatch thread.
///
/// A class because the descriptor must be closed once; used by one test at a time.
final class RawClient: @unchecked Sendable {
  private let descriptor: Int32
  private var received: [UInt8] = []

  /// How long a read waits before the test fails.
  static let patienceMilliseconds: Int32 = 30_000

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  init(_ endpoint: Endpoint) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let result = SocketAddress.with(endpoint) { connect(descriptor, $0, $1) }
    guard result == 0 else { throw Failure(description: "connect: \(errno)") }
  }

  deinit { close(descriptor) }

  // MARK: Sending

  func send(_ text: String) throws { try send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { throw Failure(description: "send: \(errno)") }
      rest = rest.dropFirst(count)
    }
  }

  /// Sends until the kernel takes no more or `bytes` are gone; returns how many went.
  func sendWithoutWaiting(_ bytes: [UInt8]) -> Int {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      }
      guard count > 0 else { break }
      sent += count
    }
    return sent
  }

  /// Sends all, waiting for the peer to take it.
  func sendRest(_ bytes: [UInt8]) async throws {
    let error: (any Error)? = await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        do {
          try self.send(bytes)
          continuation.resume(returning: nil)
        } catch {
          continuation.resume(returning: error)
        }
      }
    }
    if let error { throw error }
  }

  // MARK: Receiving

  /// Reads until `count` bytes are there and takes them.
  func take(_ count: Int) async throws -> [UInt8] {
    while received.count < count {
      guard try await readMore() else { throw Failure(description: "closed after \(received.count) bytes") }
    }
    defer { received.removeFirst(count) }
    return Array(received[..<count])
  }

  /// Everything until the server closes.
  func takeAll() async throws -> [UInt8] {
    while try await readMore() {}
    defer { received = [] }
    return received
  }

  /// A response head up to its empty line, and the body its Content-Length names.
  func takeResponse(hasBody: Bool = true) async throws -> (head: String, body: String) {
    var head = ""
    while !head.hasSuffix("\r\n\r\n") { head += String(decoding: try await take(1), as: UTF8.self) }
    let length = head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
      .flatMap { Int($0.drop { $0 != " " }.dropFirst()) }
    return (head, hasBody ? String(decoding: try await take(length ?? 0), as: UTF8.self) : "")
  }

  /// False when the server has closed.
  private func readMore() async throws -> Bool {
    let descriptor = descriptor
    let bytes: [UInt8]? = await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&poller, 1, Self.patienceMilliseconds) == 1 else { return continuation.resume(returning: nil) }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        continuation.resume(returning: Array(buffer[..<max(0, count)]))
      }
    }
    guard let bytes else { throw Failure(description: "nothing came; have \(received.count) bytes") }
    received += bytes
    return !bytes.isEmpty
  }
}

/// One WebSocket frame as it stands on the wire.
struct RawFrame: Equatable {
  var opcode: UInt8
  var isFinal = true
  var reservedBits: UInt8 = 0
  var isMasked = true
  var payload: [UInt8] = []

  var bytes: [UInt8] {
    var bytes = [(isFinal ? 0x80 : 0) | reservedBits << 4 | opcode]
    let maskBit: UInt8 = isMasked ? 0x80 : 0
    switch payload.count {
    case ..<126: bytes.append(maskBit | UInt8(payload.count))
    case ..<65_536: bytes += [maskBit | 126, UInt8(payload.count >> 8), UInt8(truncatingIfNeeded: payload.count)]
    default: bytes += [maskBit | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
    }
    guard isMasked else { return bytes + payload }
    let key: [UInt8] = [0x12, 0x34, 0x56, 0x78]
    return bytes + key + payload.enumerated().map { $0.element ^ key[$0.offset % 4] }
  }

  static func text(_ text: String) -> RawFrame { RawFrame(opcode: 1, payload: Array(text.utf8)) }
  static func close(_ code: UInt16, _ reason: String = "") -> RawFrame {
    RawFrame(opcode: 8, payload: [UInt8(code >> 8), UInt8(truncatingIfNeeded: code)] + Array(reason.utf8))
  }
}

extension RawClient {
  static let handshakeKey = "dGhlIHNhbXBsZSBub25jZQ=="

  static func handshake(_ path: String = "/socket") -> String {
    "GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
      + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \(handshakeKey)\r\n\r\n"
  }

  /// A client whose handshake was accepted.
  static func webSocket(_ endpoint: Endpoint, _ path: String = "/socket") async throws -> RawClient {
    let client = try RawClient(endpoint)
    try client.send(handshake(path))
    let head = try await client.takeResponse().head
    guard head.hasPrefix("HTTP/1.1 101 ") else { throw Failure(description: head) }
    return client
  }

  func send(_ frame: RawFrame) throws { try send(frame.bytes) }

  /// The next frame of the server, which must not be masked (RFC 6455 §5.1).
  func takeFrame() async throws -> RawFrame {
    let head = try await take(2)
    var length = Int(head[1])
    if length == 126 { length = try await take(2).reduce(0) { $0 << 8 | Int($1) } }
    if length == 127 { length = try await take(8).reduce(0) { $0 << 8 | Int($1) } }
    return RawFrame(
      opcode: head[0] & 0x0F, isFinal: head[0] & 0x80 != 0, isMasked: false, payload: try await take(length))
  }

  /// The next frame that is no ping.
  func takeMessage() async throws -> RawFrame {
    while true {
      let frame = try await takeFrame()
      if frame.opcode != 9 { return frame }
    }
  }
}
