import Base
import Configuration
import Metrics
import Synchronization
import WebServer

/// `health_port` and `prometheus_port`, with livekit-sip's answers.
final class OperationServers: Sendable {
  /// livekit-sip's words for it.
  enum Health: String, Sendable {
    case ok = "OK"
    case notStarted = "NotStarted"
    case stopped = "Stopped"
    case underLoad = "UnderLoad"

    var status: Int {
      switch self {
      case .ok: 200
      case .underLoad: 429
      case .notStarted, .stopped: 503
      }
    }
  }

  private struct Phase {
    var isStarted = false
    var isStopped = false
  }

  private let metrics: CallMetrics
  private let load: NodeLoad
  private let bus: ClusterBus?
  private let phase = Mutex(Phase())
  private let servers = Mutex<[WebServer]>([])

  init(metrics: CallMetrics, load: NodeLoad, bus: ClusterBus?) {
    self.metrics = metrics
    self.load = load
    self.bus = bus
  }

  var health: Health {
    let phase = phase.withLock { $0 }
    if phase.isStopped { return .stopped }
    if !phase.isStarted { return .notStarted }
    return load.isExhausted ? .underLoad : .ok
  }

  /// Binds the ports, so that whoever asks early learns that the gateway has not started.
  func start(_ settings: OperationSettings, on address: IPAddress) async throws(Gateway.StartError) {
    if let port = settings.healthPort {
      try await serve("health_port", Endpoint(address, port), HealthHandler(owner: self))
    }
    if let port = settings.prometheusPort {
      try await serve("prometheus_port", Endpoint(address, port), MetricsHandler(owner: self))
    }
  }

  private func serve(_ key: String, _ endpoint: Endpoint, _ handler: some WebHandler) async throws(Gateway.StartError) {
    do throws(WebServerError) {
      let server = try await WebServer.start(on: [endpoint], limits: WebServerLimits(), handler: handler)
      servers.withLock { $0.append(server) }
    } catch {
      throw Gateway.StartError(description: "\(key): \(error.message)")
    }
  }

  func noteStarted() { phase.withLock { $0.isStarted = true } }
  /// It drains, or ends.
  func noteStopped() { phase.withLock { $0.isStopped = true } }

  func close() async {
    for server in servers.withLock({ $0 }) { await server.close() }
  }

  fileprivate var metricsText: String {
    let (isAvailable, share, isConnected) = (health == .ok, load.share, bus?.isReady)
    return metrics.text { table in
      table.set(MetricNames.available, isAvailable ? 1 : 0)
      table.set(MetricNames.cpuLoad, share, labels: ["SIP"])
      if let isConnected { table.set(MetricNames.busConnected, isConnected ? 1 : 0) }
      table.set(MetricNames.cpuSeconds, ProcessFacts.cpuSeconds)
      table.set(MetricNames.residentBytes, ProcessFacts.residentBytes)
      table.set(MetricNames.openDescriptors, ProcessFacts.openDescriptors)
      table.set(MetricNames.startTime, ProcessFacts.startedAt)
    }
  }
}

/// GET on one path, and nothing else.
private protocol ReadOnlyHandler: WebHandler {
  func answer(_ path: String) -> HTTPResponse?
}

extension ReadOnlyHandler {
  func respond(to request: HTTPRequest) async -> HTTPResponse {
    guard ["GET", "HEAD"].contains(request.method) else { return .text(405, "expected GET\n") }
    return answer(request.path) ?? .text(404, "not found\n")
  }

  func bodyAllowance(for request: HTTPRequest) async -> BodyAllowance { .none }

  func decideUpgrade(of request: HTTPRequest) async -> WebSocketDecision { .refuse(.text(404, "not found\n")) }
}

private struct HealthHandler: ReadOnlyHandler {
  let owner: OperationServers

  func answer(_ path: String) -> HTTPResponse? { .text(owner.health.status, owner.health.rawValue) }
}

private struct MetricsHandler: ReadOnlyHandler {
  let owner: OperationServers

  func answer(_ path: String) -> HTTPResponse? {
    guard path == "/metrics" else { return nil }
    let type = "text/plain; version=0.0.4; charset=utf-8"
    return HTTPResponse(
      status: 200, headers: [(name: "Content-Type", value: type)], body: Array(owner.metricsText.utf8))
  }
}
