import Base
import LiveKitProtocol
import SwiftProtobuf
import Telephony

/// The trunks and rules in force: those of the configuration file, and those that the API makes and the store keeps.
///
/// One change at a time: checked, stored, then published. It runs where the store's disk may block.
public actor TrunkCatalog {
  private nonisolated let executor: any SerialExecutor
  private let store: any ConfigurationStore
  private let rules: CatalogRules
  private let unixNanoseconds: @Sendable () -> Int64
  private let publish: @Sendable (CatalogSnapshot) -> Void
  private let byteLimit: Int
  private var tables: CatalogTables
  /// Stored things that are not in force, one sentence each.
  public nonisolated let problems: [String]
  /// What is in force at the start.
  public nonisolated let initial: CatalogSnapshot

  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// What the API may make in all, encoded: in memory it is some ten times that.
  public static let byteLimit = 32 * 1024 * 1024

  /// - Parameters:
  ///   - executor: blocks while the store writes.
  ///   - publish: called in order with each later state.
  public init(
    fixed: FixedConfiguration, capabilities: PhoneCapabilities, store: sending any ConfigurationStore,
    byteLimit: Int = TrunkCatalog.byteLimit, executor: any SerialExecutor,
    unixNanoseconds: @escaping @Sendable () -> Int64, publish: @escaping @Sendable (CatalogSnapshot) -> Void
  ) throws(StoreError) {
    let rules = CatalogRules(fixed, capabilities)
    var loading = CatalogLoading(fixed, rules)
    loading.add(try store.load())
    tables = loading.tables
    problems = loading.problems
    initial = loading.tables.snapshot
    self.rules = rules
    self.executor = executor
    self.store = store
    self.byteLimit = byteLimit
    self.unixNanoseconds = unixNanoseconds
    self.publish = publish
  }

  func get<M: CatalogMessage>(_ id: String) throws(TwirpError) -> M {
    guard !id.isEmpty else { throw MessageField.invalid(M.idField, "expected an id") }
    guard let item = tables[keyPath: M.table][id] else {
      throw TwirpError(.notFound, "there is no \(M.noun) \(id.prefix(64))")
    }
    return item.message
  }

  func list<M: CatalogMessage>(
    ids: [String], page: Livekit_Pagination, where isWanted: @Sendable (M) -> Bool
  ) throws(TwirpError) -> [M] {
    try tables[keyPath: M.table].list(ids: ids, page: page, where: isWanted)
  }

  func create<M: CatalogMessage>(_ message: M) throws(TwirpError) -> Advised<M> {
    guard message.id.isEmpty else {
      throw MessageField.invalid(M.idField, "expected none: the gateway makes ids; use Update to change a \(M.noun)")
    }
    try tables[keyPath: M.table].checkRoom()
    var message = message
    message.id = GUID.make(prefix: M.idPrefix)
    message.createdAt = now
    return try put(message)
  }

  /// Changes everything but the id and the time of creation.
  func replace<M: CatalogMessage>(_ id: String, with message: M) throws(TwirpError) -> Advised<M> {
    let existing = try tables[keyPath: M.table].changeable(id).message
    guard message.id.isEmpty || message.id == id else {
      throw MessageField.invalid(M.idField, "expected the same id in the request and in `replace`, or none there")
    }
    var message = message
    message.id = id
    message.createdAt = existing.createdAt
    return try put(message)
  }

  func update<M: CatalogMessage>(
    _ id: String, _ apply: @Sendable (inout M) throws(TwirpError) -> Void
  ) throws(TwirpError) -> Advised<M> {
    var message = try tables[keyPath: M.table].changeable(id).message
    try apply(&message)
    return try put(message)
  }

  /// What was deleted.
  func delete<M: CatalogMessage>(_ id: String) throws(TwirpError) -> M {
    let message = try tables[keyPath: M.table].changeable(id).message
    do throws(StoreError) {
      try M.delete(id, from: store)
    } catch {
      throw TwirpError(.internal, error.description)
    }
    tables[keyPath: M.table].remove(id)
    publish(tables.snapshot)
    return message
  }

  /// Whether there is an inbound trunk of this id.
  func hasInboundTrunk(_ id: String) -> Bool { tables.inboundTrunks[id] != nil }

  private func put<M: CatalogMessage>(_ message: M) throws(TwirpError) -> Advised<M> {
    var message = message
    message.updatedAt = now
    let value = try message.value(rules)
    var others = tables
    others[keyPath: M.table].remove(message.id)
    let item = CatalogTable<M>.Item(message: message, value: value)
    let size = others.byteCount + item.byteCount
    guard size <= byteLimit || size <= tables.byteCount else {
      throw TwirpError(.resourceExhausted, "trunks and rules would have \(size) bytes; expected at most \(byteLimit)")
    }
    let warnings = try M.check(value, among: others, rules)
    do throws(StoreError) {
      try message.save(to: store)
    } catch {
      throw TwirpError(.internal, error.description)
    }
    tables[keyPath: M.table].put(item)
    publish(tables.snapshot)
    return Advised(message, warnings: warnings)
  }

  private var now: Google_Protobuf_Timestamp {
    let nanoseconds = unixNanoseconds()
    return Google_Protobuf_Timestamp(
      seconds: nanoseconds / 1_000_000_000, nanos: Int32(truncatingIfNeeded: nanoseconds % 1_000_000_000))
  }
}
