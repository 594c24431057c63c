import Base
import Redis
import RoomClientCore
import Telephony
import Testing

@testable import Configuration

/// Every key of livekit-sip's file (livekit-wire 1.1): what it does here.
@Suite("livekit-sip's file, key by key")
struct LiveKitSIPFileTests {
  struct Key: Sendable, CustomTestStringConvertible {
    let name: String
    /// A value other than the default.
    let value: String
    /// Nil: it is taken, and the start says why it changes nothing.
    let effect: (@Sendable (GatewayConfiguration) -> Bool)?
    var testDescription: String { name }

    init(_ name: String, _ value: String, _ effect: (@Sendable (GatewayConfiguration) -> Bool)? = nil) {
      (self.name, self.value, self.effect) = (name, value, effect)
    }
  }

  private static let environment = [
    "LIVEKIT_API_KEY": "environment", "LIVEKIT_API_SECRET": "a-secret-of-at-least-32-characters",
    "LIVEKIT_WS_URL": "ws://environment:7880",
  ]

  private func load(_ text: String, redis: String = "{address: redis}") throws -> GatewayConfiguration {
    try GatewayConfiguration.load(
      ConfigurationSource(body: "redis: \(redis)\n" + text, environment: Self.environment))
  }

  static let keys = [
    Key("api_key", "file\napi_secret: another-secret-of-32-characters-") {
      $0.server?.key == APIKey(name: "file", secret: "another-secret-of-32-characters-")
    },
    Key("ws_url", "wss://file.example.com") { $0.server?.url.description == "wss://file.example.com" },
    Key("health_port", "8080") { $0.operations.healthPort == 8080 },
    Key("prometheus_port", "9090") { $0.operations.prometheusPort == 9090 },
    Key("pprof_port", "6060"),
    Key("sip_port", "5080") { $0.sip.port == 5080 && $0.sip.listenPort == 5080 },
    Key("sip_port_listen", "5090") { $0.sip.port == 5060 && $0.sip.listenPort == 5090 },
    Key("sip_hostname", "sip-${IP}.example.com"),
    Key("outbound_route_headers", "[\"<sip:proxy.example.com:5060;transport=tcp;lr>\"]") {
      $0.outbound.options.routes == ["<sip:proxy.example.com:5060;transport=tcp;lr>"]
    },
    Key("sip_ringing_interval", "5s") { $0.sip.ringingInterval == .seconds(5) },
    Key("tcp", "{dial_port: 40000-41000}"),
    Key("tls", "{port: 5061, port_listen: 5062, certs: [{cert_file: a.pem, key_file: b.pem}], key_log: k, alpn: []}"),
    Key("rtp_port", "30000-31000") { $0.media.phonePorts == 30000...31000 },
    Key("logging", "{level: debug, json: true}") { $0.logging.level == .debug && $0.logging.isJSON },
    Key("log_level", "warn") { $0.logging.level == .warn },
    Key("cluster_id", "eu") { $0.cluster?.clusterID == "eu" },
    Key("max_cpu_utilization", "0.5") { $0.operations.maximumCPUUtilization == 0.5 },
    Key("max_active_calls", "7") { $0.limits.activeCalls == 7 },
    Key("sip_trunk_ids", "[ST_a]") { $0.cluster?.trunkIDs == ["ST_a"] },
    Key("use_external_ip", "true") { $0.sip.announced == .discovered && $0.media.announced == .discovered },
    Key("local_net", "192.168.0.0/24") { configuration in
      IPPrefix("192.168.0.0/24").map { configuration.sip.announced == .within($0) } ?? false
    },
    Key("nat_1_to_1_ip", "203.0.113.7") { configuration in
      IPAddress("203.0.113.7").map {
        configuration.sip.announced == .fixed($0) && configuration.media.announced == .fixed($0)
      } ?? false
    },
    Key("listen_ip", "127.0.0.1") { $0.sip.listenAddress == .loopbackV4 },
    Key("udp_max_payload", "1400"),
    Key("media_use_external_ip", "true") { $0.media.announced == .discovered && $0.sip.announced == .local },
    Key("media_nat_1_to_1_ip", "203.0.113.8") { configuration in
      IPAddress("203.0.113.8").map { configuration.media.announced == .fixed($0) } ?? false
    },
    Key("media_timeout", "20s") { $0.media.timeout == .seconds(20) },
    Key("media_timeout_initial", "40s") { $0.media.initialTimeout == .seconds(40) },
    Key("symmetric_rtp", "true") { $0.media.learnsSourceAlways },
    Key("ignore_local_addr_in_sdp", "false") { !$0.media.learnsSourceBehindNAT },
    Key("rtp_draining_idle_timeout", "10s"),
    Key("rtp_draining_duration", "1m"),
    Key("codecs", "{\"PCMA/8000\": false}") { $0.media.phoneCodecs == [.pcmu] },
    Key("hide_inbound_port", "true") { $0.sip.hidesInboundPort },
    Key("disable_rejected_invite_cache", "true"),
    Key("add_record_route", "true"),
    Key("audio_dtmf", "true"),
    Key("enable_jitter_buffer", "true") { _ in true },
    Key("enable_jitter_buffer_prob", "0.5"),
    Key("enable_opus", "true"),
    Key("opus", "{bitrate: 24000, complexity: 5}") {
      $0.media.opus.bitrateBitsPerSecond == 24_000 && $0.media.opus.complexity == 5
    },
    Key("jaeger_url", "http://jaeger:14268"),
    Key("experimental", "{inbound_wait_ack: true}"),
  ]

