/// A call that we place ourselves to carry out a transfer.
public struct TransferTarget: Hashable, Sendable {
  public enum Purpose: Hashable, Sendable {
    /// Its two phones are joined, outside the room.
    case bridge
    /// It takes the first call's place in the room; the first one's phone asked for it by REFER.
    case takeOver
  }

  /// The call that is transferred.
  public var callID: String
  public var purpose: Purpose
  public var target: ReferTarget
  /// Of the outbound trunk, by id or name (`TransferPolicy.trunk`). Empty: see there.
  public var trunk: String
  /// The outbound trunk of the call that is transferred. Empty for inbound calls.
  public var ownTrunkID: String
  public var headers: [CallFacts.Header]
  public var ringingTimeout: Duration
  /// Of the place that is taken. Empty for a bridge.
  public var roomName: String
  public var identity: String
  /// Whose limits it counts for. Empty: a phone asked for it.
  public var apiKey = ""

  public init(
    callID: String, purpose: Purpose, target: ReferTarget, trunk: String = "", ownTrunkID: String = "",
    headers: [CallFacts.Header] = [], ringingTimeout: Duration = TransferRequest.defaultRingingTimeout,
    roomName: String = "", identity: String = ""
  ) {
    self.callID = callID
    self.purpose = purpose
    self.target = target
    self.trunk = trunk
    self.ownTrunkID = ownTrunkID
    self.headers = headers
    self.ringingTimeout = ringingTimeout
    self.roomName = roomName
    self.identity = identity
  }
}

/// What becomes of such a call, told to the call that is transferred.
public enum TransferTargetEvent: Hashable, Sendable {
  case ringing
  /// It was answered and its media agreed on. Its `SCL_…`.
  case answered(callID: String)
  /// It was not placed, or not answered. Nothing more follows.
  case failed(CallError)
  /// It was answered and is over. Nothing more follows.
  case ended
}
