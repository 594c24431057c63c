import API
import Foundation
import GRDB
import Glibc
import LiveKitProtocol
import SwiftProtobuf

/// Trunks and dispatch rules in `trunkline.sqlite` of the data directory, each as its protobuf message.
///
/// Write-ahead log and `synchronous = FULL`: a change that returned survives a crash of process and machine. The file
/// is readable by its owner alone, for it holds passwords that digest needs in clear.
public final class SQLiteStore: ConfigurationStore {
  private let file: StoreFile
  let queue: DatabaseQueue

  public static let fileName = "trunkline.sqlite"
  private static let busySeconds = 5.0

  private enum Table: String, CaseIterable {
    case inboundTrunk = "inbound_trunk"
    case outboundTrunk = "outbound_trunk"
    case dispatchRule = "dispatch_rule"
  }

  /// Opens or makes the file and brings its schema up to date. A second gateway on one directory is refused.
  public init(directory: String) throws(StoreError) {
    file = try StoreFile.make(directory: directory, name: Self.fileName)
    let path = file.path
    var configuration = Configuration()
    // An operator who looks into the file with sqlite3 may lock it for a moment.
    configuration.busyMode = .timeout(Self.busySeconds)
    // Not through GRDB's journalMode, which sets synchronous to NORMAL: the last commits would not survive a power cut.
    configuration.prepareDatabase { database in
      try database.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
    }
    do {
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      let migrator = Self.migrator
      guard try !queue.read(migrator.hasBeenSuperseded) else {
        throw StoreError("\(path) was written by a later version of Trunkline")
      }
      try migrator.migrate(queue)
      self.queue = queue
    } catch let error as StoreError {
      throw error
    } catch {
      throw Self.error(error, path)
    }
  }

  /// What is stored, for whoever looks beside a running gateway. Nil when nothing was ever stored.
  public static func contents(ofDirectory directory: String) throws(StoreError) -> StoredConfiguration? {
    let path = directory + "/" + fileName
    guard access(path, F_OK) == 0 else { return nil }
    var configuration = Configuration()
    configuration.readonly = true
    do {
      return try load(from: DatabaseQueue(path: path, configuration: configuration), path)
    } catch let error as StoreError {
      throw error
    } catch {
      throw Self.error(error, path)
    }
  }

  private static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("trunks and rules") { database in
      for table in Table.allCases {
        try database.create(table: table.rawValue, options: .withoutRowID) { columns in
          columns.primaryKey("id", .text)
          columns.column("message", .blob).notNull()
        }
      }
    }
    return migrator
  }

  // MARK: ConfigurationStore

  public func load() throws(StoreError) -> StoredConfiguration { try Self.load(from: queue, file.path) }

  public func save(_ trunk: Livekit_SIPInboundTrunkInfo) throws(StoreError) {
    try save(trunk, id: trunk.sipTrunkID, in: .inboundTrunk)
  }

  public func save(_ trunk: Livekit_SIPOutboundTrunkInfo) throws(StoreError) {
    try save(trunk, id: trunk.sipTrunkID, in: .outboundTrunk)
  }

  public func save(_ rule: Livekit_SIPDispatchRuleInfo) throws(StoreError) {
    try save(rule, id: rule.sipDispatchRuleID, in: .dispatchRule)
  }

  public func deleteTrunk(_ id: String) throws(StoreError) { try delete(id, from: [.inboundTrunk, .outboundTrunk]) }

  public func deleteRule(_ id: String) throws(StoreError) { try delete(id, from: [.dispatchRule]) }

  // MARK: SQL

  /// All of it as it was at one moment.
  private static func load(from queue: DatabaseQueue, _ path: String) throws(StoreError) -> StoredConfiguration {
    do {
      return try queue.read { database in
        var stored = StoredConfiguration()
        stored.inboundTrunks = try messages(.inboundTrunk, database)
        stored.outboundTrunks = try messages(.outboundTrunk, database)
        stored.rules = try messages(.dispatchRule, database)
        return stored
      }
    } catch {
      throw Self.error(error, path)
    }
  }

  private static func messages<M: Message>(_ table: Table, _ database: Database) throws -> [M] {
    try Row.fetchAll(database, sql: "SELECT message FROM \(table.rawValue) ORDER BY id").map { row in
      let bytes: Data = row[0]
      return try M(serializedBytes: bytes)
    }
  }

  private func save(_ message: some Message, id: String, in table: Table) throws(StoreError) {
    do {
      let bytes: Data = try message.serializedBytes()
      try queue.write { database in
        try database.execute(
          sql: """
            INSERT INTO \(table.rawValue) (id, message) VALUES (?, ?)
            ON CONFLICT (id) DO UPDATE SET message = excluded.message
            """, arguments: [id, bytes])
      }
    } catch {
      throw Self.error(error, file.path)
    }
  }

  private func delete(_ id: String, from tables: [Table]) throws(StoreError) {
    do {
      try queue.write { database in
        for table in tables {
          try database.execute(sql: "DELETE FROM \(table.rawValue) WHERE id = ?", arguments: [id])
        }
      }
    } catch {
      throw Self.error(error, file.path)
    }
  }

  /// SQLite's own words, without the statement and its arguments.
  private static func error(_ error: any Error, _ path: String) -> StoreError {
    guard let error = error as? DatabaseError else { return StoreError("\(path): \(error)") }
    return StoreError("\(path): \(error.message ?? "SQLite error \(error.extendedResultCode.rawValue)")")
  }
}
