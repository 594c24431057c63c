import Metrics
import Testing

@Suite("Metrics as Prometheus reads them")
struct MetricTableTests {
  private static let metrics: [MetricTable.Metric] = [
    .init("plain", .counter, help: "Without labels."),
    .init("calls", .gauge, help: "Two lines\nand a \\ in it.", labels: ["dir", "to"]),
    .init("took", .histogram([0.1, 1, 2.5]), labels: ["dir"]),
  ]

  private func table() -> MetricTable { MetricTable(Self.metrics, constants: [("node_id", "NE_a")]) }

  @Test("what has no labels is there from the start, what has them when it happens")
  func empty() {
    #expect(table().text == "# HELP plain Without labels.\n# TYPE plain counter\nplain{node_id=\"NE_a\"} 0\n")
  }

  @Test("counters, gauges and histograms")
  func kinds() {
    var table = table()
    table.add("plain", 2)
    table.add("plain")
    table.add("calls", labels: ["out", "b"])
    table.set("calls", 7.5, labels: ["in", "a"])
    for value in [0.05, 0.1, 0.7, 2.5, 99] { table.observe("took", value, labels: ["in"]) }
    #expect(
      table.text == """
        # HELP plain Without labels.
        # TYPE plain counter
        plain{node_id="NE_a"} 3
        # HELP calls Two lines\\nand a \\\\ in it.
        # TYPE calls gauge
        calls{dir="in",to="a",node_id="NE_a"} 7.5
        calls{dir="out",to="b",node_id="NE_a"} 1
        # TYPE took histogram
        took_bucket{dir="in",node_id="NE_a",le="0.1"} 2
        took_bucket{dir="in",node_id="NE_a",le="1"} 3
        took_bucket{dir="in",node_id="NE_a",le="2.5"} 4
        took_bucket{dir="in",node_id="NE_a",le="+Inf"} 5
        took_sum{dir="in",node_id="NE_a"} 102.35
        took_count{dir="in",node_id="NE_a"} 5

        """)
    #expect(table.value("calls", labels: ["in", "a"]) == 7.5 && table.value("calls", labels: ["in", "b"]) == nil)
  }

  @Test("what strangers write cannot break a line")
  func escapes() {
    var table = table()
    table.add("calls", labels: ["a\"b\\c\nd", "x"])
    #expect(table.text.contains("calls{dir=\"a\\\"b\\\\c\\nd\",to=\"x\",node_id=\"NE_a\"} 1\n"))
  }

  @Test("label values beyond the limit are counted together")
  func bounded() {
    var table = table()
    for index in 0..<MetricTable.seriesLimit + 100 { table.add("calls", labels: ["in", "\(index)"]) }
    #expect(table.value("calls", labels: ["other", "other"]) == 100)
    table.add("calls", labels: ["in", "0"])
    #expect(table.value("calls", labels: ["in", "0"]) == 2, "those that are known go on")
  }

  @Test("names and labels that are not declared change nothing")
  func unknown() {
    var table = table()
    table.add("nothing")
    table.add("calls", labels: ["in"])
    table.observe("plain", 3)
    #expect(table.text == self.table().text)
  }

  @Test("a gauge may go down, and numbers are written plainly")
  func numbers() {
    var table = MetricTable([.init("g", .gauge)])
    for (value, text) in [(0.25, "0.25"), (-3, "-3"), (1e6, "1000000"), (86_400, "86400")] {
      table.set("g", value)
      #expect(table.text.hasSuffix("\ng \(text)\n"))
    }
  }
}
