import Base
import Configuration
import Redis

/// What `serve` prints once a member of a cluster is up.
struct ClusterReport {
  let cluster: ClusterSettings
  let configuration: GatewayConfiguration

  func text(sip: Endpoint) -> String {
    let option = configuration.file.map { " --config \($0)" } ?? ""
    return """
      Trunkline \(Trunkline.version) is running as a member of a LiveKit cluster. Ctrl-C ends all calls; SIGTERM waits for \
      them.

        SIP     sip:\(sip)   give it to your provider as origination URI (UDP and TCP)
        Bus     \(bus)

      \(trunksAndRules)

      Next:
        trunkline explain --from +15550123 --to +15550100 --source 192.0.2.1\(option)   what the cluster says of a call
        lk sip inbound list                                         its trunks, asked of livekit-server
      """
  }

  /// What `--check` prints.
  var trunksAndRules: String { "Trunks and rules are the cluster's, asked for each call over \(bus)." }

  private var bus: String {
    switch cluster.redis.topology {
    case .single(let address): "Redis at \(address)"
    case .sentinel(let name, let addresses, _, _):
      "the Redis that the Sentinels at \(Self.list(addresses)) call \(name)"
    case .cluster(let addresses): "the Redis Cluster at \(Self.list(addresses))"
    }
  }

  private static func list(_ addresses: [RedisAddress]) -> String {
    addresses.map(\.description).joined(separator: ", ")
  }
}
