import LiveKitProtocol
import SwiftProtobuf
import Telephony

extension DispatchRule {
  /// Rules are held against each other by trunk and number.
  private static let combinationLimit = 10_000

  /// The rule that the message describes; what cannot stay so is thrown (livekit-wire 2.7).
  init(_ info: Livekit_SIPDispatchRuleInfo, capabilities: PhoneCapabilities) throws(TwirpError) {
    guard info.roomPreset.isEmpty else {
      throw MessageField.invalid("room_preset", "there are no presets; write their values into room_config")
    }
    guard info.trunkIds.count * info.numbers.count <= Self.combinationLimit else {
      throw MessageField.invalid(
        "numbers", "expected at most \(Self.combinationLimit) combinations of trunk_ids and numbers; make more rules")
    }
    self.init(
      id: info.sipDispatchRuleID,
      name: try MessageField.text(info.name, "name"),
      kind: try Kind(info.rule),
      trunkIDs: try MessageField.entries(info.trunkIds, "trunk_ids"),
      numbers: try MessageField.numbers(info.numbers, "numbers"),
      inboundNumbers: try MessageField.numbers(info.inboundNumbers, "inbound_numbers"),
      hidePhoneNumber: info.hidePhoneNumber,
      metadata: try MessageField.text(info.metadata, "metadata", limit: MessageField.metadataByteLimit),
      attributes: try MessageField.map(info.attributes, "attributes"),
      roomConfiguration: info.hasRoomConfig ? try RoomConfiguration(info.roomConfig) : nil,
      krispEnabled: info.krispEnabled,
      media: try MediaOptions(info.media, legacy: info.mediaEncryption, capabilities))
  }
}

extension DispatchRule.Kind {
  init(_ rule: Livekit_SIPDispatchRule) throws(TwirpError) {
    switch rule.rule {
    case .dispatchRuleDirect(let direct):
      guard !direct.roomName.isEmpty else {
        throw MessageField.invalid("rule.dispatch_rule_direct.room_name", "expected a room's name")
      }
      self = .direct(
        roomName: try MessageField.text(direct.roomName, "rule.dispatch_rule_direct.room_name"),
        pin: try Self.pin(direct.pin))
    case .dispatchRuleIndividual(let individual):
      self = .individual(
        roomPrefix: try MessageField.text(
          individual.roomPrefix, "rule.dispatch_rule_individual.room_prefix", limit: Self.prefixByteLimit),
        pin: try Self.pin(individual.pin), noRandomness: individual.noRandomness)
    case .dispatchRuleCallee(let callee):
      self = .callee(
        roomPrefix: try MessageField.text(
          callee.roomPrefix, "rule.dispatch_rule_callee.room_prefix", limit: Self.prefixByteLimit),
        pin: try Self.pin(callee.pin), randomize: callee.randomize)
    case nil:
      throw MessageField.invalid(
        "rule", "expected one of dispatch_rule_direct, dispatch_rule_individual and dispatch_rule_callee")
    }
  }

  /// The rest of a room's name of 256 bytes is the caller's or the called number and 12 random letters.
  private static let prefixByteLimit = 128
  /// Callers can press no more (livekit-wire 3.4).
  private static let pinLimit = 16

  private static func pin(_ text: String) throws(TwirpError) -> String {
    let isDigits = text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard isDigits, text.utf8.count <= pinLimit else {
      throw MessageField.invalid("pin", "expected at most \(pinLimit) digits: callers press it and then #")
    }
    return text
  }

  var message: Livekit_SIPDispatchRule {
    var rule = Livekit_SIPDispatchRule()
    switch self {
    case .direct(let roomName, let pin):
      rule.dispatchRuleDirect.roomName = roomName
      rule.dispatchRuleDirect.pin = pin
    case .individual(let roomPrefix, let pin, let noRandomness):
      rule.dispatchRuleIndividual.roomPrefix = roomPrefix
      rule.dispatchRuleIndividual.pin = pin
      rule.dispatchRuleIndividual.noRandomness = noRandomness
    case .callee(let roomPrefix, let pin, let randomize):
      rule.dispatchRuleCallee.roomPrefix = roomPrefix
      rule.dispatchRuleCallee.pin = pin
      rule.dispatchRuleCallee.randomize = randomize
    }
    return rule
  }
}

extension Livekit_SIPDispatchRuleInfo {
  /// A rule of the configuration file as the API shows it. Its own keys that LiveKit has not are not in it.
  init(_ rule: DispatchRule) {
    self.init()
    sipDispatchRuleID = rule.id
    name = rule.name
    self.rule = rule.kind.message
    trunkIds = rule.trunkIDs
    numbers = rule.numbers.map(\.text)
    inboundNumbers = rule.inboundNumbers.map(\.text)
    hidePhoneNumber = rule.hidePhoneNumber
    metadata = rule.metadata
    attributes = rule.attributes
    krispEnabled = rule.krispEnabled
    if let configuration = rule.roomConfiguration { roomConfig = Livekit_RoomConfiguration(configuration) }
    if rule.media != MediaOptions() { media = Livekit_SIPMediaConfig(rule.media) }
  }
}
