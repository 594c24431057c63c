import Base

/// A token bucket for each source address, in a table that never grows.
///
/// The table is cut into small sets; an address that finds its set full takes the place of the one whose bucket is
/// fullest, that is, of the one that has been quiet longest. IPv6 sources count by their /64, which one host owns whole.
public struct SourceLimiter: Sendable {
  private struct Bucket {
    var key: UInt64
    /// Tokens in thousandths at `updated`.
    var milliTokens: Int64
    var updated: MonotonicTime
  }

  private static let setSize = 8

  /// Sustained requests a second.
  public let ratePerSecond: Int
  /// Requests at once.
  public let burst: Int
  private let setCount: Int
  /// Keys tell addresses apart across families and cannot be chosen to collide.
  private let seed: UInt64
  private var buckets: [Bucket?]

  /// - Parameter sourceLimit: addresses remembered at a time, rounded up to a multiple of eight.
  public init(ratePerSecond: Int, burst: Int, sourceLimit: Int = 10_000, seed: UInt64 = .random(in: 0...UInt64.max)) {
    self.ratePerSecond = max(1, min(ratePerSecond, 1_000_000))
    self.burst = max(1, min(burst, 1_000_000))
    self.seed = seed
    setCount = max(1, (min(sourceLimit, 1 << 20) + Self.setSize - 1) / Self.setSize)
    buckets = Array(repeating: nil, count: setCount * Self.setSize)
  }

  /// Takes one token. False: the source has none left, and the request must be dropped or refused.
  public mutating func admit(_ source: IPAddress, now: MonotonicTime) -> Bool {
    let key = key(of: source)
    let index = slot(for: key, now: now)
    var bucket = buckets[index] ?? Bucket(key: key, milliTokens: full, updated: now)
    bucket.milliTokens = level(bucket, now: now)
    bucket.updated = max(bucket.updated, now)
    let isAdmitted = bucket.milliTokens >= 1000
    if isAdmitted { bucket.milliTokens -= 1000 }
    buckets[index] = bucket
    return isAdmitted
  }

  /// Addresses in the table, for statistics.
  public var sourceCount: Int { buckets.reduce(0) { $0 + ($1 == nil ? 0 : 1) } }

  private var full: Int64 { Int64(burst) * 1000 }

  private func level(_ bucket: Bucket, now: MonotonicTime) -> Int64 {
    let elapsed = max(0, min((now - bucket.updated).wholeMilliseconds, 86_400_000))
    return min(full, bucket.milliTokens + elapsed * Int64(ratePerSecond))
  }

  /// The place of `key`, else a free one of its set, else the fullest bucket's, which is given up.
  private mutating func slot(for key: UInt64, now: MonotonicTime) -> Int {
    let first = Int(key % UInt64(setCount)) * Self.setSize
    var free: Int?
    var fullest = (index: first, level: Int64.min)
    for index in first..<(first + Self.setSize) {
      guard let bucket = buckets[index] else {
        free = free ?? index
        continue
      }
      if bucket.key == key { return index }
      let level = level(bucket, now: now)
      if level > fullest.level { fullest = (index, level) }
    }
    if let free { return free }
    buckets[fullest.index] = nil
    return fullest.index
  }

  private func key(of source: IPAddress) -> UInt64 {
    var mixed = seed ^ (source.isIPv4 ? source.low | 1 << 63 : source.high)
    // splitmix64's finaliser: every bit of the address reaches every bit of the key.
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
