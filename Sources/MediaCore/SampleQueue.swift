/// Samples that wait for their turn, first in, first out, in one block of memory.
struct SampleQueue: ~Copyable {
  private let samples: UnsafeMutablePointer<Int16>
  private let capacity: Int
  private var start = 0
  private(set) var count = 0

  init(capacity: Int) {
    self.capacity = capacity
    samples = .allocate(capacity: capacity)
    samples.initialize(repeating: 0, count: capacity)
  }

  deinit { samples.deallocate() }

  /// Room for `wanted` samples behind those that wait; they count once `append(filled:)` says so. Empty when the
  /// queue is too full.
  mutating func room(for wanted: Int) -> UnsafeMutableBufferPointer<Int16> {
    guard count + wanted <= capacity else { return UnsafeMutableBufferPointer(start: nil, count: 0) }
    if start + count + wanted > capacity {
      samples.update(from: samples + start, count: count)
      start = 0
    }
    return UnsafeMutableBufferPointer(start: samples + start + count, count: wanted)
  }

  /// The first `filled` samples of `room(for:)` are there now.
  mutating func append(filled: Int) { count += filled }

  /// False, and nothing changes, when the queue is too full.
  @discardableResult
  mutating func append(_ source: UnsafeBufferPointer<Int16>) -> Bool {
    let room = room(for: source.count)
    guard room.count == source.count, let from = source.baseAddress, let to = room.baseAddress else { return false }
    to.update(from: from, count: source.count)
    count += source.count
    return true
  }

  /// The first `wanted` samples, fewer when fewer wait. Valid until the queue changes.
  func first(_ wanted: Int) -> UnsafeMutableBufferPointer<Int16> {
    UnsafeMutableBufferPointer(start: samples + start, count: min(wanted, count))
  }

  mutating func removeFirst(_ removed: Int) {
    let removed = min(removed, count)
    start += removed
    count -= removed
    if count == 0 { start = 0 }
  }

  mutating func removeAll() { removeFirst(count) }
}
