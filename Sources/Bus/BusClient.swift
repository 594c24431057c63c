import Base
import LiveKitProtocol

/// The calling side of one service: which requests are out, whom they were given to, what came back.
///
/// ```
///  call ──REQ──▶ selecting ──RCLAIM──▶ awaiting ──RES──▶ finished
///                  │ nobody offers in time                │ nothing comes in time
///                  └──▶ unavailable                       └──▶ deadline_exceeded
///  multi: ──REQ──▶ collecting until the deadline
///  neither claim nor multi: ──REQ──▶ awaiting
/// ```
///
/// The owner subscribes to `channels` before the first call, publishes what `BusAction` says, and calls `expire` at
/// `deadline`. A channel that does not carry what it should costs a request its answer, never more.
public struct BusClient: Sendable {
  /// Names a call for the life of this value.
  public typealias CallID = UInt64

  /// How long things may take; the defaults are psrpc's.
  public struct Timing: Hashable, Sendable {
    /// The whole call.
    public var timeout: Duration
    /// Until a server must have offered itself.
    public var selection: Duration
    /// After the first offer, while better ones may come; of methods with affinity.
    public var betterOffer: Duration

    public init(
      timeout: Duration = .seconds(3), selection: Duration = .seconds(1), betterOffer: Duration = .milliseconds(200)
    ) {
      self.timeout = timeout
      self.selection = selection
      self.betterOffer = betterOffer
    }
  }

  public enum Action: Hashable, Sendable {
    case publish(channel: String, [UInt8])
    /// Encoded response messages: one, or of a multi method as many as came.
    case finished(CallID, Result<[[UInt8]], BusError>)
  }

  /// Calls that may be out at a time.
  public static let callLimit = 4096
  /// Responses kept of one multi call.
  static let collectionLimit = 256

  private struct Offer: Sendable {
    var serverID: String
    var affinity: Float
  }

  private enum Phase: Sendable {
    case selecting(until: MonotonicTime, best: Offer?)
    case awaiting
    case collecting([[UInt8]])
  }

  private struct Call: Sendable {
    let id: CallID
    let method: BusMethod
    let topic: [String]
    let deadline: MonotonicTime
    let betterOffer: Duration
    var phase: Phase

    var nextEvent: MonotonicTime {
      if case .selecting(let until, _) = phase { min(until, deadline) } else { deadline }
    }
  }

  public let service: String
  /// `CLI_…`
  public let clientID: String
  private var calls: [String: Call] = [:]
  private var nextID: CallID = 1

  public init(service: String, clientID: String) {
    self.service = service
    self.clientID = clientID
  }

  /// To be subscribed to: responses and offers.
  public var channels: [String] {
    [BusChannel.response(service, client: clientID), BusChannel.claim(service, client: clientID)]
  }

  public var callCount: Int { calls.count }

  /// When `expire` has something to do. Nil: not until something else happens.
  public var deadline: MonotonicTime? { calls.values.lazy.map(\.nextEvent).min() }

  /// Asks a server. Exactly one `finished` follows, in this result or later.
  ///
  /// - Parameter payload: the encoded request message.
  public mutating func call(
    _ method: BusMethod, topic: [String] = [], payload: [UInt8], timing: Timing = Timing(), at time: BusTime,
    using generator: inout some RandomNumberGenerator
  ) -> (CallID, [Action]) {
    defer { nextID += 1 }
    guard calls.count < Self.callLimit else {
      let error = BusError(.resourceExhausted, "\(Self.callLimit) requests are waiting for an answer")
      return (nextID, [.finished(nextID, .failure(error))])
    }
    var request = Internal_Request()
    request.requestID = BusID.request(using: &generator)
    request.clientID = clientID
    request.sentAt = time.unixNanoseconds
    request.expiry = time.unixNanoseconds + timing.timeout.wholeNanoseconds
    request.multi = method.isMulti
    request.payload = payload
    let phase: Phase =
      method.isMulti
      ? .collecting([]) : method.requiresClaim ? .selecting(until: time.now + timing.selection, best: nil) : .awaiting
    calls[request.requestID] = Call(
      id: nextID, method: method, topic: topic, deadline: time.now + timing.timeout, betterOffer: timing.betterOffer,
      phase: phase)
    let channel = BusChannel.request(service, method.name, topic: topic)
    return (nextID, [.publish(channel: channel, BusEnvelope.request(request).bytes)])
  }

