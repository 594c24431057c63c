import Dispatch
import FoundationEssentials
import LiveKitProtocol
import SwiftProtobuf
import Synchronization
import Telephony

@testable import API

/// A store that keeps everything in memory, and can be told to fail.
final class MemoryStore: ConfigurationStore {
  var inboundTrunks: [String: Livekit_SIPInboundTrunkInfo] = [:]
  var outboundTrunks: [String: Livekit_SIPOutboundTrunkInfo] = [:]
  var rules: [String: Livekit_SIPDispatchRuleInfo] = [:]
  var isBroken = false

  init(_ stored: StoredConfiguration = StoredConfiguration()) {
    for trunk in stored.inboundTrunks { inboundTrunks[trunk.sipTrunkID] = trunk }
    for trunk in stored.outboundTrunks { outboundTrunks[trunk.sipTrunkID] = trunk }
    for rule in stored.rules { rules[rule.sipDispatchRuleID] = rule }
  }

  func load() throws(StoreError) -> StoredConfiguration {
    var stored = StoredConfiguration()
    stored.inboundTrunks = inboundTrunks.values.sorted { $0.sipTrunkID < $1.sipTrunkID }
    stored.outboundTrunks = outboundTrunks.values.sorted { $0.sipTrunkID < $1.sipTrunkID }
    stored.rules = rules.values.sorted { $0.sipDispatchRuleID < $1.sipDispatchRuleID }
    return stored
  }

  private func write(_ change: () -> Void) throws(StoreError) {
    if isBroken { throw StoreError("the disk is full") }
    change()
  }

  func save(_ trunk: Livekit_SIPInboundTrunkInfo) throws(StoreError) {
    try write { inboundTrunks[trunk.sipTrunkID] = trunk }
  }
  func save(_ trunk: Livekit_SIPOutboundTrunkInfo) throws(StoreError) {
    try write { outboundTrunks[trunk.sipTrunkID] = trunk }
  }
  func save(_ rule: Livekit_SIPDispatchRuleInfo) throws(StoreError) {
    try write { rules[rule.sipDispatchRuleID] = rule }
  }
  func deleteTrunk(_ id: String) throws(StoreError) {
    try write {
      inboundTrunks[id] = nil
      outboundTrunks[id] = nil
    }
  }
  func deleteRule(_ id: String) throws(StoreError) { try write { rules[id] = nil } }
}

final class TestExecutor: SerialExecutor {
  private let queue = DispatchQueue(label: "test")

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}

/// Answers without a gateway behind it, and remembers what it was asked.
final class TestCalls: CallService {
  let asked = Mutex<[String]>([])

  private func note(_ text: String) { asked.withLock { $0.append(text) } }

  func createParticipant(
    _ request: Livekit_CreateSIPParticipantRequest, for caller: APICaller
  ) async throws(TwirpError) -> Livekit_SIPParticipantInfo {
    note("create \(request.sipCallTo) for \(caller.apiKey)")
    if request.sipCallTo == "busy" { throw .sip(.resourceExhausted, status: 486, reason: "Busy Here") }
    var info = Livekit_SIPParticipantInfo()
    info.sipCallID = "SCL_1"
    return info
  }

  func transferParticipant(
    _ request: Livekit_TransferSIPParticipantRequest, for caller: APICaller
  ) async throws(TwirpError) -> Livekit_TransferSIPParticipantResponse {
    note("transfer \(request.participantIdentity) to \(request.transferTo)")
    return Livekit_TransferSIPParticipantResponse()
  }

  func moveParticipant(_ request: Livekit_MoveParticipantRequest) async throws(TwirpError) {
    note("move \(request.identity) to \(request.destinationRoom)")
  }

  func calls() async -> [Trunkline_Call] {
    var call = Trunkline_Call()
    call.callID = "SCL_1"
    call.roomName = "lobby"
    return [call]
  }

  func hangUp(_ callID: String) async throws(TwirpError) -> Trunkline_Call {
    note("hang up \(callID)")
    guard callID == "SCL_1" else { throw TwirpError(.notFound, "there is no such call") }
    return await calls()[0]
  }
}

