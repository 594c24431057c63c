import Base
import Logging
import RoomCore

/// Tells in one line every ten seconds what room clients sent beyond their limits: it is dropped, and a line for each
/// would be a flood of its own.
struct FloodLog {
  static let interval = Duration.seconds(10)

  /// What was dropped since the start.
  struct Counts: Hashable {
    var rooms = RoomCounters()
    /// Packets that found the queue of the media loops' reports full.
    var dataPacketsNotReported = 0
    /// Packets that found the mailbox of their media loop full.
    var dataPacketsNotSent = 0

    /// Name and number of each kind.
    fileprivate var named: KeyValuePairs<String, Int> {
      [
        "requests": rooms.requestsOverRate, "clients_sent_away": rooms.clientsBanished,
        "data_packets": rooms.dataPacketsOverRate + dataPacketsNotReported,
        "data_packets_not_sent": dataPacketsNotSent,
      ]
    }
  }

  private var reported = Counts()
  private var reportedAt: MonotonicTime?

  /// What to log now. Nil: nothing is new, or it is too early.
  mutating func line(_ counts: Counts, now: MonotonicTime) -> Logger.Metadata? {
    guard counts.named.map(\.value) != reported.named.map(\.value) else { return nil }
    if let reportedAt, now - reportedAt < Self.interval { return nil }
    defer { (reported, reportedAt) = (counts, now) }
    var line: Logger.Metadata = [:]
    for (new, old) in zip(counts.named, reported.named) where new.value > old.value {
      line[new.key] = "\(new.value - old.value)"
    }
    return line
  }
}
