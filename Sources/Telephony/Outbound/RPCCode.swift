/// Codes of the API's errors, spelled as Twirp spells them.
public enum RPCCode: String, Sendable, Hashable, CaseIterable {
  case canceled
  case unknown
  case invalidArgument = "invalid_argument"
  case deadlineExceeded = "deadline_exceeded"
  case notFound = "not_found"
  case permissionDenied = "permission_denied"
  case unauthenticated
  case resourceExhausted = "resource_exhausted"
  case failedPrecondition = "failed_precondition"
  case aborted
  case outOfRange = "out_of_range"
  case unimplemented
  case `internal`
  case unavailable

  /// What a program is told about a call or a transfer that met with this SIP status, as LiveKit maps them.
  public init(sipStatus code: Int) {
    switch code {
    case ..<200: self = .unknown
    case 301, 302, 404, 410, 481, 604: self = .notFound
    case 401, 402, 403, 433, 470, 603, 607, 608: self = .permissionDenied
    case 407, 428, 436, 437, 438, 494: self = .unauthenticated
    case 408, 504: self = .deadlineExceeded
    case 505, 513: self = .invalidArgument
    case 409, 412, 482, 483, 500..<600: self = .failedPrecondition
    case 416: self = .outOfRange
    case 440, 480, 486, 600: self = .resourceExhausted
    case 487, 491: self = .aborted
    default: self = .invalidArgument
    }
  }
}
