import Base
import Telephony

/// Everything that decides how one process runs, read once at start from one YAML file and the environment.
///
/// Values here are checked: whoever reads them needs no further validation. `conf/trunkline.yaml` describes each key.
public struct GatewayConfiguration: Sendable, Equatable {
  /// The file it came from, for the log; nil when everything is a default.
  public var file: String?
  /// Who may mint tokens (`keys`, and `api_key`/`api_secret`). Never empty; the first one signs what we mint.
  public var keys = [APIKey.development]
  /// Where call records and other lasting data are kept (`data_dir`).
  public var dataDirectory = "data"
  /// How long a drain waits for running calls before it ends them (`drain_timeout`). Nil: as long as they last.
  public var drainTimeout: Duration? = .seconds(600)
  public var sip = SIPSettings()
  public var media = MediaSettings()
  public var room = RoomSettings()
  public var web = WebSettings()
  /// `accept_unmatched_trunk`, `answer_policy`, `ringing_timeout` and the other defaults of every call.
  public var dispatch = DispatchOptions()
  public var limits = LimitSettings()
  public var logging = LoggingSettings()
  /// In the order of the file.
  public var trunks: [InboundTrunk] = []
  public var rules: [DispatchRule] = []
  /// What looks wrong but may be meant: for the log.
  public var warnings: [ConfigurationProblem] = []
  /// What `provider:<name>` stands for in `allowed_addresses` (`providers_file`). Host names are yet to be resolved.
  public var addresses = AddressTable()

  public init() {}

  /// Anyone can mint tokens for this gateway: one of its secrets is the published one.
  public var usesDevelopmentKeys: Bool { keys.contains { $0.secret == APIKey.development.secret } }
}

/// One pair of the issuer claim and the HMAC secret of access tokens.
public struct APIKey: Sendable, Hashable {
  public var name: String
  public var secret: String

  public init(name: String, secret: String) {
    self.name = name
    self.secret = secret
  }

  /// LiveKit's published pair, in force when no other is configured.
  public static let development = APIKey(name: "devkey", secret: "secret")
}

/// The SIP listener: `sip_port` and what stands beside it.
public struct SIPSettings: Sendable, Equatable {
  /// Announced in Contact and Via.
  public var port: UInt16 = 5060
  /// Bound; `sip_port_listen`, else `port`.
  public var listenPort: UInt16 = 5060
  /// Bound by SIP and RTP (`listen_ip`). Unspecified: every address of the machine.
  public var listenAddress = IPAddress.anyV4
  /// What Contact and Via announce.
  public var announced = AnnouncedAddress.local
  /// Time between two 180 responses (`sip_ringing_interval`).
  public var ringingInterval: Duration = .seconds(1)
  /// A source that matches no trunk gets no answer at all (`hide_inbound_port`).
  public var hidesInboundPort = false
  /// Realm of digest challenges to trunks that set no `auth_realm` (`sip_realm`).
  public var realm = "trunkline"

  public init() {}
}

/// Which address of ours a peer is told.
public enum AnnouncedAddress: Sendable, Equatable {
  /// The machine's own address: the one the route to the peer leaves from.
  case local
  /// The machine's address inside this block (`local_net`).
  case within(IPPrefix)
  /// Fixed by the operator (`nat_1_to_1_ip`, `rtc.node_ip`).
  case fixed(IPAddress)
  /// Asked of a STUN server once at start (`use_external_ip`).
  case discovered
}

