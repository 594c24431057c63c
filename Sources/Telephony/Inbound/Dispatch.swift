/// A call that is let in: where it goes, as whom, and how it lives.
public struct Dispatch: Hashable, Sendable {
  /// Empty when no trunk matched and that is allowed.
  public var trunkID: String
  public var trunkLabel: String
  public var ruleID: String
  public var ruleLabel: String
  public var roomName: String
  public var roomPreset: String
  public var roomConfiguration: RoomConfiguration?
  public var participant: ParticipantProfile
  public var pass: RoomPass
  public var policy: CallPolicy
  /// The trunk's, overlaid by the rule's.
  public var media: MediaOptions
  /// Fixed headers for the 200 OK.
  public var headers: [String: String]
  /// Participant attribute → header of 200, BYE and final errors.
  public var attributesToHeaders: [String: String]
  public var krispEnabled: Bool
  public var transfer: TransferPolicy

  public init(
    trunkID: String, trunkLabel: String, ruleID: String, ruleLabel: String, roomName: String, roomPreset: String = "",
    roomConfiguration: RoomConfiguration? = nil, participant: ParticipantProfile, pass: RoomPass = RoomPass(),
    policy: CallPolicy, media: MediaOptions = MediaOptions(), headers: [String: String] = [:],
    attributesToHeaders: [String: String] = [:], krispEnabled: Bool = false,
    transfer: TransferPolicy = TransferPolicy()
  ) {
    self.trunkID = trunkID
    self.trunkLabel = trunkLabel
    self.ruleID = ruleID
    self.ruleLabel = ruleLabel
    self.roomName = roomName
    self.roomPreset = roomPreset
    self.roomConfiguration = roomConfiguration
    self.participant = participant
    self.pass = pass
    self.policy = policy
    self.media = media
    self.headers = headers
    self.attributesToHeaders = attributesToHeaders
    self.krispEnabled = krispEnabled
    self.transfer = transfer
  }
}

/// A rule with a PIN was chosen: the call is answered and the PIN asked for before it has a room.
public struct PINRequest: Hashable, Sendable {
  public var trunkID: String
  public var trunkLabel: String
  public var ruleID: String
  public var ruleLabel: String
  public var policy: CallPolicy
  public var media: MediaOptions
  public var headers: [String: String]

  public init(
    trunkID: String, trunkLabel: String, ruleID: String, ruleLabel: String, policy: CallPolicy,
    media: MediaOptions = MediaOptions(), headers: [String: String] = [:]
  ) {
    self.trunkID = trunkID
    self.trunkLabel = trunkLabel
    self.ruleID = ruleID
    self.ruleLabel = ruleLabel
    self.policy = policy
    self.media = media
    self.headers = headers
  }
}

/// What the caller has keyed in so far.
public enum PINEntry: Hashable, Sendable {
  case notAsked
  /// `#` alone: open rules only.
  case skipped
  case entered(String)
}

/// What becomes of an INVITE.
public enum DispatchOutcome: Hashable, Sendable {
  case accept(Dispatch)
  case requestPIN(PINRequest)
  case refuse(Refusal)
}

/// What holds for all calls.
public struct DispatchOptions: Hashable, Sendable {
  /// A call that matches no trunk may still match a rule without trunks (`accept_unmatched_trunk`).
  public var acceptUnmatchedTrunk: Bool
  /// An entry of `allowed_addresses` that equals the host of From lets the call in, as LiveKit does. From proves nothing.
  public var trustsFromHost: Bool
  public var policy: CallPolicy

  public init(acceptUnmatchedTrunk: Bool = false, trustsFromHost: Bool = true, policy: CallPolicy = CallPolicy()) {
    self.acceptUnmatchedTrunk = acceptUnmatchedTrunk
    self.trustsFromHost = trustsFromHost
    self.policy = policy
  }
}
