import LiveKitProtocol
import SwiftProtobuf
import Telephony

/// A trunk or a rule as a message, and what it stands for.
protocol CatalogMessage: SwiftProtobuf.Message {
  associatedtype Value: Sendable

  /// `trunk` or `rule`, for sentences.
  static var noun: String { get }
  /// `ST_` or `SDR_`.
  static var idPrefix: String { get }
  /// The field that holds `id`.
  static var idField: String { get }
  static var table: WritableKeyPath<CatalogTables, CatalogTable<Self>> & Sendable { get }

  var id: String { get set }
  var name: String { get set }
  var createdAt: Google_Protobuf_Timestamp { get set }
  var updatedAt: Google_Protobuf_Timestamp { get set }

  /// What the message means; what cannot stay so is thrown.
  func value(_ rules: CatalogRules) throws(TwirpError) -> Value
  /// Refuses what contradicts the others, of which it is none yet. Returns what is likely not meant.
  static func check(
    _ value: Value, among others: CatalogTables, _ rules: CatalogRules
  ) throws(TwirpError) -> [String]
  func save(to store: any ConfigurationStore) throws(StoreError)
  static func delete(_ id: String, from store: any ConfigurationStore) throws(StoreError)
}

extension CatalogMessage {
  var label: String { name.isEmpty ? id : name }
}

/// What decides whether a trunk or a rule is sound, besides the others.
struct CatalogRules: Sendable {
  var providers: Set<String>
  var capabilities: PhoneCapabilities
  var acceptUnmatchedTrunk: Bool

  init(_ fixed: FixedConfiguration, _ capabilities: PhoneCapabilities) {
    providers = fixed.providers
    self.capabilities = capabilities
    acceptUnmatchedTrunk = fixed.acceptUnmatchedTrunk
  }
}

struct CatalogTables: Sendable {
  var inboundTrunks = CatalogTable<Livekit_SIPInboundTrunkInfo>()
  var outboundTrunks = CatalogTable<Livekit_SIPOutboundTrunkInfo>()
  var rules = CatalogTable<Livekit_SIPDispatchRuleInfo>()

  /// Of what the API has made, encoded.
  var byteCount: Int { inboundTrunks.byteCount + outboundTrunks.byteCount + rules.byteCount }

  var snapshot: CatalogSnapshot {
    var snapshot = CatalogSnapshot()
    snapshot.inboundTrunks = inboundTrunks.values
    snapshot.outboundTrunks = outboundTrunks.values
    snapshot.rules = rules.values
    return snapshot
  }
}

extension Livekit_SIPInboundTrunkInfo: CatalogMessage {
  static var noun: String { "trunk" }
  static var idPrefix: String { "ST_" }
  static var idField: String { "sip_trunk_id" }
  static var table: WritableKeyPath<CatalogTables, CatalogTable<Self>> & Sendable { \.inboundTrunks }

  var id: String {
    get { sipTrunkID }
    set { sipTrunkID = newValue }
  }

  func value(_ rules: CatalogRules) throws(TwirpError) -> InboundTrunk {
    try InboundTrunk(self, providers: rules.providers, capabilities: rules.capabilities)
  }

  static func check(
    _ value: InboundTrunk, among others: CatalogTables, _ rules: CatalogRules
  ) throws(TwirpError) -> [String] {
    let trunks = others.inboundTrunks.values + [value]
    let findings = ConfigurationLint(trunks: trunks, rules: []).findings(ofTrunk: trunks.count - 1)
    if let conflict = findings.first(where: { $0.severity == .error }) {
      throw TwirpError(.invalidArgument, conflict.sentence, meta: ["argument": conflict.key])
    }
    return findings.map(\.sentence) + value.warnings
  }

  func save(to store: any ConfigurationStore) throws(StoreError) { try store.save(self) }
  static func delete(_ id: String, from store: any ConfigurationStore) throws(StoreError) {
    try store.deleteTrunk(id)
  }
}

extension Livekit_SIPOutboundTrunkInfo: CatalogMessage {
  static var noun: String { "trunk" }
  static var idPrefix: String { "ST_" }
  static var idField: String { "sip_trunk_id" }
  static var table: WritableKeyPath<CatalogTables, CatalogTable<Self>> & Sendable { \.outboundTrunks }

  var id: String {
    get { sipTrunkID }
    set { sipTrunkID = newValue }
  }

  func value(_ rules: CatalogRules) throws(TwirpError) -> OutboundTrunk {
    try OutboundTrunk(self, capabilities: rules.capabilities)
  }

  /// Several trunks may have one number: calls name the trunk.
  static func check(
    _ value: OutboundTrunk, among others: CatalogTables, _ rules: CatalogRules
  ) throws(TwirpError) -> [String] { [] }

  func save(to store: any ConfigurationStore) throws(StoreError) { try store.save(self) }
  static func delete(_ id: String, from store: any ConfigurationStore) throws(StoreError) {
    try store.deleteTrunk(id)
  }
}

extension Livekit_SIPDispatchRuleInfo: CatalogMessage {
  static var noun: String { "rule" }
  static var idPrefix: String { "SDR_" }
  static var idField: String { "sip_dispatch_rule_id" }
  static var table: WritableKeyPath<CatalogTables, CatalogTable<Self>> & Sendable { \.rules }

  var id: String {
    get { sipDispatchRuleID }
    set { sipDispatchRuleID = newValue }
  }

  func value(_ rules: CatalogRules) throws(TwirpError) -> DispatchRule {
    try DispatchRule(self, capabilities: rules.capabilities)
  }

  /// LiveKit takes rules that can never match and trunks that are not there; they are told of, not refused.
  static func check(
    _ value: DispatchRule, among others: CatalogTables, _ rules: CatalogRules
  ) throws(TwirpError) -> [String] {
    let all = others.rules.values + [value]
    let findings = ConfigurationLint(
      trunks: others.inboundTrunks.values, rules: all, acceptUnmatchedTrunk: rules.acceptUnmatchedTrunk
    ).findings(ofRule: all.count - 1)
    if let conflict = findings.first(where: { $0.kind == .conflictingRules }) {
      throw TwirpError(.invalidArgument, conflict.sentence, meta: ["argument": conflict.key])
    }
    return findings.map(\.sentence)
  }

  func save(to store: any ConfigurationStore) throws(StoreError) { try store.save(self) }
  static func delete(_ id: String, from store: any ConfigurationStore) throws(StoreError) {
    try store.deleteRule(id)
  }
}
