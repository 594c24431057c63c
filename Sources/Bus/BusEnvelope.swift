import LiveKitProtocol
import SwiftProtobuf

/// One published message.
public enum BusEnvelope: Hashable, Sendable {
  case request(Internal_Request)
  case response(Internal_Response)
  case claim(Internal_ClaimRequest)
  case claimResponse(Internal_ClaimResponse)

  /// Messages above it are not read; livekit-server's longest, with every attribute a call may have, are far shorter.
  public static let byteLimit = 1 << 20

  /// Nil for what is no message of ours: another type, or broken.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count <= Self.byteLimit, let message = try? Internal_Msg(serializedBytes: bytes) else { return nil }
    let name = message.typeURL.split(separator: "/", omittingEmptySubsequences: false).last.map(String.init) ?? ""
    guard let value = Self.decompressed(message.payload) else { return nil }
    let envelope: BusEnvelope?
    switch name {
    case Internal_Request.protoMessageName:
      envelope = (try? Internal_Request(serializedBytes: value)).map { .request($0) }
    case Internal_Response.protoMessageName:
      envelope = (try? Internal_Response(serializedBytes: value)).map { .response($0) }
    case Internal_ClaimRequest.protoMessageName:
      envelope = (try? Internal_ClaimRequest(serializedBytes: value)).map { .claim($0) }
    case Internal_ClaimResponse.protoMessageName:
      envelope = (try? Internal_ClaimResponse(serializedBytes: value)).map { .claimResponse($0) }
    default: envelope = nil
    }
    guard let envelope else { return nil }
    self = envelope
  }

  public var bytes: [UInt8] {
    switch self {
    case .request(let message): Self.wrap(message)
    case .response(let message): Self.wrap(message)
    case .claim(let message): Self.wrap(message)
    case .claimResponse(let message): Self.wrap(message)
    }
  }

  private static func wrap(_ message: some Message) -> [UInt8] {
    (try? Internal_Msg(message).serializedBytes()) ?? []
  }

  /// Peers may compress what they send. No protobuf message begins as gzip does: wire type 7 does not exist.
  private static func decompressed(_ value: [UInt8]) -> [UInt8]? {
    guard value.count >= 2, value[0] == 0x1F, value[1] == 0x8B else { return value }
    return GzipDecoder.decode(value, maxByteCount: byteLimit)
  }
}
