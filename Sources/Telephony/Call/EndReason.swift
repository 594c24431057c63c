/// Why a call ended. The closed list of call records: `code` is one of `allCodes`.
public enum EndReason: Sendable, Hashable {
  /// It never was answered.
  case refused(RefusalReason)
  /// The caller gave up before the answer, or while it was on its way.
  case cancelled
  /// The caller hung up.
  case hangup
  case roomDeleted
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
  case transportFailed
  case terminated
  case shutdown

  public var code: String {
    switch self {
    case .refused(let reason): reason.rawValue
    case .cancelled: "cancelled"
    case .hangup: "hangup"
    case .roomDeleted: "room-deleted"
    case .removed: "removed"
    case .alone: "alone"
    case .endRequested: "end-requested"
    case .maxDuration: "max-call-duration"
    case .mediaTimeout: "media-timeout"
    case .mediaFailed: "media-failed"
    case .joinFailed: "join-failed"
    case .noAcknowledgement: "no-ack"
    case .wrongPIN: "wrong-pin"
    case .transportFailed: "transport-failed"
    case .terminated: "terminated"
    case .shutdown: "shutdown"
    }
  }

  /// Every code, without repetition: some ends happen to ringing and to answered calls.
  public static let allCodes: Set<String> = Set(
    RefusalReason.allCases.map(\.rawValue)
      + [
        EndReason.cancelled, .hangup, .roomDeleted, .removed, .alone, .endRequested, .maxDuration, .mediaTimeout,
        .mediaFailed, .joinFailed, .noAcknowledgement, .wrongPIN, .transportFailed, .terminated, .shutdown,
      ].map(\.code))

  /// One sentence for people.
  public var sentence: String {
    switch self {
    case .refused(let reason): reason.sentence
    case .cancelled: "the caller gave up before the call was answered"
    case .hangup: "the caller hung up"
    case .roomDeleted: "the room was deleted"
    case .removed: "the caller was removed from the room"
    case .alone: "everyone else had left the room"
    case .endRequested: "a participant of the room ended the call"
    case .maxDuration: "the call lasted as long as it may"
    case .mediaTimeout: "the phone sent no more sound"
    case .mediaFailed: "the media of the call failed"
    case .joinFailed: "the caller could not join the room"
    case .noAcknowledgement: "the caller never acknowledged the answer"
    case .wrongPIN: "the PIN was wrong or not entered in time"
    case .transportFailed: "the caller could no longer be reached"
    case .terminated: "the SIP stack gave the call up"
    case .shutdown: "the gateway stopped"
    }
  }

  /// `livekit-sip` tells the room `hangup` at these ends; at others the last status stays.
  var setsHangupStatus: Bool {
    switch self {
    case .hangup, .cancelled, .mediaTimeout, .alone, .endRequested, .maxDuration: true
    default: false
    }
  }
}
