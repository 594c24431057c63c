import Base
import Transport

/// A TURN server as a way to the peer.
struct ICERelay {
  let server: ICEServer
  let base: ICEBaseID
  var client: TURNClient
  /// The socket or connection to the server. Nil: it is not spoken to.
  private(set) var port: MediaPort?
  /// The connection is there, or none is needed.
  private(set) var isActive = false
  /// One that fails at once is not tried all the time.
  var retry = DetourRetry()
  private let number: Int

  private static let firstBase: UInt8 = 2

  init(_ server: ICEServer, number: Int) {
    self.server = server
    self.number = number
    base = ICEBaseID(rawValue: Self.firstBase + UInt8(number))
    client = TURNClient(username: server.username, password: server.password, isStream: false)
  }

  /// Of the connection that has to be made first. Nil when the server takes datagrams.
  var configuration: StreamConfiguration? {
    switch server.transport {
    case .udp: nil
    case .tcp: StreamConfiguration(endpoint: server.endpoint, framing: .turn)
    case .tls: StreamConfiguration(endpoint: server.endpoint, framing: .turn, tlsName: server.name)
    }
  }

  /// UDP before TCP before TLS, then the order in which the servers were given.
  func agentBase(isIPv4: Bool) -> ICEBase {
    let rank: Int =
      switch server.transport {
      case .udp: 300
      case .tcp: 200
      case .tls: 100
      }
    return ICEBase(id: base, kind: .relayed, isIPv4: isIPv4, localPreference: UInt16(rank - number))
  }

  mutating func begin(via port: MediaPort?, at now: MonotonicTime) {
    self.port = port
    retry.begin(at: now)
  }

  mutating func begin(isStream: Bool) {
    guard port != nil else { return }
    client = TURNClient(username: server.username, password: server.password, isStream: isStream)
    isActive = true
  }

  mutating func end() {
    port = nil
    isActive = false
  }
}

/// When a detour is tried again: one that stood and has ended sooner than one that never came about.
struct DetourRetry {
  private static let interval = Duration.seconds(5)
  private static let intervalAfterSuccess = Duration.seconds(1)

  private var begunAt: MonotonicTime?
  private var hasSucceeded = false

  mutating func begin(at now: MonotonicTime) {
    begunAt = now
    hasSucceeded = false
  }

  /// It stands.
  mutating func succeed() { hasSucceeded = true }

  func isDue(at now: MonotonicTime) -> Bool {
    begunAt.map { now - $0 >= (hasSucceeded ? Self.intervalAfterSuccess : Self.interval) } ?? true
  }
}

/// A TCP connection to the peer itself, which waits for it (RFC 6544: its candidate is passive, ours active).
struct ICEConnection {
  let remote: Endpoint
  let base: ICEBaseID
  /// Nil: there is none, and none is being made.
  private(set) var port: MediaPort?
  var retry = DetourRetry()

  private static let firstBase: UInt8 = 16
  /// RFC 6544 §4.2: direction preference 6 of an active candidate, then the most preferred.
  private static let localPreference: UInt16 = 6 << 13 | 0x1FFF

  init(to remote: Endpoint, number: Int) {
    self.remote = remote
    base = ICEBaseID(rawValue: Self.firstBase + UInt8(number))
  }

  var configuration: StreamConfiguration { StreamConfiguration(endpoint: remote, framing: .rfc4571) }

  var agentBase: ICEBase {
    ICEBase(
      id: base, isIPv4: remote.address.isIPv4, localPreference: Self.localPreference, connectedTo: remote)
  }

  mutating func begin(via port: MediaPort?, at now: MonotonicTime) {
    self.port = port
    retry.begin(at: now)
  }

  mutating func end() { port = nil }

  /// Puts the length before the packet in the first `byteCount` bytes of `slot`, in place, and returns what is then to
  /// be sent. Zero when it does not fit.
  static func frame(_ slot: UnsafeMutableRawBufferPointer, byteCount: Int) -> Int {
    guard let start = slot.baseAddress, byteCount + 2 <= slot.count else { return 0 }
    (start + 2).copyMemory(from: start, byteCount: byteCount)
    var bytes = slot.mutableBytes
    bytes.set(UInt16(byteCount), at: 0)
    return byteCount + 2
  }
}
