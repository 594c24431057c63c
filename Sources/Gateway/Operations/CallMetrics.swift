import Base
import Linux
import MediaCore
import Metrics
import SIP
import Synchronization
import Telephony

/// Since when something takes.
struct StageTimer: Sendable {
  private let start = MonotonicClock.now()

  var seconds: Double { (MonotonicClock.now() - start).seconds }
}

/// Counts calls under livekit-sip's names.
// A class because all threads share the one table; its lock is held for a few additions.
final class CallMetrics: Sendable {
  private struct State {
    var table: MetricTable
    /// Whether each running call has been counted as active, and when it began.
    var calls: [PhoneLegKey: Running] = [:]
  }

  private typealias PhoneLegKey = UInt64

  private struct Running {
    let began = StageTimer()
    var joined: StageTimer?
    var transfers = 0
  }

  let nodeID: String
  private let state: Mutex<State>

  init(nodeID: String) {
    self.nodeID = nodeID
    state = Mutex(State(table: MetricTable(MetricNames.all, constants: [("node_id", nodeID)])))
  }

  /// What Prometheus gets; `gauges` brings those up to date that nothing counts.
  func text(_ gauges: (inout MetricTable) -> Void = { _ in }) -> String {
    state.withLock { state in
      gauges(&state.table)
      return state.table.text
    }
  }

  private func count(_ name: String, _ labels: String...) {
    state.withLock { $0.table.add(name, labels: labels) }
  }

  // MARK: INVITEs

  func inviteReceived() { count(MetricNames.inviteRequestsRaw) }
  func inviteRead() { count(MetricNames.inviteRequests, "in") }
  /// Of whoever is no caller of ours.
  func inviteTurnedAway(_ reason: RefusalReason) { count(MetricNames.inviteError, "in", "unknown", reason.rawValue) }

  func stage(_ name: String, _ direction: CallDirection, _ timer: StageTimer) {
    state.withLock { $0.table.observe(MetricNames.stage, timer.seconds, labels: [direction.label, name]) }
  }

  /// The first decision about an inbound call is there.
  func checked(_ call: PhoneLegID) {
    state.withLock { state in
      guard let running = state.calls[call.rawValue] else { return }
      state.table.observe(MetricNames.durCheck, running.began.seconds, labels: ["in"])
    }
  }
}

extension CallMetrics: CallObserver {
  func call(_ call: Call, did event: CallEvent) {
    let (key, direction, peer) = (call.legID.rawValue, call.summary.direction.label, call.metricHost)
    state.withLock { state in
      switch event {
      case .began:
        state.calls[key] = Running()
        if let invite = call.invite {
          state.table.count(SDPFacts(invite.body), isOffer: true, direction, call.provider)
        }
        state.table.add(MetricNames.callsActive, labels: [direction, peer])
        if call.summary.direction == .outbound { state.table.add(MetricNames.inviteRequests, labels: [direction]) }
      case .rang: break
      case .joined:
        guard let running = state.calls[key], running.joined == nil else { return }
        state.calls[key]?.joined = StageTimer()
        state.table.observe(MetricNames.stage, running.began.seconds, labels: [direction, "join-room"])
      case .answered:
        guard let running = state.calls[key] else { return }
        state.table.add(MetricNames.inviteAccepted, labels: [direction, peer])
        let own = SDPFacts(Array((call.leg?.localSDP ?? "").utf8))
        let isOurs = call.summary.direction == .outbound
        state.table.count(own, isOffer: isOurs, direction, call.provider)
        if isOurs { state.table.count(SDPFacts(call.answerBody), isOffer: false, direction, call.provider) }
        state.table.observe(MetricNames.durJoin, running.began.seconds, labels: [direction])
        if let joined = running.joined {
          state.table.observe(MetricNames.stage, joined.seconds, labels: [direction, "wait-subscribe"])
        }
      case .transferBegan:
        state.calls[key]?.transfers += 1
        state.table.add(MetricNames.transfers, labels: [direction])
        state.table.add(MetricNames.transfersActive, labels: [direction])
      case .transferEnded(let result):
        guard let running = state.calls[key], running.transfers > 0 else { return }
        state.calls[key]?.transfers -= 1
        state.table.add(MetricNames.transfersActive, -1, labels: [direction])
        if result.isSuccess {
          state.table.add(MetricNames.transfersSucceeded, labels: [direction])
        } else {
          state.table.add(MetricNames.transfersFailed, labels: [direction, "\(result.reason)"])
        }
      case .ended(let record): end(key, record, direction, peer, &state)
      }
    }
  }

