/// Why a call ended. The closed list of call records: `code` is one of `allCodes`.
public enum EndReason: Sendable, Hashable {
  /// It never was answered.
  case refused(RefusalReason)
  /// The caller gave up before the answer, or while it was on its way.
  case cancelled
  /// The phone hung up.
  case hangup
  /// A call that we placed was not answered.
  case dialFailed(DialFailure.Kind)
  /// The phone talks to someone else, by REFER.
  case transferred
  /// The other phone of a bridge hung up.
  case bridgeEnded
  /// Another call has its place in the room.
  case replaced
  case roomDeleted
  /// The server that has the room was out of reach for too long.
  case roomLost
  case removed
  /// Everyone else had left the room.
  case alone
  /// Someone in the room asked for the end.
  case endRequested
  case maxDuration
  case mediaTimeout
  case mediaFailed
  case joinFailed
  case noAcknowledgement
  case wrongPIN
  /// The caller heard that no agent is there.
  case noAgent
  case transportFailed
  case terminated
  case shutdown

  public var code: String {
    switch self {
    case .refused(let reason): reason.rawValue
    case .dialFailed(let kind): kind.rawValue
    case .transferred: "transferred"
    case .bridgeEnded: "bridge-ended"
    case .replaced: "replaced"
    case .cancelled: "cancelled"
    case .hangup: "hangup"
    case .roomDeleted: "room-deleted"
    case .roomLost: "room-lost"
    case .removed: "removed"
    case .alone: "alone"
    case .endRequested: "end-requested"
    case .maxDuration: "max-call-duration"
    case .mediaTimeout: "media-timeout"
    case .mediaFailed: "media-failed"
    case .joinFailed: "join-failed"
    case .noAcknowledgement: "no-ack"
    case .wrongPIN: "wrong-pin"
    case .noAgent: RefusalReason.noAgent.rawValue
    case .transportFailed: "transport-failed"
    case .terminated: "terminated"
    case .shutdown: "shutdown"
    }
  }

  /// Every code, without repetition: some ends happen to ringing and to answered calls.
  public static let allCodes: Set<String> = Set(
    RefusalReason.allCases.map(\.rawValue) + DialFailure.Kind.allCases.map(\.rawValue)
      + [
        EndReason.transferred, .bridgeEnded, .replaced, .cancelled, .hangup, .roomDeleted, .roomLost, .removed, .alone,
        .endRequested, .maxDuration, .mediaTimeout,
        .mediaFailed, .joinFailed, .noAcknowledgement, .wrongPIN, .noAgent, .transportFailed, .terminated, .shutdown,
      ].map(\.code))

  /// One sentence for people. The other side is the caller of an inbound call and the callee of one that we placed.
  public func sentence(_ direction: CallDirection = .inbound) -> String {
    let phone = direction == .inbound ? "the caller" : "the callee"
    return switch self {
    case .refused(let reason): reason.sentence
    case .dialFailed(let kind): kind.sentence
    case .transferred: "\(phone) was transferred"
    case .bridgeEnded: "the other side of the bridge hung up"
    case .replaced: "another call took its place"
    case .cancelled: "the caller gave up before the call was answered"
    case .hangup: "\(phone) hung up"
    case .roomDeleted: "the room was deleted"
    case .roomLost: "the room could not be reached any longer"
    case .removed: "\(phone) was removed from the room"
    case .alone: "everyone else had left the room"
    case .endRequested: "a participant of the room ended the call"
    case .maxDuration: "the call lasted as long as it may"
    case .mediaTimeout: "the phone sent no more sound"
    case .mediaFailed: "the media of the call failed"
    case .joinFailed: "\(phone) could not join the room"
    case .noAcknowledgement: "the caller never acknowledged the answer"
    case .wrongPIN: "the PIN was wrong or not entered in time"
    case .noAgent: "no agent came, and the caller was told so"
    case .transportFailed: "\(phone) could no longer be reached"
    case .terminated: "the SIP stack gave the call up"
    case .shutdown: "the gateway stopped"
    }
  }

  /// What the room learns about the participant that left.
  public var disconnectReason: DisconnectReason {
    switch self {
    case .dialFailed(let kind): kind.disconnectReason
    case .mediaTimeout, .mediaFailed: .mediaFailure
    case .roomDeleted: .roomDeleted
    case .removed: .participantRemoved
    case .shutdown: .serverShutdown
    case .joinFailed: .joinFailure
    case .transportFailed: .sipTrunkFailure
    case .noAcknowledgement, .terminated, .roomLost: .connectionTimeout
    case .noAgent: .userUnavailable
    case .refused(let reason):
      switch reason {
      case .roomDeleted: .roomDeleted
      case .removed: .participantRemoved
      case .shutdown: .serverShutdown
      case .mediaFailed, .sdpError, .noCommonCodec, .noCommonCrypto: .mediaFailure
      case .transportFailed: .sipTrunkFailure
      case .roomFull, .joinFailed, .roomsUnavailable: .joinFailure
      default: .clientInitiated
      }
    case .cancelled, .hangup, .transferred, .bridgeEnded, .replaced, .alone, .endRequested, .maxDuration, .wrongPIN:
      .clientInitiated
    }
  }

  /// `livekit-sip` tells the room `hangup` at these ends; at others the last status stays.
  var setsHangupStatus: Bool {
    switch self {
    case .hangup, .cancelled, .mediaTimeout, .alone, .endRequested, .maxDuration, .transferred: true
    default: false
    }
  }
}
