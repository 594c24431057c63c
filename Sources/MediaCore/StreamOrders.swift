import Base
import Transport

/// A TCP connection that a transport wants from its loop.
public struct StreamConfiguration: Hashable, Sendable {
  public var endpoint: Endpoint
  public var framing: StreamFraming
  /// The name that the certificate of a TLS server must have. Nil: no TLS.
  public var tlsName: String?

  public init(endpoint: Endpoint, framing: StreamFraming, tlsName: String? = nil) {
    self.endpoint = endpoint
    self.framing = framing
    self.tlsName = tlsName
  }
}

/// What an engine asks of whoever owns its sockets.
public enum StreamOrder: Hashable, Sendable {
  /// Ends in `MediaEngine.streamOpened` or `streamClosed`, soon.
  case open(MediaPort, StreamConfiguration)
  /// What is queued for it already is still to be sent. Nothing is reported of it any more.
  case close(MediaPort)
}

/// Connections of one engine: whose they are, and what is still to be told of them.
struct StreamOrders {
  private var owners: [TransportID?] = []
  private var free: [Int] = []
  private var waiting: [StreamOrder] = []
  private var openCount = 0
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// Nil when there are too many.
  mutating func open(_ configuration: StreamConfiguration, for owner: TransportID) -> MediaPort? {
    guard openCount < limit else { return nil }
    openCount += 1
    let number = free.popLast() ?? owners.count
    if number == owners.count { owners.append(owner) } else { owners[number] = owner }
    waiting.append(.open(.stream(number), configuration))
    return .stream(number)
  }

  /// Nothing when it is closed already.
  mutating func close(_ port: MediaPort) {
    guard release(port) else { return }
    waiting.append(.close(port))
  }

  /// It has closed by itself. False when it was not open.
  mutating func release(_ port: MediaPort) -> Bool {
    guard let number = port.streamNumber, number < owners.count, owners[number] != nil else { return false }
    owners[number] = nil
    free.insert(number, at: 0)
    openCount -= 1
    return true
  }

  func owner(of port: MediaPort) -> TransportID? {
    guard let number = port.streamNumber, number < owners.count else { return nil }
    return owners[number]
  }

  mutating func next() -> StreamOrder? { waiting.isEmpty ? nil : waiting.removeFirst() }
}