/// A SIP service on a memory store, asked as a client would.
struct TestGateway: Sendable {
  let server: TwirpServer
  let calls = TestCalls()
  let catalog: TrunkCatalog
  private let published: Published

  /// Every state that was put in force, the last one last.
  var snapshots: [CatalogSnapshot] { published.snapshots.withLock { $0 } }

  init(
    stored: StoredConfiguration = StoredConfiguration(), isBroken: Bool = false,
    fixed: FixedConfiguration = FixedConfiguration(), byteLimit: Int = TrunkCatalog.byteLimit
  ) throws {
    let store = MemoryStore(stored)
    store.isBroken = isBroken
    let published = Published()
    self.published = published
    catalog = try TrunkCatalog(
      fixed: fixed,
      capabilities: PhoneCapabilities(codecs: ["PCMU/8000", "PCMA/8000"], hasTLS: false, hasSRTP: false),
      store: store, byteLimit: byteLimit, executor: TestExecutor(),
      unixNanoseconds: {
        published.clock.withLock {
          $0 += 1
          return 1_800_000_000_000_000_000 + $0 * 1_000_000_000
        }
      },
      publish: { snapshot in published.snapshots.withLock { $0.append(snapshot) } })
    server = TwirpServer(services: [
      "livekit.SIP": SIPService(catalog: catalog, calls: calls).methods,
      "trunkline.Calls": CallsService(calls: calls).methods,
    ]) { (token) async throws(TokenError) in try Self.token(token) }
  }

  /// Tokens of the tests name what they grant: `admin`, `call`, `room:lobby`, joined by `+`.
  private static func token(_ text: String) throws(TokenError) -> AccessToken {
    guard !text.isEmpty else { throw TokenError(.missing, "no access token was given") }
    var grants = Grants()
    for part in text.split(separator: "+") {
      switch part {
      case "admin": grants.sip.admin = true
      case "call": grants.sip.call = true
      case _ where part.hasPrefix("room:"):
        grants.video.roomAdmin = true
        grants.video.room = String(part.dropFirst(5))
      case "none": break
      default: throw TokenError(.badSignature, "the access token's signature does not fit its key")
      }
    }
    return AccessToken(apiKey: "key", grants: grants, expires: 0)
  }

  func post(
    _ method: String, _ body: [UInt8], token: String = "admin+call", contentType: String = "application/json",
    verb: String = "POST"
  ) async -> TwirpResponse {
    await server.respond(
      to: TwirpRequest(
        method: verb, path: method.hasPrefix("/") ? method : "/twirp/livekit.SIP/\(method)", contentType: contentType,
        authorization: token.isEmpty ? "" : "Bearer \(token)", body: body))
  }

  func post(_ method: String, _ json: String, token: String = "admin+call") async -> TwirpResponse {
    await post(method, Array(json.utf8), token: token)
  }

  /// The decoded answer to a protobuf request; throws the error.
  func ask<Request: Message, Response: Message>(
    _ method: String, _ request: Request, as type: Response.Type = Response.self
  ) async throws -> Response {
    let response = await post(method, try request.serializedBytes(), contentType: "application/protobuf")
    guard response.status == 200 else { throw Refused(response) }
    return try Response(serializedBytes: response.body)
  }
}

private final class Published: Sendable {
  let snapshots = Mutex<[CatalogSnapshot]>([])
  let clock = Mutex<Int64>(0)
}

/// A Twirp error as a client reads it.
struct Refused: Error, Decodable, Equatable {
  var code: String
  var msg: String
  var meta: [String: String]?

  init(_ response: TwirpResponse) {
    let decoded = try? JSONDecoder().decode(Refused.self, from: Data(response.body))
    self = decoded ?? Refused(code: "no JSON", msg: String(decoding: response.body, as: UTF8.self), meta: nil)
  }

  init(code: String, msg: String, meta: [String: String]?) {
    self.code = code
    self.msg = msg
    self.meta = meta
  }
}

extension TwirpResponse {
  var text: String { String(decoding: body, as: UTF8.self) }
  var refusal: Refused { Refused(self) }
}
