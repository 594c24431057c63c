import LiveKitProtocol
import SwiftProtobuf

/// One of the three things that are kept: inbound trunks, outbound trunks, dispatch rules.
protocol CatalogKind {
  associatedtype Item: Message & Sendable

  /// `inbound`: the subcommand.
  static var name: String { get }
  /// `inbound trunk`, for sentences.
  static var noun: String { get }
  /// What a file for `create` holds.
  static var sample: String { get }
  /// What a file for `update` holds.
  static var change: String { get }
  static var columns: [TextTable<Item>.Column] { get }

  static func id(_ item: Item) -> String
  static func create(_ input: JSONInput, _ client: TwirpClient) async throws(CommandFailure) -> Item
  static func update(_ id: String, _ input: JSONInput, _ client: TwirpClient) async throws(CommandFailure) -> Item
  static func page(after id: String, _ client: TwirpClient) async throws(CommandFailure) -> [Item]
  /// Throws when there was none.
  static func delete(_ id: String, _ client: TwirpClient) async throws(CommandFailure)
}

extension CatalogKind {
  /// `an inbound trunk`
  static var oneNoun: String { (noun.first == "i" || noun.first == "o" ? "an " : "a ") + noun }
}

extension TwirpClient {
  func sip<Request: Message, Response: Message>(
    _ method: String, _ request: Request, grants: Grants = .sipAdmin, ringing: Google_Protobuf_Duration = .init()
  ) async throws(CommandFailure) -> Response {
    try await call("livekit.SIP", method, request, grants: grants, ringing: ringing)
  }
}

enum InboundTrunks: CatalogKind {
  static let name = "inbound"
  static let noun = "inbound trunk"
  static let sample =
    #"{"trunk": {"name": "office", "numbers": ["+15550100"], "allowed_addresses": ["203.0.113.0/24"]}}"#
  static let change = #"{"update": {"numbers": {"add": ["+15550101"]}}}"#
  static var columns: [TextTable<Livekit_SIPInboundTrunkInfo>.Column] {
    [
      ("id", \.sipTrunkID), ("name", \.name), ("numbers", { $0.numbers.joined(separator: " ") }),
      ("addresses", { $0.allowedAddresses.joined(separator: " ") }),
      ("callers", { $0.allowedNumbers.joined(separator: " ") }), ("user", \.authUsername),
      ("updated", { Output.time($0.updatedAt) }),
    ]
  }

  static func id(_ item: Livekit_SIPInboundTrunkInfo) -> String { item.sipTrunkID }

  static func create(
    _ input: JSONInput, _ client: TwirpClient
  ) async throws(CommandFailure) -> Livekit_SIPInboundTrunkInfo {
    var request = Livekit_CreateSIPInboundTrunkRequest()
    if input.has("trunk") { request = try input.message() } else { request.trunk = try input.message() }
    return try await client.sip("CreateSIPInboundTrunk", request)
  }

  static func update(
    _ id: String, _ input: JSONInput, _ client: TwirpClient
  ) async throws(CommandFailure) -> Livekit_SIPInboundTrunkInfo {
    var request = Livekit_UpdateSIPInboundTrunkRequest()
    if input.has("replace", "update") { request = try input.message() } else { request.replace = try input.message() }
    request.sipTrunkID = id
    return try await client.sip("UpdateSIPInboundTrunk", request)
  }

  static func page(
    after id: String, _ client: TwirpClient
  ) async throws(CommandFailure) -> [Livekit_SIPInboundTrunkInfo] {
    var request = Livekit_ListSIPInboundTrunkRequest()
    if !id.isEmpty { request.page.afterID = id }
    let response: Livekit_ListSIPInboundTrunkResponse = try await client.sip("ListSIPInboundTrunk", request)
    return response.items
  }

  static func delete(_ id: String, _ client: TwirpClient) async throws(CommandFailure) {
    var request = Livekit_DeleteSIPTrunkRequest()
    request.sipTrunkID = id
    let _: Livekit_SIPTrunkInfo = try await client.sip("DeleteSIPTrunk", request)
  }
}

enum OutboundTrunks: CatalogKind {
  static let name = "outbound"
  static let noun = "outbound trunk"
  static let sample = #"{"trunk": {"name": "carrier", "address": "sip.example.com", "numbers": ["+15550100"]}}"#
  static let change = #"{"update": {"auth_password": "new"}}"#
  static var columns: [TextTable<Livekit_SIPOutboundTrunkInfo>.Column] {
    [
      ("id", \.sipTrunkID), ("name", \.name), ("address", \.address),
      ("transport", { "\($0.transport)" }), ("numbers", { $0.numbers.joined(separator: " ") }),
      ("user", \.authUsername), ("updated", { Output.time($0.updatedAt) }),
    ]
  }

  static func id(_ item: Livekit_SIPOutboundTrunkInfo) -> String { item.sipTrunkID }

