import Base
import Foundation
import Linux
import LiveKitProtocol
import RoomCore
import Telephony

/// Methods that participants may call on a phone call (room RPC, livekit-wire 1.2); payloads are protobuf JSON.
enum CallRPC {
  static let remoteHeaders = "lk.sip.GetRemoteHeaders"
  static let endCall = "lk.sip.EndCall"
  static let methods: Set<String> = [remoteHeaders, endCall]

  /// Headers of a BYE that one request may set.
  static let headerLimit = 32

  struct HeadersRequest: Decodable {
    let include: [String]?
    let exclude: [String]?

    /// Names are compared without regard to case; no list includes everything.
    func select(_ headers: [String: String]) -> [String: String] {
      let included = include.map { Set($0.map { $0.lowercased() }) } ?? []
      let excluded = Set((exclude ?? []).map { $0.lowercased() })
      return headers.filter { name, _ in
        (included.isEmpty || included.contains(name.lowercased())) && !excluded.contains(name.lowercased())
      }
    }
  }

  struct EndRequest: Decodable {
    let headers: [String: String]?
  }

  static func decode<Request: Decodable>(_ type: Request.Type, _ payload: String) -> Request? {
    try? JSONDecoder().decode(type, from: Data((payload.isEmpty ? "{}" : payload).utf8))
  }

  static func encode(headers: [String: String]) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(["headers": headers])).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }
}

extension RoomServer {
  func answer(_ request: Livekit_RpcRequest, from identity: String, for caller: Caller) {
    let sid = caller.sid
    var acknowledgement = Livekit_DataPacket()
    acknowledgement.destinationIdentities = [identity]
    acknowledgement.rpcAck.requestID = request.id
    sendLocal(acknowledgement, as: sid)
    switch request.method {
    case CallRPC.remoteHeaders:
      guard let wanted = CallRPC.decode(CallRPC.HeadersRequest.self, request.payload) else {
        return refuse(request.id, as: sid, to: identity)
      }
      caller.notify(
        .remoteHeadersAsked { [weak self] headers in
          let payload = CallRPC.encode(headers: wanted.select(headers))
          Task { await self?.respond(payload, to: request.id, as: sid, for: identity) }
        })
    case CallRPC.endCall:
      guard let wanted = CallRPC.decode(CallRPC.EndRequest.self, request.payload),
        (wanted.headers ?? [:]).count <= CallRPC.headerLimit, HeaderCheck.problem(headers: wanted.headers ?? [:]) == nil
      else { return refuse(request.id, as: sid, to: identity) }
      respond("{}", to: request.id, as: sid, for: identity)
      caller.notify(.endAsked(headers: wanted.headers ?? [:]))
    default: break
    }
  }

  private func respond(_ payload: String, to id: String, as sid: String, for identity: String) {
    guard payload.utf8.count <= core.configuration.limits.rpcPayloadByteCount else {
      return refuse(
        id, 1504, "the headers are longer than an answer may be: name those wanted in include", as: sid, to: identity)
    }
    var packet = Livekit_DataPacket()
    packet.destinationIdentities = [identity]
    packet.rpcResponse.requestID = id
    packet.rpcResponse.payload = payload
    sendLocal(packet, as: sid)
  }

  /// RPC error 1500: the method was called with something it cannot read.
  private func refuse(
    _ id: String, _ code: UInt32 = 1500, _ message: String = "the payload is not what the method takes", as sid: String,
    to identity: String
  ) {
    var packet = Livekit_DataPacket()
    packet.destinationIdentities = [identity]
    packet.rpcResponse.requestID = id
    packet.rpcResponse.error.code = code
    packet.rpcResponse.error.message = message
    sendLocal(packet, as: sid)
  }
}