  private func end(
    _ key: UInt64, _ record: CallRecord, _ direction: String, _ peer: String, _ state: inout State
  ) {
    guard let running = state.calls.removeValue(forKey: key) else { return }
    state.table.add(MetricNames.callsActive, -1, labels: [direction, peer])
    if running.transfers > 0 {
      state.table.add(MetricNames.transfersActive, -Double(running.transfers), labels: [direction])
    }
    let reason = record.endReason
    state.table.add(
      MetricNames.callsTerminated, labels: [direction, peer, reason.terminationResult, reason.code])
    if record.answeredAfter == nil {
      state.table.add(MetricNames.inviteError, labels: [direction, peer, reason.code])
    } else {
      state.table.observe(MetricNames.durCall, record.talkDuration.seconds, labels: [direction])
    }
    state.table.observe(MetricNames.durSession, record.endedAfter.seconds, labels: [direction])
    guard let media = record.media else { return }
    let payload = media.codec.isEmpty ? "unknown" : media.codec
    for (operation, packets) in [("recv", media.packetsReceived), ("send", media.packetsSent)] where packets > 0 {
      state.table.add(MetricNames.packetsRTP, Double(packets), labels: [direction, peer, operation, payload])
    }
  }
}

extension CallDirection {
  /// As livekit-sip labels it.
  var label: String { self == .inbound ? "in" : "out" }
}

extension EndReason {
  /// Whose doing the end was (`result` of `calls_terminated`).
  var terminationResult: String {
    switch self {
    case .hangup, .cancelled, .roomDeleted, .removed, .alone, .endRequested, .maxDuration, .shutdown, .transferred,
      .bridgeEnded, .replaced:
      "success"
    case .mediaTimeout, .noAcknowledgement: "indeterminate"
    case .wrongPIN: "client_error"
    case .dialFailed(let kind):
      switch kind {
      case .upstreamServerError, .unresolved, .unreachable, .requestTimeout: "upstream_error"
      default: "client_error"
      }
    case .refused(let reason):
      switch reason {
      case .mediaFailed, .joinFailed, .atCapacity, .draining, .clusterUnavailable, .roomsUnavailable, .shutdown,
        .noTrackSubscribed, .nobodyJoined, .noAgent:
        "server_error"
      default: "client_error"
      }
    case .mediaFailed, .joinFailed, .roomLost, .noAgent, .transportFailed, .terminated: "server_error"
    }
  }
}

extension Call {
  fileprivate var provider: String { summary.trunkName.isEmpty ? "unknown" : summary.trunkName }

  /// The host that was called: `to` in livekit-sip's labels.
  fileprivate var metricHost: String {
    switch machine {
    case .inbound(let machine): machine.call.toHost
    case .outbound(let machine): machine.plan.invite.target.host
    }
  }
}

/// What metrics tell of a session description.
struct SDPFacts {
  let byteCount: Int
  /// Names of its audio codecs: `PCMU`. Those without a line of their own are missing, unless they are well known.
  let codecs: Set<String>

  private static let lineLimit = 256
  /// RFC 3551 §6.
  private static let known = ["0": "PCMU", "3": "GSM", "8": "PCMA", "9": "G722", "18": "G729"]

  init(_ sdp: [UInt8]) {
    byteCount = sdp.count
    var codecs: Set<String> = []
    for line in sdp.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }).prefix(Self.lineLimit) {
      let text = String(decoding: line, as: UTF8.self)
      if text.hasPrefix("m=audio ") {
        codecs.formUnion(text.split(separator: " ").dropFirst(3).compactMap { Self.known[String($0)] })
      } else if text.hasPrefix("a=rtpmap:"), let name = text.split(separator: " ").dropFirst().first {
        codecs.insert(String(name.prefix { $0 != "/" }.prefix(32)).uppercased())
      }
    }
    self.codecs = codecs.subtracting(["TELEPHONE-EVENT"])
  }
}

extension MetricTable {
  fileprivate mutating func count(_ sdp: SDPFacts, isOffer: Bool, _ direction: String, _ provider: String) {
    guard sdp.byteCount > 0 else { return }
    observe(MetricNames.sdpSize, Double(sdp.byteCount), labels: [isOffer ? "offer" : "answer"])
    guard !sdp.codecs.isEmpty else { return }
    add(MetricNames.sdpParsed, labels: [direction, provider])
    for codec in sdp.codecs { add(MetricNames.codecOffered, labels: [direction, provider, codec]) }
  }
}
