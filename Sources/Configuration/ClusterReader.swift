import Foundation
import Redis

/// Reads `redis` and the keys beside it that only a member of a cluster has.
struct ClusterReader {
  static let modeHint = "only a member of a cluster has it: `redis`"

  /// Nil: no cluster.
  func read(_ root: Section) -> ClusterSettings? {
    let redis = root.section("redis", isSecret: true) { readRedis($0) }
    guard let redis else {
      for key in ["cluster_id", "sip_trunk_ids"] where root.has(key) { root.refuse(key, Self.modeHint) }
      _ = root.value("cluster_id", .text)
      _ = root.list("sip_trunk_ids", of: .nonEmptyText)
      return nil
    }
    var settings = ClusterSettings(redis: redis)
    root.read("cluster_id", into: &settings.clusterID, .text)
    settings.trunkIDs = root.list("sip_trunk_ids", of: .nonEmptyText) ?? []
    for key in ["inbound_trunks", "dispatch_rules", "outbound_trunks"] where root.has(key) {
      root.refuse(key, "expected none: trunks and rules are the cluster's, whose Redis `redis` names")
    }
    return settings
  }

  private func readRedis(_ redis: Section) -> RedisConfiguration? {
    let address = redis.value("address", .redisAddress)
    let master = redis.value("sentinel_master_name", .nonEmptyText)
    let sentinelUser = redis.value("sentinel_username", .text) ?? ""
    let sentinelPassword = redis.value("sentinel_password", .text, isSecret: true) ?? ""
    let sentinels = redis.list("sentinel_addresses", of: .redisAddress) ?? []
    let nodes = redis.list("cluster_addresses", of: .redisAddress) ?? []
    let topology: RedisConfiguration.Topology? =
      if !sentinels.isEmpty {
        .sentinel(
          masterName: master ?? redis.requires("sentinel_master_name"), sentinels, username: sentinelUser,
          password: sentinelPassword)
      } else if !nodes.isEmpty {
        .cluster(nodes)
      } else {
        address.map { .single($0) }
      }
    var settings = RedisConfiguration(topology ?? .cluster([]))
    redis.read("username", into: &settings.username, .text)
    settings.password = redis.value("password", .text, isSecret: true) ?? ""
    redis.read("db", into: &settings.database, .integer(0...1_000_000))
    settings.tls = readTLS(redis)
    redis.read("dial_timeout", into: &settings.dialTimeout, .milliseconds)
    redis.read("read_timeout", into: &settings.replyTimeout, .milliseconds)
    redis.read("max_redirects", into: &settings.redirectLimit, .integer(0...16))
    redis.ineffective("write_timeout", "what is sent waits for the network; `read_timeout` bounds the reply")
    redis.ineffective("pool_timeout", "two connections serve everything")
    redis.ineffective("pool_size", "two connections serve everything")
    guard topology != nil else {
      let isNamed = redis.isPresent && redis.names.contains { redis.has($0) }
      if isNamed { redis.refuse("address", "expected one of address, sentinel_addresses and cluster_addresses") }
      return nil
    }
    return settings
  }

  private func readTLS(_ redis: Section) -> RedisConfiguration.TLS? {
    let isWanted = redis.value("use_tls", .bool) ?? false
    return redis.section("tls") { tls in
      var settings = RedisConfiguration.TLS()
      let isEnabled = tls.value("enabled", .bool) ?? false
      tls.read("insecure", into: &settings.isInsecure, .bool)
      tls.read("server_name", into: &settings.serverName, .text)
      tls.read("ca_cert_file", into: &settings.authorityFile, .existingFile)
      tls.read("client_cert_file", into: &settings.certificateFile, .existingFile)
      tls.read("client_key_file", into: &settings.keyFile, .existingFile)
      if settings.certificateFile.isEmpty != settings.keyFile.isEmpty {
        tls.refuse("client_cert_file", "expected `client_key_file` and `client_cert_file` together")
      }
      // As with livekit-sip, `use_tls` alone knows no settings.
      return isEnabled ? settings : isWanted ? RedisConfiguration.TLS() : nil
    }
  }
}

extension ValueFormat where Value == RedisAddress {
  static let redisAddress = ValueFormat("expected a host with or without a port: redis:6379, 10.0.0.5") {
    (text: String) in RedisAddress(text)
  }
}

extension ValueFormat where Value == Duration {
  fileprivate static let milliseconds = ValueFormat("expected milliseconds, 1 to 600000") { (text: String) in
    Int(text).flatMap { (1...600_000).contains($0) ? .milliseconds($0) : nil }
  }
}

extension ValueFormat where Value == String {
  /// Relative to where the gateway is started, as with livekit-sip.
  fileprivate static let existingFile = ValueFormat("expected a file that is there") { (text: String) in
    FileManager.default.isReadableFile(atPath: text) ? text : nil
  }
}
