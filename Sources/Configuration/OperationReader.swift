import Yams

/// Reads `health_port`, `prometheus_port` and `max_cpu_utilization`.
struct OperationReader {
  func read(_ root: Section) -> OperationSettings {
    var settings = OperationSettings()
    settings.healthPort = root.value("health_port", .portOrOff) ?? nil
    settings.prometheusPort = root.value("prometheus_port", .portOrOff) ?? nil
    root.read("max_cpu_utilization", into: &settings.maximumCPUUtilization, .share)
    if settings.healthPort != nil, settings.healthPort == settings.prometheusPort {
      root.refuse("prometheus_port", "expected another port than health_port")
    }
    return settings
  }
}

extension ValueFormat where Value == UInt16? {
  fileprivate static let portOrOff = ValueFormat("expected a port, or 0 for none") { (text: String) in
    UInt16(text).map { $0 == 0 ? nil : $0 }
  }
}

extension ValueFormat where Value == Double {
  /// livekit-sip takes 0 and what is above 1 for its default.
  fileprivate static let share = ValueFormat("expected a share of the processors, 0 to 1") { (text: String) in
    guard let value = Double(text), value.isFinite else { return nil }
    return value > 0 && value <= 1 ? value : OperationSettings.usualCPUUtilization
  }
}
