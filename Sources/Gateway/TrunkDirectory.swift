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
    let dispatcher: Dispatcher
    let planner: OutboundPlanner
    let addresses: AddressTable
  }

  private let dispatcher: Dispatcher
  private let planner: OutboundPlanner
  private let hostNames: Set<String>
  private let addresses: Mutex<AddressTable>

  init(_ configuration: GatewayConfiguration) {
    dispatcher = Dispatcher(
      trunks: configuration.trunks, rules: configuration.rules, options: configuration.dispatch)
    planner = OutboundPlanner(trunks: configuration.outbound.trunks, options: configuration.outbound.options)
    let table = configuration.addresses
    hostNames = table.hostNames(in: configuration.trunks)
    addresses = Mutex(table)
  }

  var current: Snapshot {
    Snapshot(dispatcher: dispatcher, planner: planner, addresses: addresses.withLock { $0 })
  }

  /// Asks DNS for every host name once. A name that fails keeps the addresses it had.
  func resolve(log: Logger) async {
    for host in hostNames.sorted() {
      let found = await AddressResolver.addresses(of: host)
      if found.isEmpty {
        log.warning("a host name of allowed_addresses was not resolved", metadata: ["host": "\(host)"])
      } else {
        addresses.withLock { $0.resolved[host] = found }
      }
    }
  }

  /// The system's resolver tells no time to live; a minute is what providers' records have.
  static let refreshInterval = Duration.seconds(60)

  /// Keeps the addresses fresh until the task is cancelled.
  func keepResolving(log: Logger) async {
    guard !hostNames.isEmpty else { return }
    while (try? await Task.sleep(for: Self.refreshInterval)) != nil { await resolve(log: log) }
  }
}
