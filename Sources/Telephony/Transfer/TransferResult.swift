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
