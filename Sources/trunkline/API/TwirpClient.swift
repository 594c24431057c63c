import Configuration
import Foundation
import FoundationNetworking
import LiveKitProtocol
import SwiftProtobuf

/// Calls the methods of a gateway, or of a LiveKit server, with tokens of its own.
struct TwirpClient: Sendable {
  let base: URL
  let key: APIKey

  /// Longest wait for an answer to what takes no time of its own.
  private static let timeoutSeconds: Double = 120
  private static let tokenLifetimeSeconds: Int64 = 600

  init(url: String, key: APIKey) throws(CommandFailure) {
    // Rooms are named by ws://, the API by http://; it is one port.
    let text = url.hasPrefix("ws") ? "http" + url.dropFirst(2) : url
    guard let base = URL(string: text), ["http", "https"].contains(base.scheme ?? ""), base.host != nil else {
      throw CommandFailure(.usage, "trunkline: --url \(url): expected http://host:port or ws://host:port")
    }
    self.base = base
    self.key = key
  }

  /// The answer to one request. Warnings of the gateway go to standard error.
  ///
  /// - Parameter ringing: how long the gateway may let a phone ring before it answers.
  func call<Request: Message, Response: Message>(
    _ service: String, _ method: String, _ request: Request, grants: Grants, ringing: Google_Protobuf_Duration = .init()
  ) async throws(CommandFailure) -> Response {
    let timeout = Self.timeoutSeconds + Double(max(ringing.seconds, 0))
    let (data, response) = try await send(service, method, request, grants, timeout)
    guard response.statusCode == 200 else { throw Self.failure(data, response.statusCode) }
    for warning in response.warnings { FileHandle.standardError.write(Data("warning: \(warning)\n".utf8)) }
    do {
      return try Response(serializedBytes: data)
    } catch {
      throw CommandFailure(.failed, "trunkline: \(base.absoluteString) does not speak LiveKit's API")
    }
  }

  private func send(
    _ service: String, _ method: String, _ message: some Message, _ grants: Grants, _ timeout: Double
  ) async throws(CommandFailure) -> (Data, HTTPURLResponse) {
    var request = URLRequest(
      url: base.appending(path: "twirp/\(service)/\(method)"), timeoutInterval: timeout)
    request.httpMethod = "POST"
    request.setValue("application/protobuf", forHTTPHeaderField: "Content-Type")
    request.setValue("Bearer \(try await token(grants))", forHTTPHeaderField: "Authorization")
    let session = URLSession(configuration: .ephemeral)
    defer { session.finishTasksAndInvalidate() }
    do {
      request.httpBody = try message.serializedBytes()
      let (data, response) = try await session.data(for: request)
      guard let response = response as? HTTPURLResponse else { throw URLError(.badServerResponse) }
      return (data, response)
    } catch {
      throw CommandFailure(
        .failed, "trunkline: \(base.absoluteString) does not answer: is the gateway running, and --url right?")
    }
  }

  private func token(_ grants: Grants) async throws(CommandFailure) -> String {
    let now = Int64(Date().timeIntervalSince1970)
    do {
      return try await AccessToken(
        apiKey: key.name, grants: grants, notBefore: now, expires: now + Self.tokenLifetimeSeconds
      ).signed(with: key.secret)
    } catch {
      throw CommandFailure(.failed, "trunkline: \(error.reason)")
    }
  }

  private struct ErrorBody: Decodable {
    let code: String
    let msg: String
  }

  private static func failure(_ data: Data, _ status: Int) -> CommandFailure {
    guard let body = try? JSONDecoder().decode(ErrorBody.self, from: data) else {
      return CommandFailure(.failed, "trunkline: the server answered HTTP \(status)")
    }
    return CommandFailure(.failed, "trunkline: \(body.msg.singleLine) (\(body.code))")
  }
}

extension HTTPURLResponse {
  fileprivate var warnings: [String] {
    (value(forHTTPHeaderField: "Trunkline-Warning").map { [$0.singleLine] }) ?? []
  }
}

extension String {
  /// Without anything that a terminal would act on, or that turns the direction of writing.
  var singleLine: String {
    String(
      String.UnicodeScalarView(
        unicodeScalars.map { scalar in
          switch scalar.value {
          case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: " "
          default: scalar
          }
        }))
  }
}

extension Grants {
  static var sipAdmin: Grants {
    var grants = Grants()
    grants.sip.admin = true
    return grants
  }

  static var sipCall: Grants {
    var grants = Grants()
    grants.sip.call = true
    return grants
  }

  static var rooms: Grants {
    var grants = Grants()
    grants.video.roomCreate = true
    grants.video.roomList = true
    return grants
  }

  static func roomAdmin(_ room: String) -> Grants {
    var grants = Grants()
    grants.video.roomAdmin = true
    grants.video.room = room
    return grants
  }
}
