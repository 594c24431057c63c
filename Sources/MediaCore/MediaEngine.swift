import Base

/// All rooms of one media loop, without its sockets and clock.
public struct MediaEngine: ~Copyable {
  /// Half of a 20 ms frame: it paces packet times that are not multiples of 20 ms, and rooms take turns.
  public static let tickPeriod = Duration.milliseconds(10)

  public var transmit = TransmitQueue(capacity: 512)

  public init(
    limits: MediaLimits, identity: MediaIdentity, unixNanosecondsAtZero: Int64, onEvent: @escaping (MediaEvent) -> Void
  ) {}

  public var legCount: Int { 0 }
  public mutating func perform(_ command: MediaCommand, at now: MonotonicTime) {}
  public mutating func openPhoneLeg(
    _ configuration: PhoneLegConfiguration, on port: MediaPort, at now: MonotonicTime
  ) {}
  public mutating func receive(
    _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, on port: MediaPort, at now: MonotonicTime
  ) {}
  public mutating func receiveOnWebRTCPort(
    _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, at now: MonotonicTime
  ) {}
  public mutating func beginTick(at now: MonotonicTime) {}
  public mutating func continueTick(at now: MonotonicTime) -> Bool { false }
  public mutating func skipTicks(_ count: Int) {}
  public mutating func nextClosedPort() -> MediaPort? { nil }
  public mutating func report(_ counters: inout MediaLoopStatistics) {}
  public mutating func closeAll(at now: MonotonicTime) {}
}
