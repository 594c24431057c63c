import LiveKitProtocol
import WebServer

/// One client's signalling connection: it is answered in the coding that it used last.
struct SignalSession {
  let connection: WebSocketConnection
  var coding = SignalCoding.protobuf

  /// A message's coding and the request in it, nil when it is none. Done on no actor: two megabytes of JSON take long,
  /// and every room would wait.
  @concurrent
  static func decode(_ message: WebSocketMessage) async -> (coding: SignalCoding, request: Livekit_SignalRequest?) {
    switch message {
    case .binary(let bytes): (.protobuf, SignalCoding.protobuf.decode(bytes))
    case .text(let text): (.json, SignalCoding.json.decode(Array(text.utf8)))
    }
  }

  func send(_ encoded: [UInt8]) {
    connection.send(coding == .protobuf ? .binary(encoded) : .text(String(decoding: encoded, as: UTF8.self)))
  }
}
