/// What a program asks for with `TransferSIPParticipant`.
public struct TransferRequest: Hashable, Sendable {
  /// Told apart from other requests about the same call; chosen by whoever waits for the result.
  public typealias ID = UInt64

  /// When the request names none; what LiveKit's server waits.
  public static let defaultRingingTimeout: Duration = .seconds(30)

  public var id: ID
  /// `STR_…`
  public var transferID: String
  public var target: ReferTarget
  /// The caller hears ringback instead of the room meanwhile.
  public var playDialtone: Bool
  /// Headers of the REFER, or of the INVITE of a bridge.
  public var headers: [CallFacts.Header]
  public var ringingTimeout: Duration

  public init(
    id: ID, transferID: String, target: ReferTarget, playDialtone: Bool = false, headers: [CallFacts.Header] = [],
    ringingTimeout: Duration = TransferRequest.defaultRingingTimeout
  ) {
    self.id = id
    self.transferID = transferID
    self.target = target
    self.playDialtone = playDialtone
    self.headers = headers
    self.ringingTimeout = ringingTimeout
  }

  /// Checks the fields of the API's message. Room and participant are looked up by the caller.
  public static func make(
    id: ID, transferID: String, roomName: String, participantIdentity: String, transferTo: String, playDialtone: Bool,
    headers: [String: String], ringingTimeout: Duration?
  ) throws(CallError) -> TransferRequest {
    throw CallError(.invalidArgument, "not yet")
  }
}

/// How a transfer ended (`TransferSIPParticipantResponse`).
public struct TransferResult: Hashable, Sendable {
  /// `SIPTransferReason`
  public enum Reason: Int, Sendable, Hashable, CaseIterable {
    case unspecified = 0
    case completed = 1
    case callEnded = 2
    case rejected = 3
    case ringingTimeout = 4
    case subscriptionTerminated = 5
    case canceled = 6
  }

  public var transferID: String
  public var reason: Reason
  public var sipStatus: SIPStatus?
  /// Nil: the transfer succeeded.
  public var error: CallError?
  public var isSuccess: Bool { error == nil }

  public init(transferID: String, reason: Reason, sipStatus: SIPStatus? = nil, error: CallError? = nil) {
    self.transferID = transferID
    self.reason = reason
    self.sipStatus = sipStatus
    self.error = error
  }
}
