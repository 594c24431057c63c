import API
import Foundation
import LiveKitProtocol
import Testing

@testable import Store

/// A directory that goes when the test ends.
final class TemporaryDirectory {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite struct SQLiteStoreTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  func trunk(_ id: String, number: String = "+15550100") -> Livekit_SIPInboundTrunkInfo {
    var trunk = Livekit_SIPInboundTrunkInfo()
    trunk.sipTrunkID = id
    trunk.numbers = [number]
    trunk.authPassword = "secret"
    return trunk
  }

  @Test("what was saved is there after the file is opened again, in the order of ids")
  func reopen() throws {
    var outbound = Livekit_SIPOutboundTrunkInfo()
    outbound.sipTrunkID = "ST_c"
    outbound.address = "sip.example.com"
    var rule = Livekit_SIPDispatchRuleInfo()
    rule.sipDispatchRuleID = "SDR_a"
    rule.rule.dispatchRuleDirect.roomName = "lobby"
    do {
      let store = try SQLiteStore(directory: directory.path)
      #expect(try store.load() == StoredConfiguration())
      try store.save(trunk("ST_b"))
      try store.save(trunk("ST_a"))
      try store.save(outbound)
      try store.save(rule)
    }
    let stored = try SQLiteStore(directory: directory.path).load()
    #expect(stored.inboundTrunks == [trunk("ST_a"), trunk("ST_b")])
    #expect(stored.outboundTrunks == [outbound])
    #expect(stored.rules == [rule])
  }

  @Test("saving again replaces, deleting takes away, deleting what is not there is nothing")
  func replaceAndDelete() throws {
    let store = try SQLiteStore(directory: directory.path)
    try store.save(trunk("ST_a"))
    try store.save(trunk("ST_a", number: "+15550101"))
    #expect(try store.load().inboundTrunks.map(\.numbers) == [["+15550101"]])
    try store.deleteTrunk("ST_a")
    try store.deleteTrunk("ST_a")
    try store.deleteRule("SDR_a")
    #expect(try store.load() == StoredConfiguration())
  }

  @Test("its files are for the owner's eyes alone, whatever they were")
  func modes() throws {
    let path = directory.path + "/" + SQLiteStore.fileName
    _ = FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o644])
    let store = try SQLiteStore(directory: directory.path)
    try store.save(trunk("ST_a"))
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
    #expect(names.contains(SQLiteStore.fileName + "-wal"))
    for name in names {
      let attributes = try FileManager.default.attributesOfItem(atPath: directory.path + "/" + name)
      #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
    }
  }

  @Test("a second gateway on the same directory is refused, and may have it after the first")
  func exclusive() throws {
    do {
      let first = try SQLiteStore(directory: directory.path)
      let error = #expect(throws: StoreError.self) { try SQLiteStore(directory: directory.path) }
      #expect(error?.description.contains("another gateway uses this data_dir") == true)
      try first.save(trunk("ST_a"))
    }
    #expect(try SQLiteStore(directory: directory.path).load().inboundTrunks.count == 1)
  }

  @Test("another process reads what is there while a gateway has it, and nothing where nothing was stored")
  func readBeside() throws {
    #expect(try SQLiteStore.contents(ofDirectory: directory.path) == nil)
    let store = try SQLiteStore(directory: directory.path)
    try store.save(trunk("ST_a"))
    #expect(try SQLiteStore.contents(ofDirectory: directory.path)?.inboundTrunks == [trunk("ST_a")])
    try store.save(trunk("ST_b"))
    #expect(try SQLiteStore.contents(ofDirectory: directory.path)?.inboundTrunks.count == 2)
  }

  @Test("a change waits for whoever has the file locked for a moment")
  func locked() async throws {
    let store = try SQLiteStore(directory: directory.path)
    let other = try OtherWriter(directory.path + "/" + SQLiteStore.fileName)
    DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(200)) { try? other.finish() }
    try store.save(trunk("ST_a"))
    #expect(try store.load().inboundTrunks == [trunk("ST_a")])
  }

  @Test("a file that is no database is refused with its name")
  func foreignFile() throws {
    let path = directory.path + "/" + SQLiteStore.fileName
    try Data(repeating: 0x41, count: 8192).write(to: URL(filePath: path))
    let error = #expect(throws: StoreError.self) { try SQLiteStore(directory: directory.path) }
    #expect(error?.description.hasPrefix(path) == true)
    #expect(error?.description.contains("not a database") == true)
  }

  @Test("a directory that is not there is refused with the reason")
  func missingDirectory() {
    let error = #expect(throws: StoreError.self) { try SQLiteStore(directory: "/nonexistent") }
    #expect(error?.description.contains("No such file or directory") == true)
  }

  @Test("a file of a later version is left alone")
  func laterVersion() throws {
    do { _ = try SQLiteStore(directory: directory.path) }
    let path = directory.path + "/" + SQLiteStore.fileName
    try LaterSchema.mark(path)
    let error = #expect(throws: StoreError.self) { try SQLiteStore(directory: directory.path) }
    #expect(error?.description.contains("later version") == true)
  }

  @Test("writes wait for the disk")
  func durability() throws {
    let store = try SQLiteStore(directory: directory.path)
    #expect(try store.pragma("synchronous") == "2")
    #expect(try store.pragma("journal_mode") == "wal")
  }
}
