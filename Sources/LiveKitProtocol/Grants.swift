/// What an access token lets its holder do, and how the holder appears in a room (livekit-wire 5.1).
public struct Grants: Hashable, Sendable {
  /// The token's `sub`: the participant's identity.
  public var identity = ""
  public var name = ""
  public var metadata = ""
  public var attributes: [String: String] = [:]
  public var kind = Livekit_ParticipantInfo.Kind.standard
  public var kindDetails: [String] = []
  public var video = VideoGrant()
  public var sip = SIPGrant()
  /// Base64 of the SHA-256 of the body that the token is sent with (webhooks).
  public var sha256: String?
  /// How the room is set up when this participant's join creates it; `agents` are dispatched then.
  public var roomConfiguration: Livekit_RoomConfiguration?
  public var roomPreset = ""

  public init(identity: String = "", name: String = "") {
    self.identity = identity
    self.name = name
  }
}

/// Rights in rooms. Optional flags are tri-state: absent means the default that the property of the same meaning tells.
public struct VideoGrant: Hashable, Sendable, Codable {
  public var roomCreate: Bool?
  public var roomList: Bool?
  public var roomRecord: Bool?
  public var roomAdmin: Bool?
  public var roomJoin: Bool?
  /// The one room that `roomJoin` and `roomAdmin` are for.
  public var room: String?
  public var canPublish: Bool?
  public var canSubscribe: Bool?
  public var canPublishData: Bool?
  /// `camera`, `microphone`, `screen_share`, `screen_share_audio`; empty or absent means all.
  public var canPublishSources: [String]?
  public var canUpdateOwnMetadata: Bool?
  public var ingressAdmin: Bool?
  public var hidden: Bool?
  public var recorder: Bool?
  public var agent: Bool?
  public var canSubscribeMetrics: Bool?
  public var canManageAgentSession: Bool?
  public var destinationRoom: String?

  public init() {}

  public var mayCreateRooms: Bool { roomCreate ?? false }
  public var mayListRooms: Bool { roomList ?? false }
  public var mayPublish: Bool { canPublish ?? true }
  public var maySubscribe: Bool { canSubscribe ?? true }
  /// Follows `canPublish` when absent, as a LiveKit server has it.
  public var mayPublishData: Bool { canPublishData ?? mayPublish }
  public var mayUpdateOwnMetadata: Bool { canUpdateOwnMetadata ?? false }
  public var isHidden: Bool { hidden ?? false }
  public var isRecorder: Bool { recorder ?? false }
  public var isAgent: Bool { agent ?? false }

  public func mayJoin(_ name: String) -> Bool { roomJoin == true && room == name }
  public func mayAdminister(_ name: String) -> Bool { roomAdmin == true && room == name }

  /// The permissions of a participant who joins with this grant.
  public var permission: Livekit_ParticipantPermission {
    var permission = Livekit_ParticipantPermission()
    permission.canPublish = mayPublish
    permission.canSubscribe = maySubscribe
    permission.canPublishData = mayPublishData
    permission.canUpdateMetadata = mayUpdateOwnMetadata
    permission.hidden = isHidden
    permission.recorder = isRecorder
    permission.agent = isAgent
    permission.canSubscribeMetrics = canSubscribeMetrics ?? false
    permission.canManageAgentSession = canManageAgentSession ?? false
    permission.canPublishSources = (canPublishSources ?? []).compactMap(Livekit_TrackSource.init(grantName:))
    return permission
  }
}

/// Rights in the SIP service.
public struct SIPGrant: Hashable, Sendable, Codable {
  /// Trunks and dispatch rules.
  public var admin: Bool?
  /// Outbound calls and transfers.
  public var call: Bool?

  public init(admin: Bool? = nil, call: Bool? = nil) {
    self.admin = admin
    self.call = call
  }

  public var mayAdminister: Bool { admin ?? false }
  public var mayCall: Bool { call ?? false }
}

extension Livekit_TrackSource {
  /// The name a grant has for this source. Nil for one that no grant names.
  public init?(grantName: String) {
    switch grantName.lowercased() {
    case "camera": self = .camera
    case "microphone": self = .microphone
    case "screen_share": self = .screenShare
    case "screen_share_audio": self = .screenShareAudio
    default: return nil
    }
  }

  /// The name that grants have for this source. Nil for one that no grant names.
  public var grantName: String? {
    switch self {
    case .camera: "camera"
    case .microphone: "microphone"
    case .screenShare: "screen_share"
    case .screenShareAudio: "screen_share_audio"
    case .unknown, .UNRECOGNIZED: nil
    }
  }
}

extension Livekit_ParticipantInfo.Kind {
  /// The token's `kind` claim.
  public var claim: String {
    switch self {
    case .standard, .UNRECOGNIZED: "standard"
    case .ingress: "ingress"
    case .egress: "egress"
    case .sip: "sip"
    case .agent: "agent"
    case .connector: "connector"
    case .bridge: "bridge"
    }
  }

  /// An unknown claim is a standard participant.
  public init(claim: String) { self = Self.allCases.first { $0.claim == claim.lowercased() } ?? .standard }
}
