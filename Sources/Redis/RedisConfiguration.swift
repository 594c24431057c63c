/// Which Redis, and how to be let in.
public struct RedisConfiguration: Hashable, Sendable {
  public enum Topology: Hashable, Sendable {
    case single(RedisAddress)
    /// Sentinels, asked in turn, know where the master is. Empty credentials: none.
    case sentinel(masterName: String, [RedisAddress], username: String, password: String)
    /// Nodes of a cluster, tried in turn.
    case cluster([RedisAddress])
  }

  public struct TLS: Hashable, Sendable {
    /// Takes any certificate.
    public var isInsecure: Bool
    /// Whom the certificate must name. Empty: the host that is connected to.
    public var serverName: String
    /// PEM. Empty: the authorities that the system trusts.
    public var authorityFile: String
    /// PEM; what servers that ask for a client certificate get. Empty: none.
    public var certificateFile: String
    public var keyFile: String

    public init(
      isInsecure: Bool = false, serverName: String = "", authorityFile: String = "", certificateFile: String = "",
      keyFile: String = ""
    ) {
      self.isInsecure = isInsecure
      self.serverName = serverName
      self.authorityFile = authorityFile
      self.certificateFile = certificateFile
      self.keyFile = keyFile
    }
  }

  public var topology: Topology
  /// Empty: Redis's default user.
  public var username: String
  /// Empty: none.
  public var password: String
  /// Clusters have only 0.
  public var database: Int
  /// Nil: plain TCP.
  public var tls: TLS?
  /// For the connection and its TLS handshake.
  public var dialTimeout: Duration
  /// For each reply.
  public var replyTimeout: Duration
  /// How often a command follows a cluster that says the key lies elsewhere.
  public var redirectLimit: Int

  public init(
    _ topology: Topology, username: String = "", password: String = "", database: Int = 0, tls: TLS? = nil,
    dialTimeout: Duration = .seconds(5), replyTimeout: Duration = .seconds(3), redirectLimit: Int = 2
  ) {
    self.topology = topology
    self.username = username
    self.password = password
    self.database = database
    self.tls = tls
    self.dialTimeout = dialTimeout
    self.replyTimeout = replyTimeout
    self.redirectLimit = redirectLimit
  }
}
