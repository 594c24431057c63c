import Base

/// The life of one call that we place, from the request to its record.
public struct OutboundCallMachine: Sendable {
  public let plan: OutboundCallPlan
  /// The 2xx has come.
  public private(set) var isAnswered = false
  public private(set) var isEnded = false

  /// - Parameter placedAtUnixMilliseconds: wall-clock time of the request, for the record.
  public init(plan: OutboundCallPlan, placedAtUnixMilliseconds: Int64, now: MonotonicTime) { self.plan = plan }

  /// The first actions; every later one answers an input.
  public mutating func start(now: MonotonicTime) -> [CallAction] { [] }

  public mutating func handle(_ input: CallInput, now: MonotonicTime) -> [CallAction] { [] }
}
