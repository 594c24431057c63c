import Base
import NIOCore
import Synchronization

/// The connections of one server: how many, from where, and how to reach them all when it closes.
///
/// A class because every connection's handlers share it; confined to the event loop.
final class ConnectionTable {
  let limits: WebServerLimits
  private(set) var isClosing = false
  private var connections: [ObjectIdentifier: Connection] = [:]
  private var countBySource: [SourceKey: Int] = [:]
  private var bodiesByteCount = 0
  private let counters: ServerCounters
  let entrance: LoopEntrance

  init(limits: WebServerLimits, counters: ServerCounters, entrance: LoopEntrance) {
    self.limits = limits
    self.entrance = entrance
    self.counters = counters
  }

  private struct Connection {
    let channel: any Channel
    /// Where it counts. Nil: the handler knows who it is.
    var source: SourceKey?
  }

  /// One IPv4 address, or the /64 that one IPv6 subscriber holds.
  struct SourceKey: Hashable {
    let high: UInt64
    let low: UInt64

    init(_ address: IPAddress) {
      high = address.high
      low = address.isIPv4 ? address.low : 0
    }
  }

  /// False: the connection is one too many and must be closed at once.
  func admit(_ channel: any Channel, from source: IPAddress) -> Bool {
    let key = SourceKey(source)
    let ofSource = countBySource[key, default: 0]
    guard !isClosing, connections.count < limits.connections, ofSource < limits.connectionsPerSource else {
      count { $0.refusedConnections += 1 }
      return false
    }
    connections[ObjectIdentifier(channel)] = Connection(channel: channel, source: key)
    countBySource[key] = ofSource + 1
    count {
      $0.acceptedConnections += 1
      $0.openConnections += 1
    }
    return true
  }

  /// The handler has accepted the connection as a WebSocket: it leaves its source's place to the next.
  func trust(_ channel: any Channel) {
    release(connections[ObjectIdentifier(channel)]?.source)
    connections[ObjectIdentifier(channel)]?.source = nil
  }

  func remove(_ channel: any Channel) {
    guard let connection = connections.removeValue(forKey: ObjectIdentifier(channel)) else { return }
    release(connection.source)
    count { $0.openConnections -= 1 }
  }

  /// Makes room for so many bytes of a body. False: there is none.
  func takeBodyBytes(_ byteCount: Int) -> Bool {
    guard bodiesByteCount + byteCount <= limits.bodiesByteCount else { return false }
    bodiesByteCount += byteCount
    count { $0.heldBodyBytes = bodiesByteCount }
    return true
  }

  func releaseBodyBytes(_ byteCount: Int) {
    guard byteCount > 0 else { return }
    bodiesByteCount -= byteCount
    count { $0.heldBodyBytes = bodiesByteCount }
  }

  private func release(_ source: SourceKey?) {
    guard let source else { return }
    let left = countBySource[source, default: 1] - 1
    countBySource[source] = left == 0 ? nil : left
  }

  /// From here on nothing is admitted; returns what is open.
  func startClosing() -> [any Channel] {
    isClosing = true
    return connections.values.map(\.channel)
  }

  func count(_ change: (inout WebServerStatistics) -> Void) {
    counters.values.withLock { change(&$0) }
  }
}

/// Written by the event loop, read by anyone. A class because both hold it; the lock guards one value.
final class ServerCounters: Sendable {
  let values = Mutex(WebServerStatistics())
}
