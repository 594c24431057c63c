/// Why an INVITE did not become a call. The closed list: every refusal has exactly one of these.
public enum RefusalReason: String, Sendable, Hashable, CaseIterable {
  case malformedRequest = "malformed-request"
  case flood
  case noTrunk = "no-trunk"
  case severalTrunks = "several-trunks"
  case unauthorized
  /// The cluster that knows trunks and rules could not be asked.
  case clusterUnavailable = "cluster-unavailable"
  /// The cluster allows no more calls.
  case quotaExceeded = "quota-exceeded"
  case noRule = "no-dispatch"
  case conflictingRules = "conflicting-rules"
  case atCapacity = "at-capacity"
  case draining
  case sdpError = "sdp-error"
  case noCommonCodec = "no-common-codec"
  case noCommonCrypto = "no-common-crypto"
  case mediaFailed = "media-failed"
  case roomFull = "room-full"
  /// The server that has the room could not be reached.
  case roomsUnavailable = "rooms-unavailable"
  case joinFailed = "join-failed"
  case nobodyJoined = "no-answer"
  case noTrackSubscribed = "cannot-subscribe"
  case noAgent = "no-agent"
  case transportFailed = "transport-failed"
  case removed
  case roomDeleted = "room-deleted"
  case shutdown

  /// What the caller gets. A stranger (`noTrunk`) learns no more than that nobody is here.
  public var status: SIPStatus {
    switch self {
    case .malformedRequest: SIPStatus(400, "Bad Request")
    case .sdpError: SIPStatus(400, "Bad Session Description")
    case .unauthorized: SIPStatus(403, "Forbidden")
    case .noTrunk, .noRule: SIPStatus(404, "Not Found")
    case .nobodyJoined: SIPStatus(480, "Temporarily Unavailable")
    case .roomFull, .joinFailed, .noTrackSubscribed, .noAgent, .removed, .roomDeleted: SIPStatus(486, "Busy Here")
    case .noCommonCodec, .noCommonCrypto: SIPStatus(488, "Not Acceptable Here")
    case .mediaFailed: SIPStatus(500, "Server Internal Error")
    case .flood, .severalTrunks, .conflictingRules, .clusterUnavailable, .quotaExceeded, .atCapacity, .draining,
      .roomsUnavailable, .transportFailed, .shutdown:
      SIPStatus(503, "Service Unavailable")
    }
  }

  /// Seconds for a Retry-After header (RFC 3261 §20.33).
  public var retryAfterSeconds: Int? {
    switch self {
    case .flood, .atCapacity: 1
    case .clusterUnavailable, .roomsUnavailable: 5
    case .draining, .shutdown, .quotaExceeded: 10
    default: nil
    }
  }

  /// One sentence for people, without the particulars of the call.
  public var sentence: String {
    switch self {
    case .malformedRequest: "the INVITE breaks RFC 3261"
    case .flood: "the source sends more INVITEs than it may"
    case .noTrunk: "no inbound trunk takes the call"
    case .severalTrunks: "more than one inbound trunk takes the call"
    case .unauthorized: "the credentials were wrong twice"
    case .clusterUnavailable: "the cluster could not be asked about the call"
    case .quotaExceeded: "the cluster allows no more calls"
    case .noRule: "no dispatch rule takes the call"
    case .conflictingRules: "two dispatch rules have the same trunk, numbers and PIN"
    case .atCapacity: "the gateway carries as many calls as it may"
    case .draining: "the gateway is about to stop and takes no new calls"
    case .sdpError: "the session description cannot be read"
    case .noCommonCodec: "the caller offers no codec that is allowed here"
    case .noCommonCrypto: "the trunk demands encryption that the caller does not offer"
    case .mediaFailed: "the gateway could not open a media port"
    case .roomFull: "the room has as many participants as it may"
    case .roomsUnavailable: "the room server could not be reached"
    case .joinFailed: "the caller could not join the room"
    case .nobodyJoined: "nobody joined the room while the phone rang"
    case .noAgent: "no agent took the call while the phone rang"
    case .noTrackSubscribed: "nobody in the room published audio while the phone rang"
    case .transportFailed: "the caller could no longer be reached"
    case .removed: "the caller was removed from the room while the phone rang"
    case .roomDeleted: "the room was deleted while the phone rang"
    case .shutdown: "the gateway stopped while the phone rang"
    }
  }
}

/// One refusal with its particulars.
public struct Refusal: Hashable, Sendable {
  public var reason: RefusalReason
  /// Names the trunk or rule that came nearest and the condition that failed, where there is one. Holds numbers.
  public var sentence: String
  /// Text of a Warning header (RFC 3261 §20.43), as 488 demands.
  public var warning: String?

  public init(_ reason: RefusalReason, sentence: String? = nil, warning: String? = nil) {
    self.reason = reason
    self.sentence = sentence ?? reason.sentence
    self.warning = warning
  }

  public var status: SIPStatus { reason.status }
}
