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
  public private(set) var rules: DialRules
  private var trunks: [String: DialGate] = [:]
  private var keys: [String: DialGate] = [:]
  private var all = DialGate()

  public init(_ rules: DialRules = DialRules()) { self.rules = rules }

  /// Calls that hold a ticket.
  public var activeCalls: Int { all.calls }

  /// New rules hold for the next call.
  public mutating func replaceRules(_ rules: DialRules) { self.rules = rules }

  /// Takes a place for the call, or says which limit forbids it. Nothing is counted for a refused call.
  ///
  /// - Parameters:
  ///   - key: the API key that asked; empty for calls that the gateway places itself.
  ///   - localTimes: what clocks show in the zones that `zones(of:)` names; a zone that is missing refuses the call.
  public mutating func admit(
    _ plan: OutboundCallPlan, key: String, localTimes: [String: LocalTime], now: MonotonicTime
  ) throws(OutboundRefusal) -> DialTicket {
    throw OutboundRefusal(.draining, "not yet")
  }

  /// Time zones that decide whether the call may be placed now.
  public func zones(of plan: OutboundCallPlan) -> Set<String> { [] }

  /// The call has ended.
  public mutating func release(_ ticket: DialTicket) {}
}

/// A token bucket and a counter.
struct DialGate: Sendable {
  var calls = 0
  var milliTokens: Int64 = 0
  var updated: MonotonicTime?
}
