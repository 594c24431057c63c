import Base
import Dispatch
import Synchronization
import Testing

@testable import WebServer

/// Answers with what it was asked; WebSockets at `/socket` run `session`, others are refused with 401.
struct TestHandler: WebHandler {
  var response: @Sendable (HTTPRequest) async -> HTTPResponse = { request in
    .text(200, "\(request.method) \(request.path) \(request.body.count)")
  }
  var bodyByteCount = 1024 * 1024
  /// Awaited before a body is allowed.
  var allow: @Sendable () async -> Void = {}
  var session: @Sendable (WebSocketConnection) async -> Void = TestHandler.echo

  func respond(to request: HTTPRequest) async -> HTTPResponse { await response(request) }

  func bodyAllowance(for request: HTTPRequest) async -> BodyAllowance {
    await allow()
    return BodyAllowance(byteCount: bodyByteCount) { fault in
      switch fault {
      case .tooLarge: .text(413, "too large")
      case .tooSlow: .text(408, "too slow")
      case .serverBusy: .text(503, "busy")
      }
    }
  }

  func decideUpgrade(of request: HTTPRequest) async -> WebSocketDecision {
    request.path == "/socket" ? .accept(session: session) : .refuse(.text(401, "no token"))
  }

  static func echo(_ connection: WebSocketConnection) async {
    for await message in connection.messages { connection.send(message) }
  }
}

/// Runs `body` against a server on a free port of 127.0.0.1 and closes it.
func withServer(
  _ limits: WebServerLimits = WebServerLimits(), handler: TestHandler = TestHandler(),
  _ body: (WebServer, Endpoint) async throws -> Void
) async throws {
  let server = try await WebServer.start(on: [Endpoint(.loopbackV4, 0)], limits: limits, handler: handler)
  do {
    try await body(server, try #require(server.endpoints.first))
  } catch {
    await server.close()
    throw error
  }
  await server.close()
}

/// Waits for a condition that the event loop brings about.
func eventually(within patience: Duration = .seconds(10), _ condition: () -> Bool) async -> Bool {
  let deadline = ContinuousClock.now + patience
  while !condition() {
    guard ContinuousClock.now < deadline else { return false }
    // Off the cooperative pool, whose few threads the server's handlers need.
    await withCheckedContinuation { continuation in
      DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(2)) { continuation.resume() }
    }
  }
  return true
}

/// A value that a session leaves for the test, and the test waits for.
final class Outcome<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)

  func set(_ new: Value) { value.withLock { $0 = new } }
  var isSet: Bool { value.withLock { $0 != nil } }
  var current: Value? { value.withLock { $0 } }
}
