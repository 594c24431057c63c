import Telephony

/// What the configuration file says of trunks and rules. The API shows it and changes none of it.
public struct FixedConfiguration: Sendable {
  public struct Item<Value: Sendable>: Sendable {
    public var value: Value
    /// Where people change it: `/etc/trunkline/trunkline.yaml:12`.
    public var place: String

    public init(_ value: Value, place: String) {
      self.value = value
      self.place = place
    }
  }

  public var inboundTrunks: [Item<InboundTrunk>] = []
  public var outboundTrunks: [Item<OutboundTrunk>] = []
  public var rules: [Item<DispatchRule>] = []
  /// What `provider:NAME` may name in `allowed_addresses`.
  public var providers: Set<String> = []
  public var acceptUnmatchedTrunk = false

  public init() {}
}

/// The trunks and rules in force, for whoever decides calls.
public struct CatalogSnapshot: Sendable, Equatable {
  public var inboundTrunks: [InboundTrunk] = []
  public var outboundTrunks: [OutboundTrunk] = []
  public var rules: [DispatchRule] = []

  public init() {}

  /// What a gateway with this file and store has in force.
  public init(fixed: FixedConfiguration, stored: StoredConfiguration, capabilities: PhoneCapabilities) {
    var loading = CatalogLoading(fixed, CatalogRules(fixed, capabilities))
    loading.add(stored)
    self = loading.tables.snapshot
  }
}
