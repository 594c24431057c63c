import Foundation
import LiveKitProtocol
import SwiftProtobuf

/// Rows for people, in columns as wide as what is in them.
struct TextTable<Row> {
  typealias Column = (title: String, value: (Row) -> String)

  let columns: [Column]

  init(_ columns: [Column]) { self.columns = columns }

  /// `none` stands alone where there is no row.
  func text(_ rows: [Row], none: String) -> String {
    guard !rows.isEmpty else { return none }
    let cells = [columns.map { $0.title.uppercased() }] + rows.map { row in columns.map { cell($0.value(row)) } }
    let widths = columns.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
    return cells.map { line in
      zip(line, widths).map { $0.padded(to: $1) }.joined(separator: "  ").trimmingTrailingSpaces
    }.joined(separator: "\n")
  }

  private func cell(_ text: String) -> String {
    let text = text.singleLine
    return text.isEmpty ? "-" : text.count > 60 ? text.prefix(59) + "…" : text
  }
}

extension String {
  fileprivate var trimmingTrailingSpaces: String {
    String(self[..<(lastIndex { $0 != " " }.map { index(after: $0) } ?? startIndex)])
  }
}

enum Output {
  /// One message: its JSON, or a table of one row.
  static func show<M: Message>(_ message: M, _ table: TextTable<M>, asJSON: Bool) throws(CommandFailure) {
    print(asJSON ? try json(message) : table.text([message], none: ""))
  }

  static func json(_ message: some Message) throws(CommandFailure) -> String {
    do {
      return String(decoding: try ProtobufJSON.encode(message), as: UTF8.self)
    } catch {
      throw CommandFailure(.failed, "trunkline: the answer cannot be shown as JSON: \(error)")
    }
  }

  /// `2026-11-20 08:15:30`, of this machine's zone. Empty for none.
  static func time(_ timestamp: Google_Protobuf_Timestamp) -> String {
    guard timestamp.seconds != 0 else { return "" }
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.dateFormat = "yyyy-MM-dd HH:mm:ss"
    return formatter.string(from: Date(timeIntervalSince1970: Double(timestamp.seconds)))
  }
}