/// The phone legs' RTP, and the codecs of the rooms.
public struct MediaSettings: Sendable, Equatable {
  /// Even ports of this range carry the phone legs (`rtp_port`).
  public var phonePorts: ClosedRange<UInt16> = 10000...20000
  /// What our SDP announces (`media_nat_1_to_1_ip`, `media_use_external_ip`; else as `SIPSettings.announced`).
  public var announced = AnnouncedAddress.local
  /// A call ends after this long without RTP (`media_timeout`).
  public var timeout: Duration = .seconds(15)
  /// The same before the first packet, counted from the answer (`media_timeout_initial`).
  public var initialTimeout: Duration = .seconds(30)
  /// Learn the source of RTP for every call, not only where the peer's SDP names an address it cannot have
  /// (`symmetric_rtp`).
  public var learnsSourceAlways = false
  /// Learn the source of RTP where the peer's SDP names a private address (`ignore_local_addr_in_sdp`).
  public var learnsSourceBehindNAT = true
  /// Codecs of the phone leg in order of preference (`codecs`). Never empty.
  public var phoneCodecs: [PhoneCodec] = [.pcmu, .pcma]
  /// What phone legs publish to rooms (`room_codec`).
  public var roomCodec = RoomCodec.opus
  public var opus = OpusSettings()
  /// Threads that carry media (`media_loops`). Nil: one per processor.
  public var loopCount: Int?

  public init() {}
}

public enum PhoneCodec: String, Sendable, CaseIterable {
  case pcmu = "PCMU/8000"
  case pcma = "PCMA/8000"
}

public enum RoomCodec: String, Sendable, CaseIterable {
  case opus
  case pcmu
}

/// How a caller's 8 kHz speech is encoded for the room (`opus`).
public struct OpusSettings: Sendable, Equatable {
  public enum Application: String, Sendable, CaseIterable {
    /// CELT: least delay and least work.
    case lowDelay = "lowdelay"
    /// SILK: allows in-band FEC.
    case voip
    case audio
  }

  public var application = Application.lowDelay
  public var bitrateBitsPerSecond = 48_000
  /// 0…10.
  public var complexity = 0

  public init() {}
}

/// What rooms allow, and how WebRTC reaches them (`room`, `rtc`).
public struct RoomSettings: Sendable, Equatable {
  /// The first participant's join creates the room (`room.auto_create`). Dispatched calls always may.
  public var isCreatedByJoin = true
  /// A room that nobody has joined closes after this (`room.empty_timeout`).
  public var emptyTimeout: Duration = .seconds(300)
  /// A room that everyone has left closes after this (`room.departure_timeout`).
  public var departureTimeout: Duration = .seconds(20)
  /// 0: no limit (`room.max_participants`).
  public var maximumParticipants = 0
  /// WebRTC ports, one for each media loop; the first where only one was given (`rtc.udp_port`).
  public var udpPorts: ClosedRange<UInt16> = 7882...7882
  /// WebRTC port of the first media loop; loop n listens on this + n.
  public var udpPort: UInt16 { udpPorts.lowerBound }
  /// The host candidate in our SDP (`rtc.node_ip`, `rtc.use_external_ip`; else as `MediaSettings.announced`).
  public var announced = AnnouncedAddress.local

  public init() {}
}

/// The HTTP and WebSocket port that clients of the rooms reach (`port`, `bind_addresses`).
public struct WebSettings: Sendable, Equatable {
  public var port: UInt16 = 7880
  /// Never empty. Loopback alone while the keys are the development pair.
  public var bindAddresses = [IPAddress.loopbackV4]

  public init() {}
}

/// Bounds on what strangers and providers may make us do (`limits`).
public struct LimitSettings: Sendable, Equatable {
  /// 0: no limit. Above it new calls get 503 with Retry-After.
  public var activeCalls = 0
  /// Sustained INVITEs a second from one address.
  public var invitesPerSecondPerSource = 50
  /// INVITEs one address may send at once.
  public var inviteBurstPerSource = 100
  /// Addresses remembered at a time.
  public var trackedSources = 10_000
  public var webConnections = 4_000
  public var webConnectionsPerSource = 2_000

  public init() {}
}

public struct LoggingSettings: Sendable, Equatable {
  public enum Level: String, Sendable, CaseIterable {
    case debug, info, warn, error
  }

  public var level = Level.info
  /// One JSON object per line instead of text.
  public var isJSON = false
  /// How phone numbers appear in the log and in call records (`log_numbers`).
  public var numbers = NumberRedaction.full

  public init() {}
}
