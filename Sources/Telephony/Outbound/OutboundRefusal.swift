/// Why a call is not placed at all.
public struct OutboundRefusal: Error, Hashable, Sendable {
  /// A closed list, for logs, and for the API's error, whose `limit` it is where it is one.
  public enum Reason: String, Sendable, Hashable, CaseIterable {
    /// A field of the request is missing or wrong.
    case invalidField = "invalid-field"
    /// A field asks for what this version does not have.
    case unavailable
    case noTrunk = "no-trunk"
    case severalTrunks = "several-trunks"
    /// Calls per second and calls at a time, of a trunk, of an API key, of the gateway.
    case trunkRate = "trunk-rate"
    case trunkCalls = "trunk-calls"
    case keyRate = "key-rate"
    case keyCalls = "key-calls"
    case totalRate = "total-rate"
    case totalCalls = "total-calls"
    case destination
    case doNotCall = "do-not-call"
    case callingHours = "calling-hours"
    case draining

    public var code: RPCCode {
      switch self {
      case .invalidField, .unavailable, .severalTrunks: .invalidArgument
      case .noTrunk: .notFound
      case .trunkRate, .trunkCalls, .keyRate, .keyCalls, .totalRate, .totalCalls: .resourceExhausted
      case .destination, .doNotCall: .permissionDenied
      case .callingHours: .failedPrecondition
      case .draining: .unavailable
      }
    }

    /// Another time or for another number the call would be placed.
    var isLimit: Bool {
      switch self {
      case .trunkRate, .trunkCalls, .keyRate, .keyCalls, .totalRate, .totalCalls, .destination, .doNotCall,
        .callingHours:
        true
      case .invalidField, .unavailable, .noTrunk, .severalTrunks, .draining: false
      }
    }
  }

  public var reason: Reason
  /// The field of the request, in LiveKit's spelling: `sip_call_to`. Empty when no single one is meant.
  public var field: String
  /// Names the trunk and the limit. Holds numbers.
  public var sentence: String

  public init(_ reason: Reason, field: String = "", _ sentence: String) {
    self.reason = reason
    self.field = field
    self.sentence = sentence
  }

  public var error: CallError {
    var error = CallError(reason.code, sentence)
    if reason.isLimit { error.details["limit"] = reason.rawValue }
    if reason.code == .invalidArgument, !field.isEmpty { error.details["argument"] = field }
    return error
  }

  static func invalid(_ field: String, _ sentence: String) -> OutboundRefusal {
    OutboundRefusal(.invalidField, field: field, sentence)
  }

  static func unavailable(_ field: String, _ sentence: String) -> OutboundRefusal {
    OutboundRefusal(.unavailable, field: field, sentence)
  }
}
