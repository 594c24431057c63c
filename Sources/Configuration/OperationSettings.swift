/// What those who run the process look at.
public struct OperationSettings: Sendable, Equatable {
  /// Answers health checks of livekit-sip's kind (`health_port`). Nil: none.
  public var healthPort: UInt16?
  /// Serves `/metrics` (`prometheus_port`). Nil: none.
  public var prometheusPort: UInt16?
  /// Share of the machine's processors above which calls out are refused and the health check says so
  /// (`max_cpu_utilization`).
  public var maximumCPUUtilization = Self.usualCPUUtilization

  static let usualCPUUtilization = 0.9

  public init() {}
}
