import Foundation

/// What was measured, as a table for people or as JSON for programs.
struct Report: Encodable {
  struct Row: Encodable {
    let group: String
    let name: String
    let value: Double
    let unit: String
    /// The figure beside another one, or what it consists of.
    var note: String?
  }

  var machine = Machine()
  private(set) var rows: [Row] = []

  mutating func add(_ group: String, _ name: String, _ value: Double, _ unit: String, note: String? = nil) {
    rows.append(Row(group: group, name: name, value: value, unit: unit, note: note))
  }

  var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }

  var table: String {
    let nameWidth = rows.map(\.name.count).max() ?? 0
    let unitWidth = rows.map(\.unit.count).max() ?? 0
    var lines = [machine.description]
    var group = ""
    for row in rows {
      if row.group != group { lines += ["", row.group] }
      group = row.group
      let name = row.name.padding(toLength: nameWidth, withPad: " ", startingAt: 0)
      let unit = row.unit.padding(toLength: row.note == nil ? row.unit.count : unitWidth, withPad: " ", startingAt: 0)
      lines.append("  \(name)  \(Self.text(row.value)) \(unit)" + (row.note.map { "  \($0)" } ?? ""))
    }
    return lines.joined(separator: "\n")
  }

  private static func text(_ value: Double) -> String {
    let format = value == value.rounded() && value < 1e6 ? "%9.0f" : value < 10 ? "%9.2f" : "%9.1f"
    return String(format: format, value)
  }
}
