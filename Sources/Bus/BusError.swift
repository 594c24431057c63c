import SwiftProtobuf

/// Why a request failed, as it travels in a response.
public struct BusError: Error, Hashable, Sendable {
  /// The codes that psrpc knows; an unknown one reads as `unknown`.
  public enum Code: String, Hashable, Sendable, CaseIterable {
    case canceled
    case malformedRequest = "malformed_request"
    case malformedResponse = "malformed_response"
    case deadlineExceeded = "deadline_exceeded"
    case unavailable
    case unknown
    case invalidArgument = "invalid_argument"
    case notFound = "not_found"
    case notAcceptable = "not_acceptable"
    case alreadyExists = "already_exists"
    case permissionDenied = "permission_denied"
    case resourceExhausted = "resource_exhausted"
    case failedPrecondition = "failed_precondition"
    case aborted
    case outOfRange = "out_of_range"
    case unimplemented
    case `internal`
    case dataLoss = "data_loss"
    case unauthenticated
    case unprocessableEntity = "unprocessable_entity"
    case upstreamServerError = "upstream_server_error"
    case upstreamClientError = "upstream_client_error"
  }

  public var code: Code
  public var message: String
  /// Messages that say more, such as `livekit.SIPStatus`.
  public var details: [Google_Protobuf_Any]

  public init(_ code: Code, _ message: String, details: [Google_Protobuf_Any] = []) {
    self.code = code
    self.message = message
    self.details = details
  }

  /// Nobody offered to serve.
  static let noResponse = BusError(.unavailable, "no response from servers")
  static let timedOut = BusError(.deadlineExceeded, "request timed out")

  /// Nobody has served the request, as far as is known: a request without consequences may be made again.
  public var isTransient: Bool { code == .unavailable || code == .deadlineExceeded }
}
