/// Bounds of one media loop. What would exceed them is refused, never queued.
public struct MediaLimits: Hashable, Sendable {
  public var rooms: Int
  public var phoneLegs: Int
  public var transports: Int
  /// Tracks that one peer may publish.
  public var tracksPerTransport: Int
  /// Streams that one peer may be sent; an SRTP context knows 64.
  public var subscriptionsPerTransport: Int
  /// TCP connections of all transports.
  public var streams: Int

  public init(
    rooms: Int = 10_000, phoneLegs: Int = 10_000, transports: Int = 10_000, tracksPerTransport: Int = 16,
    subscriptionsPerTransport: Int = 48, streams: Int = 1_000
  ) {
    self.rooms = rooms
    self.phoneLegs = phoneLegs
    self.transports = transports
    self.tracksPerTransport = tracksPerTransport
    self.subscriptionsPerTransport = subscriptionsPerTransport
    self.streams = streams
  }
}
