import Base

/// How many calls may be placed: sustained a second, and at a time. 0: no limit.
public struct DialQuota: Hashable, Sendable {
  public var callsPerSecond: Int
  public var concurrentCalls: Int

  public init(callsPerSecond: Int, concurrentCalls: Int) {
    self.callsPerSecond = callsPerSecond
    self.concurrentCalls = concurrentCalls
  }
}

/// The gateway's own bounds on calls out (`outbound` in the configuration).
public struct DialRules: Hashable, Sendable {
  /// For trunks that say nothing themselves, and for each host of trunks that come inside requests.
  public var trunk: DialQuota
  /// For each API key.
  public var key: DialQuota
  public var total: DialQuota
  public var doNotCallLists: [String: DoNotCallList]

  public init(
    trunk: DialQuota = DialQuota(callsPerSecond: 5, concurrentCalls: 100),
    key: DialQuota = DialQuota(callsPerSecond: 10, concurrentCalls: 200),
    total: DialQuota = DialQuota(callsPerSecond: 20, concurrentCalls: 500),
    doNotCallLists: [String: DoNotCallList] = [:]
  ) {
    self.trunk = trunk
    self.key = key
    self.total = total
    self.doNotCallLists = doNotCallLists
  }
}

/// One place among the calls that may be placed; given back when the call has ended.
public struct DialTicket: Hashable, Sendable {
  let trunk: String
  let key: String
}

/// Counts calls out and refuses those that are too many or must not be dialled.
public struct DialLimits: Sendable {
  /// Trunks and keys remembered before idle ones are forgotten.
  static let gateLimit = 1024

  public private(set) var rules: DialRules
  private var trunks: [String: DialGate] = [:]
  private var keys: [String: DialGate] = [:]
  private var all = DialGate()

  public init(_ rules: DialRules = DialRules()) { self.rules = rules }

  /// Calls that hold a ticket.
  public var activeCalls: Int { all.calls }
  /// Trunks and keys in the tables, for tests.
  var gateCount: Int { trunks.count + keys.count }

  /// New rules hold for the next call.
  public mutating func replaceRules(_ rules: DialRules) { self.rules = rules }

  /// Time zones that decide whether the call may be placed now.
  public func zones(of plan: OutboundCallPlan) -> Set<String> { Set(plan.limits.callingHours.flatMap(\.timeZones)) }

  /// Takes a place for the call, or says which limit forbids it. Nothing is counted for a refused call.
  ///
  /// - Parameters:
  ///   - key: the API key that asked; empty for calls that the gateway places itself.
  ///   - localTimes: what clocks show in the zones that `zones(of:)` names; a zone that is missing refuses the call.
  public mutating func admit(
    _ plan: OutboundCallPlan, key: String, localTimes: [String: LocalTime], now: MonotonicTime
  ) throws(OutboundRefusal) -> DialTicket {
    let schedule = DialSchedule(hours: plan.limits.callingHours)
    for user in plan.dialledUsers {
      let destination = DialDestination(user, country: plan.country)
      try destination.check(plan.limits, trunk: plan.trunkLabel, lists: rules.doNotCallLists)
      try schedule.check(destination, country: plan.country, trunk: plan.trunkLabel, localTimes: localTimes)
    }
    return try take(plan, key, now)
  }

  /// The call has ended.
  public mutating func release(_ ticket: DialTicket) {
    all.calls = max(0, all.calls - 1)
    trunks[ticket.trunk]?.release()
    keys[ticket.key]?.release()
  }

  private mutating func take(
    _ plan: OutboundCallPlan, _ key: String, _ now: MonotonicTime
  ) throws(OutboundRefusal) -> DialTicket {
    let quota = DialQuota(
      callsPerSecond: plan.limits.callsPerSecond ?? rules.trunk.callsPerSecond,
      concurrentCalls: plan.limits.concurrentCalls ?? rules.trunk.concurrentCalls)
    let ofKey = key.isEmpty ? DialQuota(callsPerSecond: 0, concurrentCalls: 0) : rules.key
    var trunkGate = trunks[plan.quotaKey] ?? DialGate()
    var keyGate = keys[key] ?? DialGate()
    var allGate = all
    try trunkGate.take(quota, now, (.trunkCalls, .trunkRate), "trunk \(plan.trunkLabel)")
    try keyGate.take(ofKey, now, (.keyCalls, .keyRate), "API key \(key)")
    try allGate.take(rules.total, now, (.totalCalls, .totalRate), "the gateway")
    forgetIdle(now)
    trunks[plan.quotaKey] = trunkGate
    keys[key] = keyGate
    all = allGate
    return DialTicket(trunk: plan.quotaKey, key: key)
  }

  /// A gate without calls whose bucket is full again is as good as new.
  private mutating func forgetIdle(_ now: MonotonicTime) {
    if trunks.count >= Self.gateLimit { trunks = trunks.filter { !$0.value.isIdle(now) } }
    if keys.count >= Self.gateLimit { keys = keys.filter { !$0.value.isIdle(now) } }
  }
}

/// A counter, and a token bucket that holds one second's worth.
struct DialGate: Sendable {
  var calls = 0
  private var milliTokens: Int64 = 0
  private var updated: MonotonicTime?

  mutating func release() { calls = max(0, calls - 1) }

  func isIdle(_ now: MonotonicTime) -> Bool {
    calls == 0 && updated.map { now - $0 >= .seconds(1) } ?? true
  }

  mutating func take(
    _ quota: DialQuota, _ now: MonotonicTime, _ reasons: (calls: OutboundRefusal.Reason, rate: OutboundRefusal.Reason),
    _ owner: String
  ) throws(OutboundRefusal) {
    if quota.concurrentCalls > 0, calls >= quota.concurrentCalls {
      throw OutboundRefusal(
        reasons.calls, "\(owner) carries \(calls) calls out, as many as it may (concurrent_calls)")
    }
    if quota.callsPerSecond > 0 {
      let full = Int64(quota.callsPerSecond) * 1000
      let elapsed = updated.map { max(0, min((now - $0).wholeMilliseconds, 1000)) } ?? 1000
      milliTokens = min(full, milliTokens + elapsed * Int64(quota.callsPerSecond))
      guard milliTokens >= 1000 else {
        throw OutboundRefusal(
          reasons.rate, "\(owner) places \(quota.callsPerSecond) calls a second, no more (calls_per_second)")
      }
      milliTokens -= 1000
    }
    updated = updated.map { max($0, now) } ?? now
    calls += 1
  }
}
