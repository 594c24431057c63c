import LiveKitProtocol
import RoomCore
import WebServer

/// The public port's paths: room signalling, its validation, and a word for whoever asks whether the gateway lives.
struct SignalEndpoint: WebHandler {
  let rooms: RoomServer
  let verifier: TokenVerifier

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
    case ("/rtc", _), ("/rtc/v1", _): return .text(426, "this path is a WebSocket")
    default: return .text(404, "not found")
    }
  }

  func decideUpgrade(of request: HTTPRequest) async -> WebSocketDecision {
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
      let token = Self.bearer(request.header("Authorization")) ?? request.queryValue("access_token") ?? ""
      grants = try await verifier.verify(token, unixSeconds: Int64(WallClock.now())).grants
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

  private static func bearer(_ header: String?) -> String? {
    guard let header, header.lowercased().hasPrefix("bearer ") else { return nil }
    return String(header.dropFirst(7)).trimmingPrefix { $0 == " " }.description
  }
}
