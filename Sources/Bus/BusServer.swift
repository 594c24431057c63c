import Base
import LiveKitProtocol

/// The serving side of one service: which methods and topics it has, and what becomes of each request.
///
/// ```
///  REQ ──▶ waiting ──▶ locking ──CLAIM──▶ claiming ──RCLAIM: us──▶ serving ──RES──▶ done
///   │    by load  │       │ another server has it     │ RCLAIM: another, or the request expires
///   │             ▼       ▼                           ▼
///   └ expired ──▶ dropped                             dropped
///  no claim: ──▶ serving · no queue: no lock · no load to share: no waiting
/// ```
///
/// The owner performs the actions, reports locks with `locked`, answers each `invoke` with `respond`, and calls `expire`
/// at `deadline`.
public struct BusServer: Sendable {
  /// A request that this server serves.
  public struct Invocation: Hashable, Sendable {
    public let requestID: String
    public let method: BusMethod
    public let topic: [String]
    /// The encoded request message.
    public let payload: [UInt8]
    public let metadata: [String: String]
    /// Nobody waits for a response after it.
    public let deadline: MonotonicTime
  }

  public enum Action: Hashable, Sendable {
    case subscribe([String])
    case unsubscribe([String])
    case publish(channel: String, [UInt8])
    /// `locked` with the same request must follow.
    case lock(requestID: String, QueueLock)
    /// `respond` with the same request must follow.
    case invoke(Invocation)
  }

  /// Requests that may be under way at a time; more are dropped.
  public static let requestLimit = 4096
  /// How long a server without free capacity leaves a request to servers that have some.
  public static let loadDelayLimit: Duration = .milliseconds(50)
  /// The same when it is full and could only refuse: shorter than the second in which clients await an offer.
  public static let fullDelay: Duration = .milliseconds(300)
  /// Affinity of a full server: clients ignore offers of zero.
  private static let leastAffinity: Float = 0.001

  private struct Registration: Sendable {
    let method: BusMethod
    let topic: [String]
    let sharesLoad: Bool
    /// No new requests; goes when the last offer is decided.
    var isClosing = false

    var requestChannel: String { BusChannel.request(method.service, method.name, topic: topic) }
    var claimChannel: String { BusChannel.claimResponse(method.service, method.name, topic: topic) }
  }

  private enum Phase: Sendable, Equatable {
    case waiting(until: MonotonicTime)
    case locking
    case claiming
    case serving
  }

  private struct Request: Sendable {
    let message: Internal_Request
    let channel: String
    let lock: QueueLock?
    let deadline: MonotonicTime
    var phase: Phase

    var nextEvent: MonotonicTime? {
      switch phase {
      case .waiting(let until): min(until, deadline)
      case .locking, .claiming: deadline
      case .serving: nil
      }
    }
  }

  public let service: String
  /// `SRV_…`
  public let serverID: String
  /// Free capacity, 0 to 1: requests go to whoever has more.
  public var freeCapacity: Float = 1
  /// Whether a request is for this server at all, by its encoded message. Others may take what it leaves.
  public var accepts: @Sendable (BusMethod, [UInt8]) -> Bool = { _, _ in true }
  /// Requests dropped because they had expired, could not be read, or were too many.
  public private(set) var droppedCount = 0
  private var registrations: [String: Registration] = [:]
  private var requests: [String: Request] = [:]

  public init(service: String, serverID: String) {
    self.service = service
    self.serverID = serverID
  }

  /// When `expire` has something to do. Nil: not until something else happens.
  public var deadline: MonotonicTime? { requests.values.lazy.compactMap(\.nextEvent).min() }

  /// Requests that another server could still have taken, and those offered for.
  public var undecidedCount: Int { requests.values.count { $0.phase != .serving } }
  public var requestCount: Int { requests.count }

  // MARK: Methods

  /// - Parameter sharesLoad: servers with more free capacity come first.
  public mutating func register(_ method: BusMethod, topic: [String] = [], sharesLoad: Bool = false) -> [Action] {
    let registration = Registration(method: method, topic: topic, sharesLoad: sharesLoad)
    let known = registrations.updateValue(registration, forKey: registration.requestChannel)
    if known != nil, known?.isClosing != true { return [] }
    return [.subscribe(channels(registration))]
  }

  /// No new requests; those that this server has taken are served.
  public mutating func deregister(_ method: BusMethod, topic: [String] = []) -> [Action] {
    let channel = BusChannel.request(method.service, method.name, topic: topic)
    guard let registration = registrations[channel], !registration.isClosing else { return [] }
    registrations[channel]?.isClosing = true
    for (id, request) in requests where request.channel == channel {
      if case .waiting = request.phase { requests[id] = nil }
    }
    return [.unsubscribe([channel])] + closeIfDone(channel)
  }

  private func channels(_ registration: Registration) -> [String] {
    registration.method.requiresClaim
      ? [registration.requestChannel, registration.claimChannel] : [registration.requestChannel]
  }

