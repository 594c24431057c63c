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
  /// Of an answer, as of every payload of a method.
  static let payloadByteLimit = RoomLimits().rpcPayloadByteCount

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

extension CallRPC {
  /// What is said at once to who called a method, and what becomes of the call.
  struct Reply {
    var packets: [Livekit_DataPacket]
    var event: CallerRoomEvent?
  }

  /// - Parameter later: sends what is not known at once.
  static func reply(
    to request: Livekit_RpcRequest, from identity: String, later: @escaping @Sendable (Livekit_DataPacket) -> Void
  ) -> Reply {
    var acknowledgement = Livekit_DataPacket()
    acknowledgement.destinationIdentities = [identity]
    acknowledgement.rpcAck.requestID = request.id
    func refuse(_ code: UInt32, _ message: String) -> Reply {
      Reply(packets: [acknowledgement, refusal(of: request.id, for: identity, code, message)])
    }
    // RPC error 1500: the method was called with something it cannot read.
    let unreadable = "the payload is not what the method takes"
    switch request.method {
    case remoteHeaders:
      guard let wanted = decode(HeadersRequest.self, request.payload) else { return refuse(1500, unreadable) }
      let id = request.id
      return Reply(
        packets: [acknowledgement],
        event: .remoteHeadersAsked { headers in
          let payload = encode(headers: wanted.select(headers))
          guard payload.utf8.count <= payloadByteLimit else {
            let message = "the headers are longer than an answer may be: name those wanted in include"
            return later(refusal(of: id, for: identity, 1504, message))
          }
          var packet = response(to: id, for: identity)
          packet.rpcResponse.payload = payload
          later(packet)
        })
    case endCall:
      guard let wanted = decode(EndRequest.self, request.payload), (wanted.headers ?? [:]).count <= headerLimit,
        HeaderCheck.problem(headers: wanted.headers ?? [:]) == nil
      else { return refuse(1500, unreadable) }
      var packet = response(to: request.id, for: identity)
      packet.rpcResponse.payload = "{}"
      return Reply(packets: [acknowledgement, packet], event: .endAsked(headers: wanted.headers ?? [:]))
    default: return refuse(1400, "Method not supported at destination")
    }
  }

  private static func refusal(
    of id: String, for identity: String, _ code: UInt32, _ message: String
  ) -> Livekit_DataPacket {
    var packet = response(to: id, for: identity)
    packet.rpcResponse.error.code = code
    packet.rpcResponse.error.message = message
    return packet
  }

  private static func response(to id: String, for identity: String) -> Livekit_DataPacket {
    var packet = Livekit_DataPacket()
    packet.destinationIdentities = [identity]
    packet.rpcResponse.requestID = id
    return packet
  }
}

extension RoomServer {
  func answer(_ request: Livekit_RpcRequest, from identity: String, for caller: Caller) {
    let sid = caller.sid
    let reply = CallRPC.reply(to: request, from: identity) { [weak self] packet in
      Task { await self?.sendLocal(packet, as: sid) }
    }
    for packet in reply.packets { sendLocal(packet, as: sid) }
    if let event = reply.event { caller.notify(event) }
  }
}
