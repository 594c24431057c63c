import API
import Base
import Bus
import Configuration
import Logging
import SIP
import Synchronization
import Telephony

/// This gateway as a member of a LiveKit cluster: its bus, and all that uses it.
struct ClusterMember: Sendable {
  /// How long the start waits for Redis. After it the gateway starts all the same, and refuses calls until Redis is there.
  private static let patience: Duration = .seconds(5)
  /// How long the last reports may take at the end of the process.
  private static let closingDuration: Duration = .seconds(5)

  let settings: ClusterSettings
  let bus: ClusterBus
  let directory: ClusterDirectory
  let reporter: ClusterReporter
  private let running: Task<Void, Never>

  /// What follows every call for the cluster's sake.
  var observers: [any CallObserver] { [reporter, ClusterTopics(bus: bus)] }

  static func join(
    _ settings: ClusterSettings, _ configuration: GatewayConfiguration, metrics: CallMetrics, log: Logger
  ) async throws(Gateway.StartError) -> ClusterMember {
    let bus: ClusterBus
    do {
      bus = try ClusterBus(settings, log: log)
    } catch {
      throw Gateway.StartError(description: "redis.tls: \(error)")
    }
    let running = Task { await bus.run() }
    if await !bus.waitUntilReady(atMost: patience) {
      log.error("the bus is not connected; calls are refused until it is")
    }
    let capabilities = PhoneCapabilities(configuration)
    let directory = ClusterDirectory(
      bus: bus, options: configuration.dispatch, outboundOptions: configuration.outbound.options,
      capabilities: capabilities, metrics: metrics)
    return ClusterMember(
      settings: settings, bus: bus, directory: directory, reporter: ClusterReporter(bus: bus, log: log),
      running: running)
  }

  func close() async {
    await reporter.flush(within: Self.closingDuration)
    await bus.close()
    running.cancel()
  }
}

/// Each call in a room can be transferred: it has a topic of its own on the bus.
// A class because the tasks that tell the bus share the one set. They may overtake each other; whichever is last finds what
// holds.
private final class ClusterTopics: CallObserver {
  private let bus: ClusterBus
  private let calls = Mutex<Set<String>>([])

  init(bus: ClusterBus) { self.bus = bus }

  func call(_ call: Call, did event: CallEvent) {
    let callID = call.callID
    switch event {
    case .joined: calls.withLock { _ = $0.insert(callID) }
    case .ended: calls.withLock { _ = $0.remove(callID) }
    default: return
    }
    Task {
      await bus.settle(.transferSIPParticipant, topic: [callID]) { self.calls.withLock { $0.contains(callID) } }
    }
  }
}
