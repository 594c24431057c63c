import API
import Base
import Configuration
import Logging
import Synchronization
import Telephony

/// The trunks and rules in force, and the addresses that the names in them stand for at the moment.
///
/// Readers take one snapshot per call: what changes later does not touch it.
final class TrunkDirectory: Sendable {
  struct Snapshot: Sendable {
    var dispatcher: Dispatcher
    var planner: OutboundPlanner
    var addresses: AddressTable
  }

  private let dispatchOptions: DispatchOptions
  private let outboundOptions: OutboundOptions
  private let log: Logger
  private let state: Mutex<Snapshot>

  init(_ configuration: GatewayConfiguration, log: Logger) {
    dispatchOptions = configuration.dispatch
    outboundOptions = configuration.outbound.options
    self.log = log
    state = Mutex(
      Snapshot(
        dispatcher: Dispatcher(
          trunks: configuration.trunks, rules: configuration.rules, options: configuration.dispatch),
        planner: OutboundPlanner(trunks: configuration.outbound.trunks, options: configuration.outbound.options),
        addresses: configuration.addresses))
  }

  var snapshot: Snapshot { state.withLock { $0 } }

  /// Puts other trunks and rules in force, for the next call. Host names that are new are asked for at once.
  func update(_ catalog: CatalogSnapshot) {
    let dispatcher = Dispatcher(trunks: catalog.inboundTrunks, rules: catalog.rules, options: dispatchOptions)
    let planner = OutboundPlanner(trunks: catalog.outboundTrunks, options: outboundOptions)
    let names = state.withLock { state in
      state.dispatcher = dispatcher
      state.planner = planner
      let names = state.addresses.hostNames(in: catalog.inboundTrunks)
      // What no trunk names any more is forgotten.
      state.addresses.resolved = state.addresses.resolved.filter { names.contains($0.key) }
      return names.subtracting(state.addresses.resolved.keys)
    }
    if !names.isEmpty { Task { await resolve(names) } }
  }

  /// Asks DNS for every host name once. A name that fails keeps the addresses it had.
  func resolve() async { await resolve(hostNames) }

  /// The system's resolver tells no time to live; a minute is what providers' records have.
  static let refreshInterval = Duration.seconds(60)

  /// Keeps the addresses fresh until the task is cancelled.
  func keepResolving() async {
    while (try? await Task.sleep(for: Self.refreshInterval)) != nil { await resolve() }
  }

  private var hostNames: Set<String> {
    state.withLock { $0.addresses.hostNames(in: $0.dispatcher.trunks) }
  }

  private func resolve(_ names: Set<String>) async {
    for host in names.sorted() {
      let found = await AddressResolver.addresses(of: host)
      if found.isEmpty {
        log.warning("a host name of allowed_addresses was not resolved", metadata: ["host": "\(host)"])
      } else {
        state.withLock { $0.addresses.resolved[host] = found }
      }
    }
  }
}
