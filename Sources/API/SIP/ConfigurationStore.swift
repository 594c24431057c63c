import LiveKitProtocol

/// Trunks and dispatch rules in SQLite. A change that returned survives a crash of the process and of the machine.
///
/// Calls block for as long as the disk takes: use it on a queue of its own.
public protocol ConfigurationStore: AnyObject {
  func load() throws(StoreError) -> StoredConfiguration
  /// Inserts, or replaces what has the same id.
  func save(_ trunk: Livekit_SIPInboundTrunkInfo) throws(StoreError)
  func save(_ trunk: Livekit_SIPOutboundTrunkInfo) throws(StoreError)
  func save(_ rule: Livekit_SIPDispatchRuleInfo) throws(StoreError)
  /// Nothing when there is none of that id.
  func deleteTrunk(_ id: String) throws(StoreError)
  func deleteRule(_ id: String) throws(StoreError)
}

/// Why the store cannot be opened, read or written: one sentence with the file's name.
public struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}
