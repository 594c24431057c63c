import API
import GRDB

@testable import Store

extension SQLiteStore {
  func pragma(_ name: String) throws -> String {
    try queue.read { try String.fetchOne($0, sql: "PRAGMA \(name)") ?? "" }
  }
}

enum LaterSchema {
  /// Notes a migration that no version has yet.
  static func mark(_ path: String) throws {
    let queue = try DatabaseQueue(path: path)
    try queue.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('of the future')") }
    try queue.close()
  }
}
