/// Keys of livekit-sip and livekit-server that belong to modes this version does not have. They are refused by name,
/// so that nobody believes them to be in force.
enum LaterVersions {
  /// Key and what to do instead.
  static let keys: [(String, String)] = [
    // livekit-sip
    ("redis", "rooms, trunks and rules live in this process"),
    ("ws_url", "rooms are hosted in this process; clients connect to `port`"),
    ("cluster_id", ""), ("sip_trunk_ids", ""), ("max_cpu_utilization", "use `max_active_calls`"),
    ("health_port", "GET / on `port` answers health checks"), ("prometheus_port", ""), ("pprof_port", ""),
    ("sip_hostname", "it needs TLS"), ("tls", ""), ("tcp", "the system chooses the ports of connections"),
    ("udp_max_payload", ""),
    ("rtp_draining_idle_timeout", ""), ("rtp_draining_duration", ""), ("disable_rejected_invite_cache", ""),
    ("add_record_route", ""), ("audio_dtmf", ""), ("enable_jitter_buffer_prob", ""), ("jaeger_url", ""),
    ("experimental", ""),
    // livekit-server
    ("key_file", "put the pairs under `keys`"), ("turn", ""), ("region", ""), ("node_selector", ""),
    ("signal_relay", ""), ("psrpc", ""), ("limit", "see `limits` and `max_active_calls`"), ("audio", ""), ("video", ""),
    ("ingress", ""), ("sip", "this process is the SIP service"), ("metric", ""), ("prometheus", ""),
    ("log_level", "use `logging.level`"), ("development", ""), ("enable_data_tracks", ""), ("api", ""),
  ]

  /// Of `room`.
  static let roomKeys = [
    "enable_remote_unmute", "playout_delay", "sync_streams", "max_metadata_size", "room_configurations",
    "create_room_enabled", "create_room_timeout", "create_room_attempts", "max_room_name_length",
    "max_participant_identity_length",
  ]

  /// Of `rtc`.
  static let rtcKeys = [
    "tcp_port", "ips", "interfaces", "stun_servers", "turn_servers", "use_ice_lite", "use_mdns", "force_tcp",
    "allow_tcp_fallback", "pli_throttle", "congestion_control", "enable_loopback_candidate", "packet_buffer_size",
    "packet_buffer_size_video", "packet_buffer_size_audio", "strict_acks", "batch_io", "reconnect_on_publication_error",
    "reconnect_on_subscription_error", "reconnect_on_data_channel_error",
  ]

  /// Of `logging`.
  static let loggingKeys = ["sample", "pion_level", "component_levels"]
}
