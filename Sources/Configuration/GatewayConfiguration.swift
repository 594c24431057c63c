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
  /// Recorded sentences that policies, trunks and rules name (`no_agent_announcement`): 8 kHz mono samples, by path.
  public var announcements: [String: [Int16]] = [:]
  public var limits = LimitSettings()
  public var logging = LoggingSettings()
  /// In the order of the file.
  public var trunks: [InboundTrunk] = []
  public var rules: [DispatchRule] = []
  public var outbound = OutboundSettings()
  public var webhook = WebhookSettings()
  /// Nil: the rooms are this process's own.
  public var server: ServerSettings?
  /// Nil: trunks and rules are this gateway's own.
  public var cluster: ClusterSettings?
  public var operations = OperationSettings()
  /// File and line of each trunk and rule, by id.
  public var places: [String: String] = [:]
  /// What looks wrong but may be meant: for the log.
  public var warnings: [ConfigurationProblem] = []
  /// What `provider:<name>` stands for in `allowed_addresses` (`providers_file`). Host names are yet to be resolved.
  public var addresses = AddressTable()

  public init() {}

  /// Anyone can mint tokens for this gateway: one of its secrets is the published one.
  public var usesDevelopmentKeys: Bool { keys.contains { $0.secret == APIKey.development.secret } }
}
