/// Keys of livekit-sip and livekit-server that this version does not honour.
///
/// They are refused by name, so that nobody believes them to be in force. A member of a cluster takes livekit-sip's
/// files as they are: there, keys of livekit-sip are taken with a warning that says why they have no effect.
enum LaterVersions {
  /// livekit-sip's: key and why it has no effect.
  static let sipKeys: [(String, String)] = [
    ("pprof_port", "there is no profiler to serve"),
    ("sip_hostname", "only SIP over TLS needs it, which this version does not have"),
    ("tls", "this version has no SIP over TLS; SIP is taken over UDP and TCP"),
    ("tcp", "the system chooses the ports of connections"),
    ("udp_max_payload", "a request that is too long for a datagram goes over TCP"),
    ("rtp_draining_idle_timeout", "a port that was used rests before it is used again"),
    ("rtp_draining_duration", "a port that was used rests before it is used again"),
    ("disable_rejected_invite_cache", "only retransmissions of a refused INVITE get the same answer"),
    ("add_record_route", "an endpoint puts no Record-Route into its responses (RFC 3261 §12.1.1)"),
    ("audio_dtmf", "digits go out as telephone events alone"),
    ("enable_jitter_buffer_prob", "the jitter buffer is always on and adapts"),
    ("enable_opus", "phone legs have PCMU and PCMA"),
    ("jaeger_url", "calls leave records, metrics and logs, not traces"),
    ("experimental", "the ACK of a call is always waited for, 32 s at most, while sound flows"),
  ]

  /// Others: key and what to do instead.
  static let keys: [(String, String)] = [
    ("key_file", "put the pairs under `keys`"), ("turn", ""), ("region", ""), ("node_selector", ""),
    ("signal_relay", ""), ("psrpc", ""), ("limit", "see `limits` and `max_active_calls`"), ("audio", ""), ("video", ""),
    ("ingress", ""), ("sip", "this process is the SIP service"), ("metric", ""),
    ("prometheus", "use `prometheus_port`"),
    ("development", ""), ("enable_data_tracks", ""), ("api", ""),
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

  /// Of `logging`: which messages are left out, and libraries that this program does not have.
  static let loggingKeys = [
    "sample", "sample_initial", "sample_interval", "item_sample_seconds", "item_sample_initial", "item_sample_interval",
    "pion_level", "component_levels",
  ]

  /// Of `opus`, which livekit-sip has for the phone leg.
  static let opusKeys = ["fec", "packet_loss_percent"]
}
