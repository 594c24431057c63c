/// Where the configuration text comes from, in order of precedence.
public struct ConfigurationSource: Sendable {
  /// `--config`, else `SIP_CONFIG_FILE`.
  public var file: String?
  /// `--config-body`, else `SIP_CONFIG_BODY`. Wins over `file`.
  public var body: String?
  /// `LIVEKIT_API_KEY` and `LIVEKIT_API_SECRET` are read from it.
  public var environment: [String: String]

  public init(file: String? = nil, body: String? = nil, environment: [String: String] = [:]) {
    self.file = file
    self.body = body
    self.environment = environment
  }
}

extension GatewayConfiguration {
  /// Reads and checks everything. Without a file and a body the defaults hold: embedded mode, no trunk, no rule.
  public static func load(_ source: ConfigurationSource) throws(ConfigurationError) -> GatewayConfiguration {
    throw ConfigurationError([])
  }
}
