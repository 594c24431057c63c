import Base
import Bus

/// A bus, its clocks and its locks in virtual time; what is published reaches everyone after a moment.
struct BusWorld {
  enum Event: Equatable {
    case finished(client: String, BusClient.CallID, Result<[[UInt8]], BusError>)
    case invoked(server: String, BusServer.Invocation)
  }

  private struct Delivery {
    let at: MonotonicTime
    let order: Int
    let channel: String
    let bytes: [UInt8]
  }

  static let unixAtZero: Int64 = 1_700_000_000_000_000_000

  private(set) var now = MonotonicTime.zero
  var clients: [String: BusClient] = [:]
  var servers: [String: BusServer] = [:]
  /// Answers to invocations, by server; nil leaves them without one.
  var handlers: [String: (BusServer.Invocation) -> Result<[UInt8], BusError>?] = [:]
  /// True: the message is lost.
  var isLost: (String) -> Bool = { _ in false }
  var delay = Duration.milliseconds(1)
  var random = RandomSource.seeded(1)
  private(set) var events: [Event] = []
  private(set) var published: [(channel: String, bytes: [UInt8])] = []
  private var subscriptions: [String: Set<String>] = [:]
  private var deliveries: [Delivery] = []
  private var locks: [String: MonotonicTime] = [:]
  private var order = 0

  var time: BusTime { BusTime(now, unixNanoseconds: Self.unixAtZero + now.nanoseconds) }

  func subscribed(_ server: String) -> Set<String> { subscriptions[server] ?? [] }

  /// Results of one client, in the order they came.
  func results(_ client: String) -> [Result<[[UInt8]], BusError>] {
    events.compactMap { if case .finished(client, _, let result) = $0 { result } else { nil } }
  }

  var invocations: [(server: String, BusServer.Invocation)] {
    events.compactMap { if case .invoked(let server, let invocation) = $0 { (server, invocation) } else { nil } }
  }

  mutating func addClient(_ service: String = "Test") -> String {
    let id = BusID.client(using: &random)
    clients[id] = BusClient(service: service, clientID: id)
    return id
  }

  /// Answers with the request's bytes and its own name.
  mutating func addServer(_ service: String = "Test", freeCapacity: Float = 1) -> String {
    let id = BusID.server(using: &random)
    servers[id] = BusServer(service: service, serverID: id)
    servers[id]?.freeCapacity = freeCapacity
    handlers[id] = { .success($0.payload + Array(id.utf8)) }
    return id
  }

  mutating func register(_ server: String, _ method: BusMethod, topic: [String] = [], sharesLoad: Bool = false) {
    perform(servers[server]?.register(method, topic: topic, sharesLoad: sharesLoad) ?? [], server)
  }

  mutating func deregister(_ server: String, _ method: BusMethod, topic: [String] = []) {
    perform(servers[server]?.deregister(method, topic: topic) ?? [], server)
  }

  @discardableResult
  mutating func call(
    _ client: String, _ method: BusMethod, topic: [String] = [], payload: [UInt8] = [7],
    timing: BusClient.Timing = BusClient.Timing()
  ) -> BusClient.CallID {
    let time = time
    guard
      let (id, actions) = clients[client]?.call(
        method, topic: topic, payload: payload, timing: timing, at: time, using: &random)
    else { return 0 }
    perform(actions, client)
    return id
  }

  mutating func respond(_ server: String, _ requestID: String, _ result: Result<[UInt8], BusError>) {
    let time = time
    perform(servers[server]?.respond(requestID, result, at: time) ?? [], server)
  }

  mutating func publish(_ channel: String, _ bytes: [UInt8]) {
    published.append((channel, bytes))
    guard !isLost(channel) else { return }
    order += 1
    deliveries.append(Delivery(at: now + delay, order: order, channel: channel, bytes: bytes))
  }

  /// Lets everything happen that is due within the time.
  mutating func advance(_ duration: Duration) {
    let end = now + duration
    while let next = nextEvent, next <= end {
      now = max(now, next)
      deliver()
      for id in clients.keys.sorted() { perform(clients[id]?.expire(now: now) ?? [], id) }
      for id in servers.keys.sorted() { perform(servers[id]?.expire(now: now) ?? [], id) }
    }
    now = end
  }

  private var nextEvent: MonotonicTime? {
    (deliveries.map(\.at) + clients.values.compactMap(\.deadline) + servers.values.compactMap(\.deadline)).min()
  }

  private mutating func deliver() {
    let time = time
    let due = deliveries.filter { $0.at <= now }.sorted { $0.order < $1.order }
    deliveries.removeAll { $0.at <= now }
    for delivery in due {
      for (id, client) in clients where client.channels.contains(delivery.channel) {
        perform(clients[id]?.receive(delivery.bytes, now: now) ?? [], id)
      }
      for id in servers.keys.sorted() where subscriptions[id]?.contains(delivery.channel) == true {
        perform(servers[id]?.receive(delivery.bytes, on: delivery.channel, at: time) ?? [], id)
      }
    }
  }

  private mutating func perform(_ actions: [BusClient.Action], _ client: String) {
    for action in actions {
      switch action {
      case .publish(let channel, let bytes): publish(channel, bytes)
      case .finished(let id, let result): events.append(.finished(client: client, id, result))
      }
    }
  }

  private mutating func perform(_ actions: [BusServer.Action], _ server: String) {
    for action in actions {
      switch action {
      case .subscribe(let channels): subscriptions[server, default: []].formUnion(channels)
      case .unsubscribe(let channels): subscriptions[server]?.subtract(channels)
      case .publish(let channel, let bytes): publish(channel, bytes)
      case .lock(let requestID, let lock):
        let isOurs = locks[lock.key].map { $0 <= now } ?? true
        if isOurs { locks[lock.key] = now + QueueLock.lifetime }
        perform(servers[server]?.locked(requestID, isOurs: isOurs) ?? [], server)
      case .invoke(let invocation):
        events.append(.invoked(server: server, invocation))
        if let result = handlers[server]?(invocation) { respond(server, invocation.requestID, result) }
      }
    }
  }
}

extension BusMethod {
  static let queued = BusMethod(service: "Test", name: "Do")
  static let plain = BusMethod(service: "Test", name: "Plain", requiresClaim: false, isQueued: false)
  static let best = BusMethod(service: "Test", name: "Best", isQueued: false, hasAffinity: true)
  static let everyone = BusMethod(service: "Test", name: "All", isMulti: true)
}
