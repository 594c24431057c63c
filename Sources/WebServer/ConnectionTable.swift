import Base
import NIOCore
import Synchronization

/// The connections of one server: how many, from where, and how to reach them all when it closes.
///
/// A class because every connection's handlers share it; confined to the event loop.
final class ConnectionTable {
  let limits: WebServerLimits
  private(set) var isClosing = false
  private var channels: [ObjectIdentifier: any Channel] = [:]
  private var countBySource: [SourceKey: Int] = [:]
  private var bodiesByteCount = 0
  private let counters: ServerCounters

  init(limits: WebServerLimits, counters: ServerCounters) {
    self.limits = limits
    self.counters = counters
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
    guard !isClosing, channels.count < limits.connections, ofSource < limits.connectionsPerSource else {
      count { $0.refusedConnections += 1 }
      return false
    }
    channels[ObjectIdentifier(channel)] = channel
    countBySource[key] = ofSource + 1
    count {
      $0.acceptedConnections += 1
      $0.openConnections += 1
    }
    return true
  }

  func remove(_ channel: any Channel, from source: IPAddress) {
    guard channels.removeValue(forKey: ObjectIdentifier(channel)) != nil else { return }
    let key = SourceKey(source)
    let left = countBySource[key, default: 1] - 1
    countBySource[key] = left == 0 ? nil : left
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

  /// From here on nothing is admitted; returns what is open.
  func startClosing() -> [any Channel] {
    isClosing = true
    return Array(channels.values)
  }

  func count(_ change: (inout WebServerStatistics) -> Void) {
    counters.values.withLock { change(&$0) }
  }
}

/// Written by the event loop, read by anyone. A class because both hold it; the lock guards one value.
final class ServerCounters: Sendable {
  let values = Mutex(WebServerStatistics())
}
