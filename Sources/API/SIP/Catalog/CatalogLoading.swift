import LiveKitProtocol
import Telephony

/// Puts the configuration file's and the stored trunks and rules together. The file goes first.
struct CatalogLoading {
  private(set) var tables: CatalogTables
  private(set) var problems: [String] = []
  private let rules: CatalogRules
  /// The file's alone: stored things were held against each other when they were made.
  private let fixed: CatalogTables

  init(_ fixed: FixedConfiguration, _ rules: CatalogRules) {
    self.rules = rules
    var tables = CatalogTables()
    for trunk in fixed.inboundTrunks {
      tables.inboundTrunks.put(
        .init(message: Livekit_SIPInboundTrunkInfo(trunk.value), value: trunk.value, place: trunk.place))
    }
    for trunk in fixed.outboundTrunks {
      tables.outboundTrunks.put(
        .init(message: Livekit_SIPOutboundTrunkInfo(trunk.value), value: trunk.value, place: trunk.place))
    }
    for rule in fixed.rules {
      tables.rules.put(.init(message: Livekit_SIPDispatchRuleInfo(rule.value), value: rule.value, place: rule.place))
    }
    self.tables = tables
    self.fixed = tables
  }

  mutating func add(_ stored: StoredConfiguration) {
    for trunk in stored.inboundTrunks { add(trunk) }
    for trunk in stored.outboundTrunks { add(trunk) }
    for rule in stored.rules { add(rule) }
  }

  private mutating func add<M: CatalogMessage>(_ message: M) {
    if let place = tables[keyPath: M.table][message.id]?.place {
      problems.append("stored \(M.noun) \(message.id) is not in force: the configuration file has it at \(place)")
      return
    }
    do throws(TwirpError) {
      let value = try message.value(rules)
      _ = try M.check(value, among: fixed, rules)
      tables[keyPath: M.table].put(.init(message: message, value: value))
    } catch {
      problems.append("stored \(M.noun) \(message.label) is not in force: \(error.message)")
      tables[keyPath: M.table].put(.init(message: message))
    }
  }
}