  private mutating func closeIfDone(_ channel: String) -> [Action] {
    guard let registration = registrations[channel], registration.isClosing,
      !requests.values.contains(where: { $0.channel == channel && $0.phase != .serving })
    else { return [] }
    registrations[channel] = nil
    return registration.method.requiresClaim ? [.unsubscribe([registration.claimChannel])] : []
  }

  // MARK: Requests

  /// What came on a channel that `subscribe` named.
  public mutating func receive(_ bytes: [UInt8], on channel: String, at time: BusTime) -> [Action] {
    switch BusEnvelope(bytes) {
    case .request(let message): return requested(message, bytes, channel, time)
    case .claimResponse(let choice): return chosen(choice)
    default:
      droppedCount += 1
      return []
    }
  }

  private mutating func requested(
    _ message: Internal_Request, _ bytes: [UInt8], _ channel: String, _ time: BusTime
  ) -> [Action] {
    guard let registration = registrations[channel], !registration.isClosing,
      accepts(registration.method, message.payload)
    else { return [] }
    let left = message.expiry.subtractingReportingOverflow(time.unixNanoseconds)
    guard !left.overflow, left.partialValue > 0, requests.count < Self.requestLimit,
      requests[message.requestID] == nil
    else {
      droppedCount += 1
      return []
    }
    // A wait longer than a day is a clock that is wrong.
    let deadline = time.now + min(.nanoseconds(left.partialValue), .seconds(86_400))
    let delay = registration.sharesLoad ? loadDelay : .zero
    requests[message.requestID] = Request(
      message: message, channel: channel, lock: registration.method.isQueued ? QueueLock(payload: bytes) : nil,
      deadline: deadline, phase: .waiting(until: time.now + delay))
    return delay == .zero ? take(message.requestID) : []
  }

  private var loadDelay: Duration {
    freeCapacity > 0 ? Self.loadDelayLimit * Double(1 - min(freeCapacity, 1)) : Self.fullDelay
  }

  private mutating func take(_ requestID: String) -> [Action] {
    guard let request = requests[requestID] else { return [] }
    guard let lock = request.lock else { return offer(requestID) }
    requests[requestID]?.phase = .locking
    return [.lock(requestID: requestID, lock)]
  }

  /// - Parameter isOurs: false also when Redis could not be asked.
  public mutating func locked(_ requestID: String, isOurs: Bool) -> [Action] {
    guard let request = requests[requestID], request.phase == .locking else { return [] }
    return isOurs ? offer(requestID) : drop(requestID, request)
  }

  private mutating func offer(_ requestID: String) -> [Action] {
    guard let request = requests[requestID], let registration = registrations[request.channel] else { return [] }
    guard registration.method.requiresClaim else { return serve(requestID) }
    requests[requestID]?.phase = .claiming
    var claim = Internal_ClaimRequest()
    claim.requestID = requestID
    claim.serverID = serverID
    claim.affinity = registration.sharesLoad ? max(min(freeCapacity, 1), Self.leastAffinity) : 1
    let channel = BusChannel.claim(service, client: request.message.clientID)
    return [.publish(channel: channel, BusEnvelope.claim(claim).bytes)]
  }

  private mutating func chosen(_ choice: Internal_ClaimResponse) -> [Action] {
    guard let request = requests[choice.requestID], request.phase != .serving else { return [] }
    guard choice.serverID == serverID, request.phase == .claiming else { return drop(choice.requestID, request) }
    return serve(choice.requestID)
  }

  private mutating func serve(_ requestID: String) -> [Action] {
    guard let request = requests[requestID], let registration = registrations[request.channel] else { return [] }
    requests[requestID]?.phase = .serving
    let message = request.message
    let invocation = Invocation(
      requestID: requestID, method: registration.method, topic: registration.topic,
      payload: message.payload, metadata: message.metadata, deadline: request.deadline)
    return [.invoke(invocation)] + closeIfDone(request.channel)
  }

  private mutating func drop(_ requestID: String, _ request: Request) -> [Action] {
    requests[requestID] = nil
    return closeIfDone(request.channel)
  }

  // MARK: Responses

  /// - Parameter result: the encoded response message.
  public mutating func respond(
    _ requestID: String, _ result: Result<[UInt8], BusError>, at time: BusTime
  ) -> [Action] {
    guard let request = requests[requestID], request.phase == .serving else { return [] }
    requests[requestID] = nil
    var response = Internal_Response()
    response.requestID = requestID
    response.serverID = serverID
    response.sentAt = time.unixNanoseconds
    switch result {
    case .success(let payload): response.payload = payload
    case .failure(let error):
      // Without a text it would count as a success.
      response.error = error.message.isEmpty ? error.code.rawValue : error.message
      response.code = error.code.rawValue
      response.errorDetails = error.details
    }
    let channel = BusChannel.response(service, client: request.message.clientID)
    return [.publish(channel: channel, BusEnvelope.response(response).bytes)]
  }

  public mutating func expire(now: MonotonicTime) -> [Action] {
    let due = requests.filter { $0.value.nextEvent.map { $0 <= now } ?? false }
    return due.sorted { $0.key < $1.key }.flatMap { requestID, request -> [Action] in
      if now >= request.deadline { return drop(requestID, request) }
      return take(requestID)
    }
  }
}
