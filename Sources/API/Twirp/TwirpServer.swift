import LiveKitProtocol

/// Twirp over `POST /twirp/<package>.<Service>/<Method>`: routes, lets in, decodes, answers. It knows no socket.
public struct TwirpServer: Sendable {
  public static let pathPrefix = "/twirp/"
  /// The largest body. A room's metadata and 64 attributes fit a tenth of it.
  public static let bodyByteLimit = 1024 * 1024

  private let services: [String: [String: TwirpMethod]]
  private let verify: @Sendable (_ token: String) async throws(TokenError) -> AccessToken

  /// - Parameters:
  ///   - services: methods by the full name of their service: `livekit.SIP`.
  ///   - verify: the token when it is a key's of ours and valid at this time.
  public init(
    services: [String: [TwirpMethod]], verify: @escaping @Sendable (String) async throws(TokenError) -> AccessToken
  ) {
    self.services = services.mapValues { methods in
      [String: TwirpMethod](methods.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    }
    self.verify = verify
  }

  public func respond(to request: TwirpRequest) async -> TwirpResponse {
    do throws(TwirpError) {
      return try await answer(request)
    } catch {
      return TwirpResponse(error)
    }
  }

  /// Why a request is refused whatever its body holds. Nil: its body decides, which is read only then.
  public func refusal(of head: TwirpRequest) async -> TwirpResponse? {
    do throws(TwirpError) {
      _ = try await admit(head)
      return nil
    } catch {
      return TwirpResponse(error)
    }
  }

  /// What is wrong with a request whose body was not read.
  public static func bodyTooLarge() -> TwirpResponse {
    TwirpResponse(TwirpError(.invalidArgument, "the body has more than \(bodyByteLimit) bytes"))
  }

  public static func bodyTooSlow() -> TwirpResponse {
    TwirpResponse(TwirpError(.deadlineExceeded, "the body did not come in time"))
  }

  public static func tooManyBodies() -> TwirpResponse {
    TwirpResponse(TwirpError(.unavailable, "too many requests are being read at the moment"))
  }

  private func answer(_ request: TwirpRequest) async throws(TwirpError) -> TwirpResponse {
    let (method, coding, caller) = try await admit(request)
    guard request.body.count <= Self.bodyByteLimit else {
      throw TwirpError(.invalidArgument, "the body has more than \(Self.bodyByteLimit) bytes")
    }
    return try await method.answer(request.body, coding, caller)
  }

  /// The method, and who asks for it. Thrown: what is wrong besides the body.
  private func admit(
    _ request: TwirpRequest
  ) async throws(TwirpError) -> (method: TwirpMethod, coding: TwirpCoding, caller: APICaller) {
    let method = try method(for: request)
    guard let coding = TwirpCoding(contentType: request.contentType) else {
      throw Self.badRoute(
        request, "expected Content-Type application/json or application/protobuf, not \"\(request.contentType)\"")
    }
    let token: AccessToken
    do throws(TokenError) {
      token = try await verify(Self.bearer(request.authorization))
    } catch {
      throw TwirpError(.unauthenticated, error.reason)
    }
    let caller = APICaller(apiKey: token.apiKey, grants: token.grants)
    if let missing = method.refusal(caller) { throw missing }
    return (method, coding, caller)
  }

  private func method(for request: TwirpRequest) throws(TwirpError) -> TwirpMethod {
    let parts = request.path.dropFirst(Self.pathPrefix.count).split(separator: "/", omittingEmptySubsequences: false)
    guard request.path.hasPrefix(Self.pathPrefix), parts.count == 2 else {
      throw Self.badRoute(request, "expected a path of the form /twirp/livekit.Service/Method")
    }
    guard request.method == "POST" else { throw Self.badRoute(request, "expected POST") }
    guard let methods = services[String(parts[0])] else {
      guard parts[0].hasPrefix("livekit."), parts[0].utf8.count <= 100 else {
        throw Self.badRoute(request, "there is no such service")
      }
      let names = services.keys.filter { $0.hasPrefix("livekit.") }.sorted().joined(separator: ", ")
      throw TwirpError(.unimplemented, "this gateway has no service \(parts[0]); it has \(names)")
    }
    guard let method = methods[String(parts[1])] else {
      throw Self.badRoute(request, "service \(parts[0]) has no such method")
    }
    return method
  }

  /// Twirp's error for a request that reaches no method, with the meta key that its clients look for.
  private static func badRoute(_ request: TwirpRequest, _ message: String) -> TwirpError {
    let path = String(decoding: request.path.utf8.prefix(200), as: UTF8.self)
    return TwirpError(.badRoute, message, meta: ["twirp_invalid_route": "\(request.method) \(path)"])
  }

  private static func bearer(_ header: String) -> String {
    let scheme = "bearer "
    guard header.prefix(scheme.count).lowercased() == scheme else { return "" }
    return String(header.dropFirst(scheme.count).drop { $0 == " " })
  }
}
