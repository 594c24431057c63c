import Base

/// Lets one line a second about strangers into the log: a scanner must not fill a disk.
struct StrangerLog {
  static let interval = Duration.seconds(1)

  private var lastLogged: MonotonicTime?
  private var unlogged = 0

  mutating func shouldLog(now: MonotonicTime) -> Bool {
    if let lastLogged, now - lastLogged < Self.interval {
      unlogged += 1
      return false
    }
    lastLogged = now
    return true
  }

  /// How many were passed over since the last call.
  mutating func takeUnlogged() -> Int {
    defer { unlogged = 0 }
    return unlogged
  }
}
