import SwiftProtobuf

/// What a client asks for when it opens `/rtc` or `/rtc/v1` (livekit-wire 5.2), in the one form of a `JoinRequest`.
public struct SignalQuery: Hashable, Sendable {
  public enum Path: Hashable, Sendable {
    /// `/rtc`: classic parameters, or `join_request`.
    case classic
    /// `/rtc/v1`: `join_request` alone.
    case v1
  }

  /// Decompressed `join_request`: a client's first offer has 14 kB, one with hundreds of sections half a megabyte.
  public static let maxJoinRequestByteCount = 1 << 20

  public var joinRequest: Livekit_JoinRequest
  /// A client that sends a `join_request` uses one peer connection for both directions.
  public var isSinglePeerConnection: Bool
  /// The `room` parameter, for a token that names no room.
  public var room: String?

  public init(joinRequest: Livekit_JoinRequest, isSinglePeerConnection: Bool, room: String? = nil) {
    self.joinRequest = joinRequest
    self.isSinglePeerConnection = isSinglePeerConnection
    self.room = room
  }

  /// - Parameter parameters: the query's names and values, percent-decoded.
  public init(path: Path, parameters: [(name: String, value: String)]) throws(SignalQueryError) {
    func value(_ name: String) -> String? { parameters.first { $0.name == name && !$0.value.isEmpty }?.value }
    if let wrapped = value("join_request") {
      self.init(joinRequest: try Self.unwrap(wrapped), isSinglePeerConnection: true)
    } else if path == .v1 {
      throw SignalQueryError(reason: "join_request is missing")
    } else {
      self.init(joinRequest: try Self.classic(value), isSinglePeerConnection: false)
    }
    room = value("room")
  }

  /// A `JoinRequest` from the base64url of a `WrappedJoinRequest`.
  static func unwrap(_ text: String) throws(SignalQueryError) -> Livekit_JoinRequest {
    guard text.utf8.count <= maxJoinRequestByteCount, let bytes = Base64URL.decode(text) else {
      throw SignalQueryError(reason: "join_request is not base64url")
    }
    do {
      let wrapped = try Livekit_WrappedJoinRequest(serializedBytes: bytes)
      var request = Array(wrapped.joinRequest)
      switch wrapped.compression {
      case .none: break
      case .gzip:
        guard let plain = GzipDecoder.decode(request, maxByteCount: maxJoinRequestByteCount) else {
          throw SignalQueryError(reason: "join_request is not gzip of at most \(maxJoinRequestByteCount) bytes")
        }
        request = plain
      case .UNRECOGNIZED(let number):
        throw SignalQueryError(reason: "join_request has compression \(number), expected 0 (none) or 1 (gzip)")
      }
      return try Livekit_JoinRequest(serializedBytes: request)
    } catch let error as SignalQueryError {
      throw error
    } catch {
      throw SignalQueryError(reason: "join_request is not a JoinRequest")
    }
  }

  private static func classic(_ value: (String) -> String?) throws(SignalQueryError) -> Livekit_JoinRequest {
    var request = Livekit_JoinRequest()
    request.clientInfo = client(value)
    request.connectionSettings.autoSubscribe = flag(value("auto_subscribe")) ?? true
    request.connectionSettings.adaptiveStream = flag(value("adaptive_stream")) ?? false
    request.connectionSettings.disableIceLite = flag(value("disable_ice_lite")) ?? false
    if let pause = flag(value("subscriber_allow_pause")) { request.connectionSettings.subscriberAllowPause = pause }
    request.reconnect = flag(value("reconnect")) ?? false
    request.participantSid = value("sid") ?? ""
    if let number = value("reconnect_reason").flatMap(Int.init) {
      request.reconnectReason = Livekit_ReconnectReason(rawValue: number) ?? .rrUnknown
    }
    if let attributes = value("attributes") {
      guard let bytes = Base64URL.decode(attributes), let map = try? AttributeMap(json: bytes) else {
        throw SignalQueryError(reason: "attributes is not base64url of a JSON object of strings")
      }
      request.participantAttributes = map.values
    }
    return request
  }

  private static func client(_ value: (String) -> String?) -> Livekit_ClientInfo {
    var client = Livekit_ClientInfo()
    client.sdk = Livekit_ClientInfo.SDK.names[(value("sdk") ?? "").lowercased()] ?? .unknown
    client.version = value("version") ?? ""
    client.protocol = value("protocol").flatMap(Int32.init) ?? 0
    client.clientProtocol = value("client_protocol").flatMap(Int32.init) ?? 0
    client.os = value("os") ?? ""
    client.osVersion = value("os_version") ?? ""
    client.deviceModel = value("device_model") ?? ""
    client.browser = value("browser") ?? ""
    client.browserVersion = value("browser_version") ?? ""
    client.capabilities = (value("capabilities") ?? "").split(separator: ",").prefix(16).compactMap {
      switch $0 {
      case "CAP_PACKET_TRAILER": .capPacketTrailer
      case "CAP_COMPRESSION_DEFLATE_RAW": .capCompressionDeflateRaw
      default: nil
      }
    }
    return client
  }

  private static func flag(_ text: String?) -> Bool? { text.map { $0 == "1" || $0 == "true" } }
}

extension Livekit_ClientInfo.SDK {
  /// By the value of the query's `sdk`, in lower case.
  static let names: [String: Self] = [
    "js": .js, "swift": .swift, "android": .android, "flutter": .flutter, "go": .go, "unity": .unity,
    "reactnative": .reactNative, "rust": .rust, "python": .python, "cpp": .cpp, "unityweb": .unityWeb, "node": .node,
    "unreal": .unreal, "esp32": .esp32,
  ]
}

/// What is wrong with the request, for an HTTP 400.
public struct SignalQueryError: Error, Hashable, Sendable {
  public let reason: String
}
