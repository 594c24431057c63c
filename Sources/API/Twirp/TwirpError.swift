/// Why a request failed, in Twirp's terms: `{"code": …, "msg": …, "meta": {…}}` and an HTTP status.
public struct TwirpError: Error, Hashable, Sendable {
  /// Twirp's closed list of codes, with the HTTP status of each.
  public enum Code: String, Hashable, Sendable, CaseIterable {
    case canceled
    case unknown
    case invalidArgument = "invalid_argument"
    case malformed
    case deadlineExceeded = "deadline_exceeded"
    case notFound = "not_found"
    case badRoute = "bad_route"
    case alreadyExists = "already_exists"
    case permissionDenied = "permission_denied"
    case unauthenticated
    case resourceExhausted = "resource_exhausted"
    case failedPrecondition = "failed_precondition"
    case aborted
    case outOfRange = "out_of_range"
    case unimplemented
    case `internal`
    case unavailable
    case dataLoss = "dataloss"

    public var httpStatus: Int {
      switch self {
      case .canceled, .deadlineExceeded: 408
      case .invalidArgument, .malformed, .outOfRange: 400
      case .notFound, .badRoute: 404
      case .alreadyExists, .aborted: 409
      case .permissionDenied: 403
      case .unauthenticated: 401
      case .resourceExhausted: 429
      case .failedPrecondition: 412
      case .unimplemented: 501
      case .unavailable: 503
      case .unknown, .internal, .dataLoss: 500
      }
    }
  }

  public var code: Code
  /// One sentence for whoever wrote the request.
  public var message: String
  public var meta: [String: String]

  public init(_ code: Code, _ message: String, meta: [String: String] = [:]) {
    self.code = code
    self.message = message
    self.meta = meta
  }

  /// What the other side of a call answered (`livekit.SIPStatus`): `sip status 486: Busy Here`, with the meta keys that
  /// LiveKit's SDKs read. `code` is that of livekit-wire 3.6 for the status.
  public static func sip(_ code: Code, status: Int, reason: String) -> TwirpError {
    TwirpError(
      code, "sip status \(status): \(reason)",
      meta: [sipStatusCodeKey: "\(status)", sipStatusKey: reason])
  }

  public static let sipStatusCodeKey = "sip_status_code"
  public static let sipStatusKey = "sip_status"
}
