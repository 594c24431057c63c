import Base

/// Where the legs of a loop put what they produce, and memory that they share. Passed down each call.
struct MediaOutput: ~Copyable {
  /// DTLS's largest record (RFC 6347 §4.1) is the longest thing that is ever unpacked.
  static let scratchByteCount = 16 << 10

  var transmit: TransmitQueue
  var streams: StreamOrders
  /// Unix time at `MonotonicTime.zero`, for the NTP timestamps of sender reports.
  let unixNanosecondsAtZero: Int64
  /// Contents last until the next call that is given this output.
  let scratch: UnsafeMutableRawBufferPointer
  private let onEvent: (MediaEvent) -> Void

  init(queueCapacity: Int, streamLimit: Int, unixNanosecondsAtZero: Int64, onEvent: @escaping (MediaEvent) -> Void) {
    transmit = TransmitQueue(capacity: queueCapacity)
    streams = StreamOrders(limit: streamLimit)
    self.unixNanosecondsAtZero = unixNanosecondsAtZero
    self.onEvent = onEvent
    scratch = .allocate(byteCount: Self.scratchByteCount, alignment: 16)
    scratch.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { scratch.deallocate() }

  func emit(_ event: MediaEvent) { onEvent(event) }

  /// Seconds since 1900 and their fraction, 32 bits each (RFC 3550 §4).
  func ntpTimestamp(at now: MonotonicTime) -> UInt64 {
    let secondsFrom1900To1970: UInt64 = 2_208_988_800
    let unix = UInt64(max(0, unixNanosecondsAtZero + now.nanoseconds))
    let (seconds, rest) = unix.quotientAndRemainder(dividingBy: 1_000_000_000)
    return (seconds + secondsFrom1900To1970) << 32 | (rest << 32) / 1_000_000_000
  }
}