  @Test("a key does what it does in livekit-sip, or says why not", arguments: keys)
  func effect(_ key: Key) throws {
    let configuration = try load("\(key.name): \(key.value)")
    if let effect = key.effect {
      #expect(effect(configuration) && configuration.warnings.isEmpty, "\(configuration.warnings)")
      let usual = try load("")
      #expect(key.name == "enable_jitter_buffer" || !effect(usual), "the value is the default")
    } else {
      #expect(configuration.warnings.map(\.key) == [key.name])
      #expect(configuration.warnings.first?.expected.hasPrefix("has no effect: ") == true)
    }
  }

  @Test("the defaults are livekit-sip's")
  func defaults() throws {
    let configuration = try load("")
    #expect(configuration.server?.url.description == "ws://environment:7880")
    #expect(configuration.server?.key.name == "environment")
    #expect(configuration.sip.port == 5060 && configuration.sip.listenPort == 5060)
    #expect(configuration.sip.ringingInterval == .seconds(1) && !configuration.sip.hidesInboundPort)
    #expect(configuration.media.phonePorts == 10000...20000 && !configuration.media.learnsSourceAlways)
    #expect(configuration.media.timeout == .seconds(15) && configuration.media.initialTimeout == .seconds(30))
    #expect(configuration.operations == OperationSettings() && configuration.limits.activeCalls == 0)
    #expect(configuration.operations.maximumCPUUtilization == 0.9 && configuration.operations.healthPort == nil)
    #expect(configuration.dispatch.policy.ringingTimeout == .seconds(180))
    #expect(configuration.dispatch.policy.maxCallDuration == .seconds(86_400))
    #expect(configuration.drainTimeout == nil && configuration.logging.level == .info)
  }

  @Test("0, an empty text and false stand for the default, as for livekit-sip")
  func zeros() throws {
    let zeros = Self.keys.filter { $0.name != "api_key" && $0.name != "ws_url" }.map { key in
      switch key.name {
      case "outbound_route_headers", "sip_trunk_ids": "\(key.name): []"
      case "tls", "tcp", "codecs", "logging": "\(key.name): {}"
      case "experimental": "experimental: {inbound_wait_ack: false}"
      case "opus": "opus: {bitrate: 0, complexity: 0, fec: false, packet_loss_percent: 0}"
      case "enable_jitter_buffer": "enable_jitter_buffer: true"
      case "ignore_local_addr_in_sdp": ""
      case "local_net", "nat_1_to_1_ip", "listen_ip", "media_nat_1_to_1_ip", "jaeger_url", "cluster_id", "sip_hostname",
        "log_level":
        "\(key.name): \"\""
      default: key.value == "true" ? "\(key.name): false" : "\(key.name): 0"
      }
    }
    let redis = """
      {address: redis, username: "", password: "", db: 0, use_tls: false, sentinel_master_name: "", sentinel_addresses: [],
       cluster_addresses: [], dial_timeout: 0, read_timeout: 0, write_timeout: 0, pool_size: 0, max_redirects: 0}
      """
    var configuration = try load(zeros.joined(separator: "\n"), redis: redis)
    #expect(configuration.warnings.isEmpty, "\(configuration.warnings)")
    // 0 is a number of redirects.
    configuration.cluster?.redis.redirectLimit = 2
    #expect(try load("") == configuration)
  }

  @Test("elsewhere 0 and an empty text are refused")
  func zerosOfOthers() {
    #expect(throws: ConfigurationError.self) {
      try GatewayConfiguration.load(ConfigurationSource(body: "sip_port: 0\nlisten_ip: \"\""))
    }
  }

  @Test("livekit-server's URL and key pair must be there")
  func missing() {
    for (text, environment, key) in [
      ("redis: {address: redis}", ["LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"], "ws_url"),
      ("redis: {address: redis}\nws_url: ws://a:1", [:], "ws_url"),
      ("redis: {address: redis}\nws_url: ws://a:1\napi_key: k", [:], "api_key"),
    ] {
      let error = #expect(throws: ConfigurationError.self) {
        try GatewayConfiguration.load(ConfigurationSource(body: text, environment: environment))
      }
      #expect(error?.problems.contains { $0.key == key } == true, "\(text): \(error?.problems ?? [])")
    }
  }
}
