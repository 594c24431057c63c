/// Counters, gauges and histograms, and their text for Prometheus (exposition format 0.0.4).
public struct MetricTable: Sendable {
  /// What a metric counts, and how.
  public enum Kind: Hashable, Sendable {
    case counter
    case gauge
    /// Upper bounds of its buckets, ascending; what lies above all of them is counted too.
    case histogram([Double])
  }

  public struct Metric: Hashable, Sendable {
    public var name: String
    public var kind: Kind
    public var help: String
    /// Names, in the order in which values are given.
    public var labels: [String]

    public init(_ name: String, _ kind: Kind, help: String = "", labels: [String] = []) {
      self.name = name
      self.kind = kind
      self.help = help
      self.labels = labels
    }
  }

  /// Sets of label values of one metric. What comes beyond is counted under `overflow`: some labels are what strangers
  /// write into their requests.
  public static let seriesLimit = 500
  static let overflow = "other"

  private struct Series: Sendable {
    var value = 0.0
    var buckets: [UInt64] = []
    var count: UInt64 = 0
  }

  /// In the text's order.
  public let metrics: [Metric]
  /// Written into every line: name and value.
  private let constants: [(String, String)]
  private var series: [String: [[String]: Series]] = [:]
  private let indices: [String: Int]

  /// - Parameter constants: labels of every line.
  public init(_ metrics: [Metric], constants: [(String, String)] = []) {
    self.metrics = metrics
    self.constants = constants
    indices = [String: Int](metrics.indices.map { (metrics[$0].name, $0) }) { first, _ in first }
    // A metric without labels is there from the start, at zero.
    for metric in metrics where metric.labels.isEmpty { series[metric.name] = [[]: Self.empty(metric)] }
  }

  private static func empty(_ metric: Metric) -> Series {
    if case .histogram(let bounds) = metric.kind {
      Series(buckets: [UInt64](repeating: 0, count: bounds.count))
    } else {
      Series()
    }
  }

  /// Adds to a counter or a gauge. Nothing for a name that is not in the table.
  public mutating func add(_ name: String, _ value: Double = 1, labels: [String] = []) {
    change(name, labels) { series, _ in series.value += value }
  }

  public mutating func set(_ name: String, _ value: Double, labels: [String] = []) {
    change(name, labels) { series, _ in series.value = value }
  }

  /// Puts a value into a histogram.
  public mutating func observe(_ name: String, _ value: Double, labels: [String] = []) {
    change(name, labels) { series, metric in
      guard case .histogram(let bounds) = metric.kind else { return }
      series.value += value
      series.count += 1
      if let bucket = bounds.firstIndex(where: { value <= $0 }) { series.buckets[bucket] += 1 }
    }
  }

  /// The value of a counter or gauge, the sum of a histogram. Nil where nothing was counted.
  public func value(_ name: String, labels: [String] = []) -> Double? { series[name]?[labels]?.value }

  private mutating func change(_ name: String, _ labels: [String], _ body: (inout Series, Metric) -> Void) {
    guard let index = indices[name], metrics[index].labels.count == labels.count else { return }
    let metric = metrics[index]
    let isNew = series[name]?[labels] == nil
    let isFull = isNew && series[name]?.count ?? 0 >= Self.seriesLimit
    let key = isFull ? labels.map { _ in Self.overflow } : labels
    var entry = series[name]?[key] ?? Self.empty(metric)
    body(&entry, metric)
    series[name, default: [:]][key] = entry
  }
}

extension MetricTable {
  public var text: String {
    var lines: [String] = []
    for metric in metrics {
      guard let found = series[metric.name], !found.isEmpty else { continue }
      if !metric.help.isEmpty { lines.append("# HELP \(metric.name) \(Self.escaped(metric.help, quotes: false))") }
      lines.append("# TYPE \(metric.name) \(metric.kind.name)")
      for (values, entry) in found.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
        let labels = Array(zip(metric.labels, values)) + constants
        lines += text(metric, labels, entry)
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func text(_ metric: Metric, _ labels: [(String, String)], _ entry: Series) -> [String] {
    guard case .histogram(let bounds) = metric.kind else {
      return [Self.line(metric.name, labels, Self.number(entry.value))]
    }
    var lines: [String] = []
    var total: UInt64 = 0
    for (bound, count) in zip(bounds, entry.buckets) {
      total += count
      lines.append(Self.line(metric.name + "_bucket", labels + [("le", Self.number(bound))], "\(total)"))
    }
    lines.append(Self.line(metric.name + "_bucket", labels + [("le", "+Inf")], "\(entry.count)"))
    lines.append(Self.line(metric.name + "_sum", labels, Self.number(entry.value)))
    lines.append(Self.line(metric.name + "_count", labels, "\(entry.count)"))
    return lines
  }

  private static func line(_ name: String, _ labels: [(String, String)], _ value: String) -> String {
    guard !labels.isEmpty else { return "\(name) \(value)" }
    let list = labels.map { "\($0.0)=\"\(escaped($0.1, quotes: true))\"" }.joined(separator: ",")
    return "\(name){\(list)} \(value)"
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
  }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    var result = ""
    for character in text {
      switch character {
      case "\\": result += "\\\\"
      case "\n", "\r\n", "\r": result += "\\n"
      case "\"" where quotes: result += "\\\""
      default: result.append(character)
      }
    }
    return result
  }
}

extension MetricTable.Kind {
  fileprivate var name: String {
    switch self {
    case .counter: "counter"
    case .gauge: "gauge"
    case .histogram: "histogram"
    }
  }
}
