import LiveKitProtocol
import SwiftProtobuf

/// One method of a service: what it takes, whom it lets in, what it does.
public struct TwirpMethod: Sendable {
  /// Answers the encoded request in the coding of the request.
  typealias Answer =
    @Sendable (_ body: [UInt8], _ coding: TwirpCoding, _ caller: APICaller) async throws(TwirpError) -> TwirpResponse

  let name: String
  /// Why a caller may send no request of this method at all. Nil: its fields decide.
  let refusal: @Sendable (APICaller) -> TwirpError?
  let answer: Answer

  /// - Parameters:
  ///   - rule: what the token must grant for a request.
  ///   - run: called with a request that is well-formed and whose sender may send it.
  public init<Request: Message, Response: Message>(
    _ name: String, needs rule: GrantRule<Request>,
    run: @escaping @Sendable (Request, APICaller) async throws(TwirpError) -> Response
  ) {
    self.init(name, needs: rule) { (request: Request, caller) async throws(TwirpError) in
      Advised(try await run(request, caller))
    }
  }

  /// The same, for a method that may have more to say than its response.
  public init<Request: Message, Response: Message>(
    _ name: String, needs rule: GrantRule<Request>,
    run: @escaping @Sendable (Request, APICaller) async throws(TwirpError) -> Advised<Response>
  ) {
    self.name = name
    refusal = { caller in rule.refusal(of: caller.grants) }
    answer = { (body, coding, caller) async throws(TwirpError) in
      let request: Request = try coding.decode(body)
      if let missing = rule.refusal(of: request, caller.grants) { throw missing }
      let result = try await run(request, caller)
      return TwirpResponse(
        status: 200, contentType: coding.contentType, warnings: result.warnings,
        body: try coding.encode(result.response))
    }
  }
}

/// A response, and sentences about what was done but is likely not meant.
public struct Advised<Response: Sendable>: Sendable {
  public var response: Response
  public var warnings: [String]

  public init(_ response: Response, warnings: [String] = []) {
    self.response = response
    self.warnings = warnings
  }
}

extension TwirpCoding {
  func decode<M: Message>(_ body: [UInt8]) throws(TwirpError) -> M {
    do {
      switch self {
      case .json: return try ProtobufJSON.decode(M.self, from: body)
      case .protobuf: return try M(serializedBytes: body)
      }
    } catch {
      throw TwirpError(.malformed, "the body is not a \(M.protoMessageName) in \(name): \(error)")
    }
  }

  func encode(_ message: some Message) throws(TwirpError) -> [UInt8] {
    do {
      switch self {
      case .json: return try ProtobufJSON.encode(message)
      case .protobuf: return try message.serializedBytes()
      }
    } catch {
      throw TwirpError(.internal, "the response cannot be written in \(name): \(error)")
    }
  }

  private var name: String {
    switch self {
    case .json: "JSON"
    case .protobuf: "protobuf"
    }
  }
}
