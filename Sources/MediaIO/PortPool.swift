import Base
import Synchronization

/// Hands out bound UDP ports for phone legs: even ones from a range, each to one call at a time.
///
/// A port that comes back rests for `quarantine`, so that late packets of the old call cannot reach a new one.
/// All methods may be called from any thread.
public final class PortPool: Sendable {
  /// Binds nothing yet. `addresses` holds one IPv4 address, one IPv6 address, or both (`listen_ip`).
  public init(range: ClosedRange<UInt16>, addresses: [IPAddress], quarantine: Duration = .seconds(5)) {
    self.range = range
    self.addresses = addresses
    self.quarantine = quarantine
  }

  private let range: ClosedRange<UInt16>
  private let addresses: [IPAddress]
  private let quarantine: Duration

  /// Binds a free even port of the address family. Nil when none is left or the family has no address.
  public func lease(isIPv4: Bool = true) -> PortLease? { nil }

  /// Ports leased at the moment.
  public var leasedCount: Int { 0 }
}

/// One bound UDP port. It returns to its pool when the last reference goes: keep it until the leg is handed to a loop.
public final class PortLease: Sendable {
  /// The bound address, as an SDP may name it unless a public address stands before it.
  public let local: Endpoint

  init(local: Endpoint) { self.local = local }
}
