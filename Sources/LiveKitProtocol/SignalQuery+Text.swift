import FoundationEssentials
import SwiftProtobuf

/// What a client of a LiveKit server writes into the request that opens its WebSocket (livekit-wire 5.2).
extension SignalQuery {
  /// `/rtc/v1?join_request=…` for one peer connection, `/rtc?…` for two: path and query, percent-encoded.
  public var target: String {
    isSinglePeerConnection ? "/rtc/v1?join_request=\(Self.wrap(joinRequest))" : "/rtc?" + Self.classicText(joinRequest)
  }

  /// Base64url of a `WrappedJoinRequest`, compressed where that helps.
  private static func wrap(_ request: Livekit_JoinRequest) -> String {
    let plain: [UInt8] = (try? request.serializedBytes()) ?? []
    var wrapped = Livekit_WrappedJoinRequest()
    if let packed = GzipEncoder.encode(plain), packed.count < plain.count {
      wrapped.compression = .gzip
      wrapped.joinRequest = .init(packed)
    } else {
      wrapped.joinRequest = .init(plain)
    }
    return Base64URL.encode((try? wrapped.serializedBytes()) ?? [])
  }

  private static func classicText(_ request: Livekit_JoinRequest) -> String {
    let client = request.clientInfo
    let settings = request.connectionSettings
    var parameters = [
      ("sdk", client.sdk.queryName), ("version", client.version), ("protocol", String(client.protocol)),
      ("client_protocol", String(client.clientProtocol)), ("os", client.os),
      ("auto_subscribe", settings.autoSubscribe ? "1" : "0"),
      ("adaptive_stream", settings.adaptiveStream ? "1" : "0"),
    ]
    if request.reconnect {
      parameters += [
        ("reconnect", "1"), ("sid", request.participantSid),
        ("reconnect_reason", String(request.reconnectReason.rawValue)),
      ]
    }
    if !request.participantAttributes.isEmpty {
      parameters.append(("attributes", Base64URL.encode(AttributeMap(request.participantAttributes).json)))
    }
    return parameters.lazy.filter { !$0.1.isEmpty }.map { "\($0.0)=\(percentEncoded($0.1))" }.joined(separator: "&")
  }

  /// RFC 3986 §2.3: everything but unreserved characters.
  private static func percentEncoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var output: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        output.append(byte)
      default: output += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: output, as: UTF8.self)
  }
}

extension Livekit_ClientInfo.SDK {
  /// The name of the `sdk` parameter. Empty for one that has none.
  fileprivate var queryName: String { Self.names.first { $0.value == self }?.key ?? "" }
}
