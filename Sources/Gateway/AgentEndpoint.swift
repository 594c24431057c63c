import LiveKitProtocol
import WebServer

/// `/agent`, where agent workers connect (livekit-wire 5.8).
struct AgentEndpoint: Sendable {
  static let path = "/agent"

  let rooms: RoomServer
  let verifier: TokenVerifier

  /// 401 unless the token has the `agent` grant and is for no single room: agents have that grant too, for theirs, and
  /// must not get tokens for others by it.
  func decideUpgrade(of request: HTTPRequest) async -> WebSocketDecision {
    do {
      let token = try await verifier.verify(request.accessToken, unixSeconds: Int64(WallClock.now()))
      let grant = token.grants.video
      guard grant.isAgent else { return .refuse(.text(401, "the token does not grant agent")) }
      guard (grant.room ?? "").isEmpty else {
        return .refuse(.text(401, "the token is an agent's for its room, not a worker's"))
      }
      return .accept { [rooms] in await rooms.serveWorker($0, apiKey: token.apiKey) }
    } catch {
      return .refuse(.text(401, error.reason))
    }
  }
}

extension HTTPRequest {
  /// From the Authorization header, else from the query. Empty: none was given.
  var accessToken: String {
    guard let header = header("Authorization"), header.lowercased().hasPrefix("bearer ") else {
      return queryValue("access_token") ?? ""
    }
    return String(header.dropFirst(7)).trimmingPrefix { $0 == " " }.description
  }
}
