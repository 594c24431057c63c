/// As whom the caller joins the room.
public struct ParticipantProfile: Hashable, Sendable {
  public var identity: String
  public var name: String
  public var metadata: String
  /// Without `sip.callStatus`, which follows the call.
  public var attributes: [String: String]

  public init(identity: String, name: String, metadata: String = "", attributes: [String: String] = [:]) {
    self.identity = identity
    self.name = name
    self.metadata = metadata
    self.attributes = attributes
  }

  /// The caller of `call`, let in by `rule`. Identity and name come from the raw user part of From.
  public init(call: CallFacts, trunk: InboundTrunk?, rule: DispatchRule) {
    let from = call.fromUser
    identity = "sip_" + (rule.hidePhoneNumber ? Self.hashed(from) : from)
    name = "Phone " + (rule.hidePhoneNumber ? Self.masked(from) : from)
    metadata = rule.metadata
    attributes = rule.attributes
    attributes[SIPAttribute.callID] = call.callID
    attributes[SIPAttribute.trunkID] = trunk?.id
    attributes[SIPAttribute.ruleID] = rule.id
    if !rule.hidePhoneNumber {
      attributes[SIPAttribute.phoneNumber] = call.fromUser
      attributes[SIPAttribute.hostname] = call.fromHost
      attributes[SIPAttribute.trunkPhoneNumber] = call.toUser
    }
    attributes[SIPAttribute.callIDFull] = call.sipCallID
    attributes[SIPAttribute.callTag] = call.fromTag
    let mapped = HeaderMapping.attributes(
      from: call.headers, inclusion: trunk?.includeHeaders ?? .none, mapping: trunk?.headersToAttributes ?? [:])
    attributes.merge(mapped) { $1 }
  }

  /// The callee of a call that we place. The name is the request's alone; identity and attributes have defaults.
  init(
    request: OutboundCallRequest, callID: String, sipCallID: String, trunk: OutboundTrunk, callTo: String,
    number: String
  ) {
    identity =
      request.participantIdentity.isEmpty
      ? "sip_" + (request.hidePhoneNumber ? Self.hashed(callTo) : callTo) : request.participantIdentity
    name = request.participantName
    metadata = request.participantMetadata
    attributes = request.participantAttributes
    attributes[SIPAttribute.callID] = callID
    attributes[SIPAttribute.trunkID] = trunk.id.isEmpty ? nil : trunk.id
    if !request.hidePhoneNumber {
      attributes[SIPAttribute.phoneNumber] = callTo
      attributes[SIPAttribute.hostname] = trunk.address.host
      attributes[SIPAttribute.trunkPhoneNumber] = number
    }
    attributes[SIPAttribute.callIDFull] = sipCallID
  }

  /// A hidden number in names: its last four characters, or the last one of a short number.
  static func masked(_ number: String) -> String { String(number.suffix(number.utf8.count > 4 ? 4 : 1)) }

  /// The first eight bytes of the number's SHA-256, in hexadecimal.
  private static func hashed(_ number: String) -> String {
    Digest.hexadecimal(Digest.sha256(Array(number.utf8)).prefix(8))
  }
}

/// Names of the attributes that LiveKit gives SIP participants.
public enum SIPAttribute {
  public static let callID = "sip.callID"
  public static let callIDFull = "sip.callIDFull"
  public static let callTag = "sip.callTag"
  public static let callStatus = "sip.callStatus"
  public static let trunkID = "sip.trunkID"
  public static let ruleID = "sip.ruleID"
  public static let phoneNumber = "sip.phoneNumber"
  public static let hostname = "sip.hostname"
  public static let trunkPhoneNumber = "sip.trunkPhoneNumber"
  /// Followed by the header's name in lower case.
  public static let headerPrefix = "sip.h."
}

/// Values of `sip.callStatus`.
public enum CallStatus: String, Sendable, Hashable {
  /// A call of ours, before anything came back.
  case dialing
  case ringing
  /// Digits are being sent after the answer.
  case automation
  case active
  case hangup
}
