import Base

/// How late the packets of the last six seconds of sound were: arrival minus timestamp, in RTP clock ticks. Only
/// differences between its values mean anything.
struct ArrivalWindow: Sendable {
  private struct Bucket {
    var slowest = Int64.min
    var fastest = Int64.max
  }

  private static let bucketCount = 6
  private static let bucketDuration = Duration.seconds(1)

  private var buckets = InlineArray<6, Bucket>(repeating: Bucket())
  private var current = 0
  private var bucketStart = MonotonicTime.zero
  /// The newest packet's.
  private(set) var latest: Int64 = 0
  private(set) var slowest: Int64 = 0
  private(set) var fastest: Int64 = 0

  init() {}

  mutating func record(_ transit: Int64, at now: MonotonicTime) {
    // However long a pause was, it ends one bucket only: silence teaches nothing, so it forgets nothing.
    if now - bucketStart >= Self.bucketDuration {
      bucketStart = now
      current = (current + 1) % Self.bucketCount
      buckets[current] = Bucket()
    }
    buckets[current].slowest = max(buckets[current].slowest, transit)
    buckets[current].fastest = min(buckets[current].fastest, transit)
    latest = transit
    summarise()
  }

  private mutating func summarise() {
    slowest = latest
    fastest = latest
    for index in 0..<Self.bucketCount where buckets[index].slowest != .min {
      slowest = max(slowest, buckets[index].slowest)
      fastest = min(fastest, buckets[index].fastest)
    }
  }
}
