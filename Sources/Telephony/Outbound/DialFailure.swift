/// Why a call that we placed was not answered.
public struct DialFailure: Error, Hashable, Sendable {
  /// The closed list of call records, in LiveKit's spelling where it has one.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case authRequired = "auth-required"
    case forbidden
    case notFound = "not-found"
    case requestTimeout = "request-timeout"
    case unavailable
    case busy
    case notAcceptable = "not-acceptable"
    case clientError = "client-error"
    case upstreamServerError = "upstream-server-error"
    case cpsLimitExceeded = "cps-limit-exceeded"
    case concurrentLimitExceeded = "concurrent-limit-exceeded"
    case carrierBlocked = "carrier-blocked"
    case globalDecline = "global-decline"
    /// It rang for `ringing_timeout`.
    case noAnswer = "no-answer"
    /// The trunk's host has no address.
    case unresolved
    /// No target could be connected to.
    case unreachable
  }

  public var kind: Kind
  /// The final response. Nil when none came.
  public var status: SIPStatus?
  /// One sentence for people.
  public var sentence: String

  public init(_ kind: Kind, status: SIPStatus? = nil, sentence: String? = nil) {
    self.kind = kind
    self.status = status
    self.sentence = sentence ?? kind.sentence
  }

  /// What a final response of 300 or more means.
  ///
  /// - Parameter hints: texts that providers put beside a status: the body, `Reason`, `Warning`, `X-Twilio-Error`.
  public init(status: SIPStatus, hints: [String] = []) {
    let kind = Kind(status: status.code, hints: hints)
    self.init(kind, status: status, sentence: "\(kind.sentence): \(status)")
  }

  public var disconnectReason: DisconnectReason { kind.disconnectReason }

  public var error: CallError {
    if let status { return CallError(sipStatus: status) }
    let code: RPCCode =
      switch kind {
      case .noAnswer, .requestTimeout: .deadlineExceeded
      case .unresolved: .invalidArgument
      default: .unavailable
      }
    return CallError(code, sentence)
  }
}

extension DialFailure.Kind {
  /// One sentence for people.
  var sentence: String {
    switch self {
    case .authRequired: "the trunk did not take the credentials"
    case .forbidden: "the trunk forbade the call"
    case .notFound: "the trunk does not know the number"
    case .requestTimeout: "the trunk did not answer in time"
    case .unavailable: "the callee is not available"
    case .busy: "the callee is busy"
    case .notAcceptable: "the callee takes none of our codecs"
    case .clientError: "the trunk refused the call"
    case .upstreamServerError: "the trunk failed"
    case .cpsLimitExceeded: "the provider takes no more calls a second"
    case .concurrentLimitExceeded: "the provider takes no more calls at a time"
    case .carrierBlocked: "the callee's carrier blocks the call"
    case .globalDecline: "the callee declined"
    case .noAnswer: "the callee did not answer in time"
    case .unresolved: "the trunk's host has no address"
    case .unreachable: "the trunk cannot be reached"
    }
  }

  fileprivate init(status code: Int, hints: [String]) {
    let hints = hints.map { $0.lowercased() }
    // Twilio's error for a number that its carriers block.
    if hints.contains(where: { $0.contains("32203") }) {
      self = .carrierBlocked
      return
    }
    switch code {
    case 401, 407: self = .authRequired
    case 403: self = .forbidden
    case 404: self = .notFound
    case 408: self = .requestTimeout
    case 480: self = .unavailable
    case 486: self = .busy
    case 488: self = .notAcceptable
    case 500..<600:
      if hints.contains(where: { $0.contains("cps limit exceeded") }) {
        self = .cpsLimitExceeded
      } else if hints.contains(where: { $0.contains("concurrent call limit exceeded") }) {
        self = .concurrentLimitExceeded
      } else {
        self = .upstreamServerError
      }
    case 600...: self = .globalDecline
    default: self = .clientError
    }
  }

  var disconnectReason: DisconnectReason {
    switch self {
    case .authRequired, .forbidden, .busy, .notAcceptable, .globalDecline, .carrierBlocked: .userRejected
    case .notFound, .requestTimeout, .unavailable, .clientError, .noAnswer: .userUnavailable
    case .upstreamServerError, .cpsLimitExceeded, .concurrentLimitExceeded, .unresolved, .unreachable:
      .sipTrunkFailure
    }
  }
}
