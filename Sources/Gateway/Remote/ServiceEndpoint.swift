import API
import WebServer

/// The public port's paths where the rooms are on another server: the APIs, and a word for whoever looks for a room.
struct ServiceEndpoint: WebHandler {
  let api: TwirpServer

  func respond(to request: HTTPRequest) async -> HTTPResponse {
    switch (request.path, request.method) {
    case ("/", "GET"), ("/", "HEAD"): .text(200, "OK")
    case ("/", _): HTTPResponse(status: 405, headers: [(name: "Allow", value: "GET")])
    case (let path, _) where path.hasPrefix(TwirpServer.pathPrefix):
      HTTPResponse(await api.respond(to: TwirpRequest(request)))
    default: notHere
    }
  }

  func bodyAllowance(for request: HTTPRequest) async -> BodyAllowance {
    request.path.hasPrefix(TwirpServer.pathPrefix) ? await api.bodyAllowance(for: request) : .none
  }

  func decideUpgrade(of request: HTTPRequest) async -> WebSocketDecision { .refuse(notHere) }

  private var notHere: HTTPResponse { .text(404, "not found; the rooms and agents are on another server") }
}