  static func create(
    _ input: JSONInput, _ client: TwirpClient
  ) async throws(CommandFailure) -> Livekit_SIPOutboundTrunkInfo {
    var request = Livekit_CreateSIPOutboundTrunkRequest()
    if input.has("trunk") { request = try input.message() } else { request.trunk = try input.message() }
    return try await client.sip("CreateSIPOutboundTrunk", request)
  }

  static func update(
    _ id: String, _ input: JSONInput, _ client: TwirpClient
  ) async throws(CommandFailure) -> Livekit_SIPOutboundTrunkInfo {
    var request = Livekit_UpdateSIPOutboundTrunkRequest()
    if input.has("replace", "update") { request = try input.message() } else { request.replace = try input.message() }
    request.sipTrunkID = id
    return try await client.sip("UpdateSIPOutboundTrunk", request)
  }

  static func page(
    after id: String, _ client: TwirpClient
  ) async throws(CommandFailure) -> [Livekit_SIPOutboundTrunkInfo] {
    var request = Livekit_ListSIPOutboundTrunkRequest()
    if !id.isEmpty { request.page.afterID = id }
    let response: Livekit_ListSIPOutboundTrunkResponse = try await client.sip("ListSIPOutboundTrunk", request)
    return response.items
  }

  static func delete(_ id: String, _ client: TwirpClient) async throws(CommandFailure) {
    try await InboundTrunks.delete(id, client)
  }
}

enum DispatchRules: CatalogKind {
  static let name = "dispatch"
  static let noun = "dispatch rule"
  static let sample =
    #"{"dispatch_rule": {"name": "agents", "rule": {"dispatchRuleIndividual": {"roomPrefix": "call-"}}}}"#
  static let change = #"{"update": {"trunk_ids": {"set": ["ST_…"]}}}"#
  static var columns: [TextTable<Livekit_SIPDispatchRuleInfo>.Column] {
    [
      ("id", \.sipDispatchRuleID), ("name", \.name), ("trunks", { $0.trunkIds.joined(separator: " ") }),
      ("room", \.room), ("pin", { $0.hasPIN ? "yes" : "" }), ("called", { $0.numbers.joined(separator: " ") }),
      ("callers", { $0.inboundNumbers.joined(separator: " ") }),
      ("agents", { $0.roomConfig.agents.map(\.agentName).joined(separator: " ") }),
      ("updated", { Output.time($0.updatedAt) }),
    ]
  }

  static func id(_ item: Livekit_SIPDispatchRuleInfo) -> String { item.sipDispatchRuleID }

  static func create(
    _ input: JSONInput, _ client: TwirpClient
  ) async throws(CommandFailure) -> Livekit_SIPDispatchRuleInfo {
    // The older form has the rule's fields at the top, as a bare rule has.
    let request: Livekit_CreateSIPDispatchRuleRequest = try input.message()
    return try await client.sip("CreateSIPDispatchRule", request)
  }

  static func update(
    _ id: String, _ input: JSONInput, _ client: TwirpClient
  ) async throws(CommandFailure) -> Livekit_SIPDispatchRuleInfo {
    var request = Livekit_UpdateSIPDispatchRuleRequest()
    if input.has("replace", "update") { request = try input.message() } else { request.replace = try input.message() }
    request.sipDispatchRuleID = id
    return try await client.sip("UpdateSIPDispatchRule", request)
  }

  static func page(
    after id: String, _ client: TwirpClient
  ) async throws(CommandFailure) -> [Livekit_SIPDispatchRuleInfo] {
    var request = Livekit_ListSIPDispatchRuleRequest()
    if !id.isEmpty { request.page.afterID = id }
    let response: Livekit_ListSIPDispatchRuleResponse = try await client.sip("ListSIPDispatchRule", request)
    return response.items
  }

  static func delete(_ id: String, _ client: TwirpClient) async throws(CommandFailure) {
    var request = Livekit_DeleteSIPDispatchRuleRequest()
    request.sipDispatchRuleID = id
    let _: Livekit_SIPDispatchRuleInfo = try await client.sip("DeleteSIPDispatchRule", request)
  }
}

extension Livekit_SIPDispatchRuleInfo {
  /// How its rooms are named, as a pattern.
  fileprivate var room: String {
    switch rule.rule {
    case .dispatchRuleDirect(let direct): direct.roomName
    case .dispatchRuleIndividual(let individual):
      "\(individual.roomPrefix)_<caller>" + (individual.noRandomness ? "" : "_<random>")
    case .dispatchRuleCallee(let callee): "\(callee.roomPrefix)_<called>" + (callee.randomize ? "_<random>" : "")
    case nil: ""
    }
  }

  fileprivate var hasPIN: Bool {
    switch rule.rule {
    case .dispatchRuleDirect(let direct): !direct.pin.isEmpty
    case .dispatchRuleIndividual(let individual): !individual.pin.isEmpty
    case .dispatchRuleCallee(let callee): !callee.pin.isEmpty
    case nil: false
    }
  }
}
