import Base
import Bus
import Configuration
import Linux
import LiveKitProtocol
import Logging
import Redis
import SwiftProtobuf
import Synchronization

/// The cluster's bus: asks livekit-servers, and answers what they ask. It carries out what `BusClient` and `BusServer`
/// decide, over one `RedisClient`.
actor ClusterBus {
  /// Answers one request with an encoded message.
  typealias Handler = @Sendable (BusServer.Invocation) async -> Result<[UInt8], BusError>

  /// Asked twice before it is given up: the bus promises nothing about a message's arrival.
  static let attempts = 2

  /// Whether requests can be made now. Read by any thread.
  nonisolated var isReady: Bool { readiness.withLock { $0 } }

  private let redis: RedisClient
  private let events: RedisEventQueue
  private let log: Logger
  private let readiness = Mutex(false)
  private var client: BusClient
  private var server: BusServer
  private var handlers: [BusMethod: Handler] = [:]
  private var callers: [BusClient.CallID: CheckedContinuation<Result<[[UInt8]], BusError>, Never>] = [:]
  private var locks: [UInt64: String] = [:]
  private var nextLock: UInt64 = 1
  private var random = RandomSource.system
  private var readyWaiters: [CheckedContinuation<Void, Never>] = []
  private var alarm: (at: MonotonicTime, task: Task<Void, Never>)?
  private var failures = FailureLog()
  /// Why the last attempt to connect failed.
  private(set) var lastFailure: String?

  /// Begins to connect. Throws what is wrong with the certificates.
  init(_ settings: ClusterSettings, log: Logger) throws(RedisClient.StartError) {
    self.log = log
    client = BusClient(service: BusMethod.ioService, clientID: BusID.client(using: &random))
    server = BusServer(service: BusMethod.sipService, serverID: BusID.server(using: &random))
    let queue = RedisEventQueue()
    events = queue
    redis = try RedisClient(settings.redis) { queue.push($0) }
    redis.subscribe(client.channels)
  }

  /// Until the task is cancelled.
  func run() async {
    for await event in events.events {
      handle(event)
      events.finishedHandling(event)
    }
  }

  /// Returns when Redis is there, or the time is up.
  func waitUntilReady(atMost limit: Duration) async -> Bool {
    if isReady { return true }
    let timer = Task {
      try? await Task.sleep(for: limit)
      releaseWaiters()
    }
    await withCheckedContinuation { readyWaiters.append($0) }
    timer.cancel()
    return isReady
  }

  func close() {
    alarm?.task.cancel()
    perform(client.fail(BusError(.canceled, "the gateway stopped")))
    redis.close()
  }

  // MARK: Asking

  /// Asks a livekit-server, and once more when nobody answered.
  func call<Response: Message>(
    _ method: BusMethod, _ request: some Message & Sendable, as: Response.Type = Response.self,
    timing: BusClient.Timing = BusClient.Timing()
  ) async throws(BusError) -> Response {
    guard let payload: [UInt8] = try? request.serializedBytes() else {
      throw BusError(.malformedRequest, "\(method.name) cannot be encoded")
    }
    var failure = BusError(.unavailable, "Redis is not connected")
    for _ in 0..<Self.attempts where isReady {
      switch await ask(method, payload, timing) {
      case .success(let payloads):
        guard let response = try? Response(serializedBytes: payloads.first ?? []) else {
          throw BusError(.malformedResponse, "the answer to \(method.name) cannot be read")
        }
        return response
      case .failure(let error):
        failure = error
        if !error.isTransient { throw error }
      }
    }
    throw failure
  }

  private func ask(
    _ method: BusMethod, _ payload: [UInt8], _ timing: BusClient.Timing
  ) async -> Result<[[UInt8]], BusError> {
    await withCheckedContinuation { continuation in
      let (id, actions) = client.call(method, payload: payload, timing: timing, at: Self.time, using: &random)
      callers[id] = continuation
      perform(actions)
      setAlarm()
    }
  }

  // MARK: Serving

  /// Who answers requests of the method, whatever their topic. Before anything is registered.
  func handle(_ method: BusMethod, with handler: @escaping Handler) { handlers[method] = handler }

  /// - Parameter sharesLoad: requests go to gateways with more free capacity first.
  func register(_ method: BusMethod, topic: [String] = [], sharesLoad: Bool = false) {
    perform(server.register(method, topic: topic, sharesLoad: sharesLoad))
  }

  /// What this gateway has taken is still served.
  func withdraw(_ method: BusMethod, topic: [String] = []) {
    perform(server.deregister(method, topic: topic))
    setAlarm()
  }

  /// Registers or withdraws, as is wanted when this runs.
  func settle(_ method: BusMethod, topic: [String], isWanted: @Sendable () -> Bool) {
    if isWanted() { register(method, topic: topic) } else { withdraw(method, topic: topic) }
  }

  /// Requests that are taken but not decided yet: another gateway may still have them.
  var undecidedCount: Int { server.undecidedCount }

  /// Requests that another gateway is to take are left alone: those for which `accepts` is false.
  func screen(_ accepts: @escaping @Sendable (BusMethod, [UInt8]) -> Bool) { server.accepts = accepts }

  /// 0 to 1.
  func setFreeCapacity(_ share: Float) { server.freeCapacity = share }

  private func serve(_ invocation: BusServer.Invocation) {
    guard let handler = handlers[invocation.method] else {
      return respond(invocation, .failure(BusError(.unimplemented, "\(invocation.method.name) is not served")))
    }
    Task { respond(invocation, await handler(invocation)) }
  }

  private func respond(_ invocation: BusServer.Invocation, _ result: Result<[UInt8], BusError>) {
    perform(server.respond(invocation.requestID, result, at: Self.time))
  }

  // MARK: Redis

  private func handle(_ event: RedisEvent) {
    switch event {
    case .ready(let address):
      readiness.withLock { $0 = true }
      failures = FailureLog()
      log.notice("the bus is connected", metadata: ["redis": "\(address)"])
      releaseWaiters()
    case .lost(let reason):
      readiness.withLock { $0 = false }
      log.error("the bus was lost; new calls are refused until it is back", metadata: ["why": "\(reason)"])
      perform(client.fail(BusError(.unavailable, "Redis was lost: \(reason)")))
    case .unreachable(let reason):
      lastFailure = reason
      if failures.shouldLog(reason, now: MonotonicClock.now()) {
        log.error("the bus cannot be reached; it is tried again", metadata: ["why": "\(reason)"])
      }
    case .message(let channel, let bytes):
      if client.channels.contains(channel) {
        perform(client.receive(bytes, now: MonotonicClock.now()))
      } else {
        perform(server.receive(bytes, on: channel, at: Self.time))
      }
    case .locked(let token, let isOurs):
      if let requestID = locks.removeValue(forKey: token) { perform(server.locked(requestID, isOurs: isOurs)) }
    }
    setAlarm()
  }

  private func perform(_ actions: [BusClient.Action]) {
    for action in actions {
      switch action {
      case .publish(let channel, let bytes): redis.publish(channel, bytes)
      case .finished(let id, let result): callers.removeValue(forKey: id)?.resume(returning: result)
      }
    }
  }

  private func perform(_ actions: [BusServer.Action]) {
    for action in actions {
      switch action {
      case .subscribe(let channels): redis.subscribe(channels)
      case .unsubscribe(let channels): redis.unsubscribe(channels)
      case .publish(let channel, let bytes): redis.publish(channel, bytes)
      case .lock(let requestID, let lock):
        let token = nextLock
        nextLock += 1
        locks[token] = requestID
        guard redis.lock(token, key: lock.key, lifetime: QueueLock.lifetime) else {
          locks[token] = nil
          perform(server.locked(requestID, isOurs: false))
          continue
        }
      case .invoke(let invocation): serve(invocation)
      }
    }
  }

  private func releaseWaiters() {
    for waiter in readyWaiters { waiter.resume() }
    readyWaiters = []
  }

  // MARK: Time

  private static var time: BusTime {
    BusTime(MonotonicClock.now(), unixNanoseconds: Int64(WallClock.now() * 1e9))
  }

  /// One task sleeps until the next moment at which something is due.
  private func setAlarm() {
    guard let next = [client.deadline, server.deadline].compactMap(\.self).min() else { return }
    if let alarm, alarm.at <= next { return }
    alarm?.task.cancel()
    let task = Task {
      guard (try? await Task.sleep(for: max(next - MonotonicClock.now(), .zero))) != nil else { return }
      ring()
    }
    alarm = (next, task)
  }

  private func ring() {
    alarm = nil
    let now = MonotonicClock.now()
    perform(client.expire(now: now))
    perform(server.expire(now: now))
    setAlarm()
  }
}

/// Keeps attempts that fail for the same reason, every few seconds, from filling the log.
private struct FailureLog {
  private static let interval: Duration = .seconds(60)
  private var last: (reason: String, at: MonotonicTime)?

  mutating func shouldLog(_ reason: String, now: MonotonicTime) -> Bool {
    if let last, last.reason == reason, now - last.at < Self.interval { return false }
    last = (reason, now)
    return true
  }
}
