import API
import LiveKitProtocol
import RoomCore
import WebServer

/// The public port's paths: room signalling, its validation, agent workers, the APIs, and a word for whoever asks
/// whether the gateway lives.
struct SignalEndpoint: WebHandler {
  let rooms: RoomServer
  let verifier: TokenVerifier
  /// What is under `/twirp/`. Nil: nothing.
  var api: TwirpServer?

  func respond(to request: HTTPRequest) async -> HTTPResponse {
    switch (request.path, request.method) {
    case ("/", "GET"), ("/", "HEAD"): return .text(200, "OK")
    case ("/rtc/validate", "GET"), ("/rtc/v1/validate", "GET"):
      switch await intent(of: request) {
      case .success: return .text(200, "success")
      case .failure(let refusal): return .text(refusal.status, refusal.reason)
      }
    case ("/", _), ("/rtc/validate", _), ("/rtc/v1/validate", _):
      return HTTPResponse(status: 405, headers: [(name: "Allow", value: "GET")])
    case (let path, _) where path.hasPrefix(TwirpServer.pathPrefix):
      guard let api else { return .text(404, "not found") }
      return HTTPResponse(await api.respond(to: TwirpRequest(request)))
    case ("/rtc", _), ("/rtc/v1", _), (AgentEndpoint.path, _): return .text(426, "this path is a WebSocket")
    default: return .text(404, "not found")
    }
  }

  /// Only the APIs take a body, and only from someone whose token is good for the method.
  func bodyAllowance(for request: HTTPRequest) async -> BodyAllowance {
    guard let api, request.path.hasPrefix(TwirpServer.pathPrefix) else { return .none }
    return await api.bodyAllowance(for: request)
  }

  func decideUpgrade(of request: HTTPRequest) async -> WebSocketDecision {
    if request.path == AgentEndpoint.path {
      return await AgentEndpoint(rooms: rooms, verifier: verifier).decideUpgrade(of: request)
    }
    guard request.path == "/rtc" || request.path == "/rtc/v1" else { return .refuse(.text(404, "not found")) }
    switch await intent(of: request) {
    case .success(let intent): return .accept { await rooms.serve($0, intent: intent) }
    case .failure(let refusal): return .refuse(.text(refusal.status, refusal.reason))
    }
  }

  private struct Refusal: Error {
    let status: Int
    let reason: String
  }

  /// What the request may do, or the HTTP status that tells why not (livekit-wire 5.2).
  private func intent(of request: HTTPRequest) async -> Result<JoinIntent, Refusal> {
    // The token first: a join request of 1 kB can unpack to a hundred megabytes of messages.
    let grants: Grants
    do {
      grants = try await verifier.verify(request.accessToken, unixSeconds: Int64(WallClock.now())).grants
    } catch {
      return .failure(Refusal(status: 401, reason: error.reason))
    }
    let query: SignalQuery
    do {
      // Validation comes without a join request on both paths.
      query = try SignalQuery(path: request.path == "/rtc/v1" ? .v1 : .classic, parameters: request.query)
    } catch {
      return .failure(Refusal(status: 400, reason: error.reason))
    }
    let intent = JoinIntent(grants: grants, query: query)
    if let refusal = await rooms.refusal(of: intent) {
      return .failure(Refusal(status: refusal.status, reason: refusal.reason))
    }
    return .success(intent)
  }
}

extension TwirpServer {
  /// What a request to the APIs may bring.
  func bodyAllowance(for request: HTTPRequest) async -> BodyAllowance {
    if let refusal = await refusal(of: TwirpRequest(request)) {
      return BodyAllowance(byteCount: 0) { _ in HTTPResponse(refusal) }
    }
    return BodyAllowance(byteCount: Self.bodyByteLimit) { fault in
      switch fault {
      case .tooLarge: HTTPResponse(Self.bodyTooLarge())
      case .tooSlow: HTTPResponse(Self.bodyTooSlow())
      case .serverBusy: HTTPResponse(Self.tooManyBodies())
      }
    }
  }
}

extension TwirpRequest {
  init(_ request: HTTPRequest) {
    self.init(
      method: request.method, path: request.path, contentType: request.header("Content-Type") ?? "",
      authorization: request.header("Authorization") ?? "", body: request.body)
  }
}

extension HTTPResponse {
  init(_ response: TwirpResponse) {
    // Clients read some kilobytes of headers, and take what has more for a failure.
    var sentences = Array(response.warnings.prefix(Self.warningLimit))
    let rest = response.warnings.count - sentences.count
    if rest > 0 { sentences.append("and \(rest) more") }
    let warnings = sentences.map { (name: "Trunkline-Warning", value: Self.headerValue($0)) }
    self.init(
      status: response.status, headers: [(name: "Content-Type", value: response.contentType)] + warnings,
      body: response.body)
  }

  private static let warningLimit = 8

  /// Printable ASCII, and not too much of it: the sentences quote names that people chose.
  private static func headerValue(_ text: String) -> String {
    String(decoding: text.utf8.prefix(500).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
  }
}
