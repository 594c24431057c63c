import Base
import Linux
import Synchronization

/// Hands out bound UDP ports for phone legs: even ones from a range, each to one call at a time.
///
/// A port that comes back rests for `quarantine`, so that late packets of the old call cannot reach a new one.
/// All methods may be called from any thread.
public final class PortPool: Sendable {
  private struct State {
    /// Ports nobody holds, the longest unused first; a ring over an array that never grows.
    var idle: [UInt16]
    var first = 0
    var idleCount: Int
    /// When each idle port may be used again, beside `idle`.
    var restsUntil: [MonotonicTime]
  }

  /// Binds nothing yet. `addresses` holds one IPv4 address, one IPv6 address, or both (`listen_ip`).
  public init(range: ClosedRange<UInt16>, addresses: [IPAddress], quarantine: Duration = .seconds(5)) {
    var ports = range.filter { $0 > 0 && $0 % 2 == 0 }
    ports.shuffle()
    self.addresses = addresses
    self.quarantine = quarantine
    capacity = ports.count
    state = Mutex(
      State(idle: ports, idleCount: ports.count, restsUntil: Array(repeating: .zero, count: ports.count)))
  }

  /// Even ports in the range.
  public let capacity: Int
  private let addresses: [IPAddress]
  private let quarantine: Duration
  private let state: Mutex<State>

  /// Binds a free even port of the address family. Nil when none is left or the family has no address.
  /// A port that another process holds is passed over and tried again later.
  public func lease(isIPv4: Bool = true) -> PortLease? {
    guard let address = addresses.first(where: { $0.isIPv4 == isIPv4 }) else { return nil }
    for _ in 0..<capacity {
      guard let port = takeIdlePort(at: MonotonicClock.now()) else { return nil }
      if let socket = try? UDPSocket.bind(
        Endpoint(address, port), receiveBufferByteCount: Self.receiveBufferByteCount)
      {
        return PortLease(socket, of: self)
      }
      putBack(port, restsUntil: .zero)
    }
    return nil
  }

  /// Ports leased at the moment.
  public var leasedCount: Int { capacity - state.withLock { $0.idleCount } }

  func takeBack(_ port: UInt16) { putBack(port, restsUntil: MonotonicClock.now() + quarantine) }

  /// 1.3 s of G.711 in 10 ms packets as the kernel counts them (768 bytes each).
  private static let receiveBufferByteCount: Int32 = 100 * 1024

  private func takeIdlePort(at now: MonotonicTime) -> UInt16? {
    state.withLock { state in
      guard state.idleCount > 0, state.restsUntil[state.first] <= now else { return nil }
      let port = state.idle[state.first]
      state.first = (state.first + 1) % state.idle.count
      state.idleCount -= 1
      return port
    }
  }

  private func putBack(_ port: UInt16, restsUntil: MonotonicTime) {
    state.withLock { state in
      let last = (state.first + state.idleCount) % state.idle.count
      state.idle[last] = port
      state.restsUntil[last] = restsUntil
      state.idleCount += 1
    }
  }
}
