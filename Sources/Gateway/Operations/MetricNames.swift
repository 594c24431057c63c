import Metrics

/// livekit-sip's metrics, by name, with its labels and buckets, and a few of ours.
enum MetricNames {
  static let inviteRequestsRaw = "livekit_sip_invite_requests_raw"
  static let inviteRequests = "livekit_sip_invite_requests"
  static let inviteAccepted = "livekit_sip_invite_accepted"
  static let inviteError = "livekit_sip_invite_error"
  static let callsActive = "livekit_sip_calls_active"
  static let callsTerminated = "livekit_sip_calls_terminated"
  static let callsTerminationFailures = "livekit_sip_calls_termination_failures"
  static let packetsRTP = "livekit_sip_packets_rtp"
  static let durSession = "livekit_sip_dur_session_sec"
  static let durCall = "livekit_sip_dur_call_sec"
  static let durCheck = "livekit_sip_dur_check_sec"
  static let durJoin = "livekit_sip_dur_join_sec"
  static let stage = "livekit_sip_stage_dur_sec"
  static let sdpSize = "livekit_sip_sdp_size_bytes"
  static let sdpParsed = "livekit_sip_sdp_parsed_total"
  static let codecOffered = "livekit_sip_codec_offered_total"
  static let available = "livekit_sip_available"
  static let transfers = "livekit_sip_transfers_total"
  static let transfersSucceeded = "livekit_sip_transfers_succeeded_total"
  static let transfersFailed = "livekit_sip_transfers_failed_total"
  static let transfersActive = "livekit_sip_transfers_active"
  static let cpuLoad = "livekit_node_cpu_load"
  static let busConnected = "trunkline_bus_connected"
  static let cpuSeconds = "process_cpu_seconds_total"
  static let residentBytes = "process_resident_memory_bytes"
  static let openDescriptors = "process_open_fds"
  static let startTime = "process_start_time_seconds"

  /// Seconds of what is over soon, and of calls; bytes of SDP.
  private static let short = [0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 180]
  private static let long: [Double] = [1, 10, 60, 600, 1800, 3600, 21_600, 43_200, 86_400]
  private static let sizes: [Double] = [100, 250, 500, 750, 1000, 1250, 1500]

  static let all: [MetricTable.Metric] =
    [
      .init(inviteRequestsRaw, .counter, help: "INVITEs that came, before anything was checked."),
      .init(inviteRequests, .counter, help: "INVITEs that could be read, and those sent.", labels: ["dir"]),
      .init(inviteAccepted, .counter, help: "INVITEs that were answered.", labels: ["dir", "to"]),
      .init(inviteError, .counter, help: "INVITEs that were not answered.", labels: ["dir", "to", "reason"]),
      .init(callsActive, .gauge, help: "Calls.", labels: ["dir", "to"]),
      .init(
        callsTerminated, .counter, help: "Calls that ended, by whose doing it was.",
        labels: ["dir", "to", "result", "reason"]),
      .init(callsTerminationFailures, .counter, help: "Calls that did not end within five minutes.", labels: ["dir"]),
      .init(packetsRTP, .counter, help: "RTP packets of phones.", labels: ["dir", "to", "op", "payload"]),
      .init(durSession, .histogram(long), help: "From INVITE to the end, seconds.", labels: ["dir"]),
      .init(durCall, .histogram(long), help: "From answer to the end, seconds.", labels: ["dir"]),
      .init(durCheck, .histogram(short), help: "From INVITE to the dispatch, seconds.", labels: ["dir"]),
      .init(durJoin, .histogram(short), help: "From INVITE to the answer, seconds.", labels: ["dir"]),
      .init(stage, .histogram(short), help: "Parts of a call's way, seconds.", labels: ["dir", "stage"]),
      .init(sdpSize, .histogram(sizes), help: "Session descriptions, bytes.", labels: ["type"]),
      .init(sdpParsed, .counter, help: "Session descriptions that could be read.", labels: ["dir", "provider"]),
      .init(codecOffered, .counter, help: "Codecs in them.", labels: ["dir", "provider", "codec"]),
      .init(available, .gauge, help: "1: calls out are taken."),
    ] + [
      .init(transfers, .counter, help: "Transfers that were asked for.", labels: ["dir"]),
      .init(transfersSucceeded, .counter, help: "Transfers that succeeded.", labels: ["dir"]),
      .init(transfersFailed, .counter, help: "Transfers that failed.", labels: ["dir", "reason"]),
      .init(transfersActive, .gauge, help: "Transfers under way.", labels: ["dir"]),
      .init(cpuLoad, .gauge, help: "Share of the processors in use, 0 to 1.", labels: ["node_type"]),
      .init(busConnected, .gauge, help: "1: Redis is connected."),
      .init(cpuSeconds, .counter, help: "CPU time of the process, seconds."),
      .init(residentBytes, .gauge, help: "Memory of the process, bytes."),
      .init(openDescriptors, .gauge, help: "File descriptors of the process."),
      .init(startTime, .gauge, help: "Start of the process, Unix time in seconds."),
    ]
}
