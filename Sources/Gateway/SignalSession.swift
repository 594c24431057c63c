import LiveKitProtocol
import WebServer

/// One client's signalling connection: it is answered in the coding that it used last.
struct SignalSession {
  let connection: WebSocketConnection
  var coding = SignalCoding.protobuf

  /// Decodes a message and remembers its coding. Nil when it is no signalling request.
  mutating func request(_ message: WebSocketMessage) -> Livekit_SignalRequest? {
    switch message {
    case .binary(let bytes):
      coding = .protobuf
      return coding.decode(bytes)
    case .text(let text):
      coding = .json
      return coding.decode(Array(text.utf8))
    }
  }

  func send(_ encoded: [UInt8]) {
    connection.send(coding == .protobuf ? .binary(encoded) : .text(String(decoding: encoded, as: UTF8.self)))
  }
}
