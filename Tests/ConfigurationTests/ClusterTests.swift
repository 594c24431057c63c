import Foundation
import Redis
import RoomClientCore
import Telephony
import Testing

@testable import Configuration

/// Files of livekit-sip, as they are.
@Suite("Cluster mode's configuration")
struct ClusterTests {
  private static let environment = [
    "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "a-secret-of-at-least-32-characters",
    "LIVEKIT_WS_URL": "ws://livekit-server:7880",
  ]

  private func load(_ text: String) throws -> GatewayConfiguration {
    try GatewayConfiguration.load(ConfigurationSource(body: text, environment: Self.environment))
  }

  private func problems(_ text: String) -> [String] {
    do {
      _ = try GatewayConfiguration.load(ConfigurationSource(body: text, environment: Self.environment))
      return []
    } catch { return error.problems.map { $0.description.replacingOccurrences(of: "configuration:", with: ":") } }
  }

  @Test("no redis: no cluster, and its keys are refused")
  func embedded() throws {
    #expect(try load("").cluster == nil)
    #expect(try load("redis:").cluster == nil)
    #expect(try load("redis: {}").cluster == nil)
    #expect(
      problems("cluster_id: eu\nsip_trunk_ids: [ST_a]") == [
        ":1: cluster_id: \"eu\": only a member of a cluster has it: `redis`",
        ":2: sip_trunk_ids: a list of 1: only a member of a cluster has it: `redis`",
      ])
    #expect(problems("add_record_route: true").count == 1)
  }

  @Test("the least that livekit-sip needs, and its defaults")
  func least() throws {
    let configuration = try load("redis: {address: \"localhost:6379\"}")
    let cluster = try #require(configuration.cluster)
    #expect(cluster.redis == RedisConfiguration(.single(RedisAddress(host: "localhost", port: 6379))))
    #expect(cluster.clusterID.isEmpty && cluster.trunkIDs.isEmpty)
    #expect(configuration.operations == OperationSettings())
    #expect(configuration.operations.maximumCPUUtilization == 0.9)
    #expect(configuration.dispatch.acceptUnmatchedTrunk && configuration.drainTimeout == nil)
    #expect(!configuration.web.isServed)
    #expect(configuration.outbound.rules.total.callsPerSecond == 0, "livekit-sip has no limits of its own")
    #expect(configuration.warnings.isEmpty)
  }

  @Test("what the file says goes before the cluster's defaults")
  func overrides() throws {
    let configuration = try load(
      """
      redis: {address: redis}
      accept_unmatched_trunk: false
      drain_timeout: 60s
      port: 7980
      max_cpu_utilization: 0.5
      health_port: 8080
      prometheus_port: 9090
      cluster_id: eu
      sip_trunk_ids: [ST_a, ST_b]
      outbound: {calls_per_second: 3}
      """)
    #expect(!configuration.dispatch.acceptUnmatchedTrunk && configuration.drainTimeout == .seconds(60))
    #expect(configuration.web.isServed && configuration.web.port == 7980)
    #expect(configuration.operations.healthPort == 8080 && configuration.operations.prometheusPort == 9090)
    #expect(configuration.operations.maximumCPUUtilization == 0.5)
    #expect(configuration.cluster?.clusterID == "eu" && configuration.cluster?.trunkIDs == ["ST_a", "ST_b"])
    #expect(configuration.outbound.rules.total.callsPerSecond == 3)
    #expect(configuration.outbound.rules.trunk.callsPerSecond == 0)
  }

  @Test("every key of Redis")
  func redis() throws {
    let file = try temporaryFile("x", named: "ca.pem")
    let redis = try load(
      """
      redis:
        address: 10.0.0.5:6380
        username: lk
        password: secret
        db: 3
        use_tls: true
        tls:
          enabled: true
          insecure: true
          server_name: redis.internal
          ca_cert_file: \(file)
          client_cert_file: \(file)
          client_key_file: \(file)
        dial_timeout: 2000
        read_timeout: 200
        max_redirects: 5
      """
    ).cluster?.redis
    var expected = RedisConfiguration(
      .single(RedisAddress(host: "10.0.0.5", port: 6380)), username: "lk", password: "secret", database: 3)
    expected.tls = RedisConfiguration.TLS(
      isInsecure: true, serverName: "redis.internal", authorityFile: file, certificateFile: file, keyFile: file)
    expected.dialTimeout = .seconds(2)
    expected.replyTimeout = .milliseconds(200)
    expected.redirectLimit = 5
    #expect(redis == expected)
  }

  @Test("use_tls alone is TLS with the system's authorities")
  func useTLS() throws {
    #expect(try load("redis: {address: r, use_tls: true}").cluster?.redis.tls == RedisConfiguration.TLS())
    #expect(try load("redis: {address: r, tls: {server_name: x}}").cluster?.redis.tls == nil, "not enabled")
    let both = try load("redis: {address: r, use_tls: true, tls: {enabled: true, server_name: x}}")
    #expect(both.cluster?.redis.tls?.serverName == "x")
  }

  @Test("Sentinels go before a cluster's nodes, and those before an address")
  func topologies() throws {
    let sentinels = try load(
      """
      redis:
        address: ignored
        sentinel_master_name: main
        sentinel_username: su
        sentinel_password: sp
        sentinel_addresses: ["s1:26379", "s2:26379"]
        cluster_addresses: ["n1:7000"]
      """
    ).cluster?.redis.topology
    let addresses = [RedisAddress(host: "s1", port: 26379), RedisAddress(host: "s2", port: 26379)]
    #expect(sentinels == .sentinel(masterName: "main", addresses, username: "su", password: "sp"))
    #expect(
      try load("redis: {address: a, cluster_addresses: [\"n1:7000\"]}").cluster?.redis.topology
        == .cluster([RedisAddress(host: "n1", port: 7000)]))
  }

  @Test(
    "what is wrong is refused by name",
    arguments: [
      (
        "redis: {password: x}",
        ":1: redis.address: expected one of address, sentinel_addresses and cluster_addresses"
      ),
      (
        "redis: {address: \"redis://host\"}",
        ":1: redis.address: \"redis://host\": expected a host with or without a port: redis:6379, 10.0.0.5"
      ),
      ("redis: {sentinel_addresses: [a]}", ":1: redis.sentinel_master_name: expected this key"),
      ("redis: {address: a, db: -1}", ":1: redis.db: \"-1\": expected a whole number from 0 to 1000000"),
      ("redis: {adress: a}", ":1: redis.adress: unknown key; did you mean `address`?"),
      (
        "redis: {address: a, tls: {ca_cert_file: /none.pem}}",
        ":1: redis.tls.ca_cert_file: \"/none.pem\": expected a file that is there"
      ),
      (
        "redis: {address: a}\ndispatch_rules: [{rule: {dispatchRuleDirect: {roomName: x}}}]",
        ":2: dispatch_rules: a list of 1: expected none: trunks and rules are the cluster's, whose Redis `redis` names"
      ),
      (
        "health_port: 8080\nprometheus_port: 8080",
        ":2: prometheus_port: \"8080\": expected another port than health_port"
      ),
      ("max_cpu_utilization: most", ":1: max_cpu_utilization: \"most\": expected a share of the processors, 0 to 1"),
    ])
  func refusals(text: String, problem: String) {
    #expect(problems(text).contains(problem), "\(problems(text))")
  }

  @Test("a secret never stands in a message")
  func secrets() {
    #expect(!problems("redis: {address: a, password: [hunter2]}").joined().contains("hunter2"))
    #expect(!problems("redis: {address: a, sentinel_password: [hunter2]}").joined().contains("hunter2"))
  }

  @Test("every key of livekit-sip that changes nothing is taken, and says why")
  func withoutEffect() throws {
    let configuration = try load(
      """
      redis: {address: redis, write_timeout: 200, pool_timeout: 1s, pool_size: 5}
      pprof_port: 6060
      sip_hostname: sip.example.com
      tcp: {dial_port: 40000-41000}
      tls:
        port: 5061
        certs: [{cert_file: a.pem, key_file: b.pem}]
        cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]
      udp_max_payload: 1400
      rtp_draining_idle_timeout: 30s
      rtp_draining_duration: 10m
      disable_rejected_invite_cache: true
      add_record_route: true
      audio_dtmf: true
      enable_jitter_buffer: false
      enable_jitter_buffer_prob: 0.5
      enable_opus: true
      opus: {bitrate: 24000, fec: true, packet_loss_percent: 10}
      jaeger_url: http://jaeger:14268
      experimental: {inbound_wait_ack: true}
      codecs: {"G722/8000": true, "PCMU/8000": true}
      logging: {level: debug, json: true, sample: true, component_levels: {a: debug}}
      """)
    let warned = configuration.warnings.compactMap(\.key).sorted()
    #expect(
      warned == [
        "add_record_route", "audio_dtmf", "codecs", "disable_rejected_invite_cache", "enable_jitter_buffer",
        "enable_jitter_buffer_prob", "enable_opus", "experimental", "jaeger_url", "logging.component_levels",
        "logging.sample", "opus.fec", "opus.packet_loss_percent", "pprof_port", "redis.pool_size",
        "redis.pool_timeout", "redis.write_timeout", "rtp_draining_duration", "rtp_draining_idle_timeout",
        "sip_hostname", "tcp", "tls", "udp_max_payload",
      ])
    let record = configuration.warnings.first { $0.key == "add_record_route" }
    #expect(record?.line == 13 && record?.expected.hasPrefix("has no effect: ") == true)
  }

  @Test("keys that ask for nothing are not worth a word")
  func switchedOff() throws {
    let configuration = try load(
      "redis: {address: redis}\ntls:\naudio_dtmf: false\nudp_max_payload: 0\nenable_jitter_buffer: true\nhealth_port: 0"
    )
    #expect(configuration.warnings.isEmpty && configuration.operations.healthPort == nil)
  }

  // MARK: The shipped file

  private var shipped: String {
    get throws { try String(contentsOfFile: ManualTests.repository("conf/cluster.yaml"), encoding: .utf8) }
  }

  @Test("the shipped file loads, without and with its examples")
  func shippedFile() throws {
    let configuration = try load(shipped)
    #expect(configuration.cluster?.redis.topology == .single(RedisAddress(host: "127.0.0.1")))
    #expect(configuration.server?.url.description == "ws://127.0.0.1:7880", "not the environment's")
    #expect(configuration.warnings.isEmpty)
    let certificate = try temporaryFile("x", named: "x.pem")
    let everything = ManualTests.uncommented(try shipped).split(separator: "\n").map { line in
      line.contains("_file:") ? line.prefix { $0 != ":" } + ": " + certificate : String(line)
    }
    let topology = try load(everything.joined(separator: "\n")).cluster?.redis.topology
    guard case .sentinel("main", let addresses, _, _) = topology else {
      Issue.record("\(String(describing: topology))")
      return
    }
    #expect(addresses.count == 3)
  }

  @Test("every default that the shipped file names is the default")
  func shippedDefaults() throws {
    let examples: Set<Substring> = [
      "sentinel_master_name", "sentinel_addresses", "cluster_addresses", "ca_cert_file", "client_cert_file",
      "client_key_file", "sip_trunk_ids", "nat_1_to_1_ip",
    ]
    let named = try load(ManualTests.uncommented(try shipped) { !examples.contains($0) })
    #expect(try load(shipped) == named)
  }
}