  /// What came on one of `channels`.
  public mutating func receive(_ bytes: [UInt8], now: MonotonicTime) -> [Action] {
    switch BusEnvelope(bytes) {
    case .claim(let claim): offered(claim, now)
    case .response(let response): responded(response)
    default: []
    }
  }

  public mutating func expire(now: MonotonicTime) -> [Action] {
    calls.filter { $0.value.nextEvent <= now }.sorted { $0.value.id < $1.value.id }.flatMap { requestID, call in
      timeIsUp(requestID, call, now)
    }
  }

  /// The bus is gone: whoever waits learns it at once.
  public mutating func fail(_ error: BusError) -> [Action] {
    defer { calls = [:] }
    return calls.values.sorted { $0.id < $1.id }.map { .finished($0.id, .failure(error)) }
  }

  /// Nobody waits for it any more.
  public mutating func forget(_ id: CallID) {
    if let key = calls.first(where: { $0.value.id == id })?.key { calls[key] = nil }
  }

  // MARK: What comes

  private mutating func offered(_ claim: Internal_ClaimRequest, _ now: MonotonicTime) -> [Action] {
    guard var call = calls[claim.requestID], case .selecting(let until, let best) = call.phase,
      claim.affinity > best?.affinity ?? 0
    else { return [] }
    let offer = Offer(serverID: claim.serverID, affinity: claim.affinity)
    guard call.method.hasAffinity else { return choose(offer, claim.requestID, call) }
    call.phase = .selecting(until: best == nil ? min(until, now + call.betterOffer) : until, best: offer)
    calls[claim.requestID] = call
    return []
  }

  private mutating func choose(_ offer: Offer, _ requestID: String, _ call: Call) -> [Action] {
    calls[requestID]?.phase = .awaiting
    var choice = Internal_ClaimResponse()
    choice.requestID = requestID
    choice.serverID = offer.serverID
    let channel = BusChannel.claimResponse(service, call.method.name, topic: call.topic)
    return [.publish(channel: channel, BusEnvelope.claimResponse(choice).bytes)]
  }

  private mutating func responded(_ response: Internal_Response) -> [Action] {
    guard var call = calls[response.requestID] else { return [] }
    if case .collecting(var found) = call.phase {
      if found.count < Self.collectionLimit, case .success(let payload) = Self.result(response) {
        found.append(payload)
        call.phase = .collecting(found)
        calls[response.requestID] = call
      }
      return []
    }
    // Before any offer only a server that could not read the request responds, and no other could.
    calls[response.requestID] = nil
    return [.finished(call.id, Self.result(response).map { [$0] })]
  }

  private static func result(_ response: Internal_Response) -> Result<[UInt8], BusError> {
    guard response.error.isEmpty, response.code.isEmpty else {
      let code = BusError.Code(rawValue: response.code) ?? .unknown
      return .failure(BusError(code, response.error, details: response.errorDetails))
    }
    return .success(response.payload)
  }

  private mutating func timeIsUp(_ requestID: String, _ call: Call, _ now: MonotonicTime) -> [Action] {
    switch call.phase {
    case .selecting(_, .some(let best)) where now < call.deadline: return choose(best, requestID, call)
    case .selecting(_, let best):
      calls[requestID] = nil
      return [.finished(call.id, .failure(best == nil ? .noResponse : .timedOut))]
    case .awaiting:
      calls[requestID] = nil
      return [.finished(call.id, .failure(.timedOut))]
    case .collecting(let found):
      calls[requestID] = nil
      return [.finished(call.id, .success(found))]
    }
  }
}
