import Redis

/// Membership of a LiveKit cluster (`redis`): its servers know the trunks and rules and place the calls.
public struct ClusterSettings: Sendable, Equatable {
  public var redis: RedisConfiguration
  /// Whose calls out this gateway takes (`cluster_id`). livekit-server asks for the empty one.
  public var clusterID = ""
  /// Trunks whose calls out it takes (`sip_trunk_ids`). Empty: all.
  public var trunkIDs: [String] = []

  public init(redis: RedisConfiguration) { self.redis = redis }
}
