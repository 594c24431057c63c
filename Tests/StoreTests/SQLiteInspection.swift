import API
import GRDB

@testable import Store

extension SQLiteStore {
  func pragma(_ name: String) throws -> String {
    try queue.read { try String.fetchOne($0, sql: "PRAGMA \(name)") ?? "" }
  }
}

/// Somebody else who has the file open, and is writing.
final class OtherWriter: Sendable {
  private let queue: DatabaseQueue

  init(_ path: String) throws {
    var configuration = Configuration()
    configuration.allowsUnsafeTransactions = true
    queue = try DatabaseQueue(path: path, configuration: configuration)
    try queue.inDatabase { try $0.execute(sql: "BEGIN IMMEDIATE") }
  }

  func finish() throws { try queue.inDatabase { try $0.execute(sql: "COMMIT") } }
}

enum LaterSchema {
  /// Notes a migration that no version has yet.
  static func mark(_ path: String) throws {
    let queue = try DatabaseQueue(path: path)
    try queue.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('of the future')") }
    try queue.close()
  }
}
