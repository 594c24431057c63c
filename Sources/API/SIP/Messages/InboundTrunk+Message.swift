import LiveKitProtocol
import SwiftProtobuf
import Telephony

extension InboundTrunk {
  /// The trunk that the message describes; what cannot stay so is thrown (livekit-wire 2.3, 2.7).
  init(
    _ info: Livekit_SIPInboundTrunkInfo, providers: Set<String>, capabilities: PhoneCapabilities
  ) throws(TwirpError) {
    self.init(
      id: info.sipTrunkID,
      name: try MessageField.text(info.name, "name"),
      metadata: try MessageField.text(info.metadata, "metadata", limit: MessageField.metadataByteLimit),
      numbers: try MessageField.numbers(info.numbers, "numbers"),
      allowedAddresses: try MessageField.addresses(info.allowedAddresses, "allowed_addresses", providers: providers),
      allowedNumbers: try MessageField.numbers(info.allowedNumbers, "allowed_numbers"),
      authUsername: try MessageField.text(info.authUsername, "auth_username"),
      authPassword: try MessageField.text(info.authPassword, "auth_password"),
      authRealm: try Self.realm(info.authRealm),
      headers: try MessageField.headers(info.headers, "headers"),
      headersToAttributes: try MessageField.headerKeys(info.headersToAttributes, "headers_to_attributes"),
      attributesToHeaders: try MessageField.headerValues(info.attributesToHeaders, "attributes_to_headers"),
      includeHeaders: try HeaderInclusion(info.includeHeaders),
      krispEnabled: info.krispEnabled,
      media: try MediaOptions(info.media, legacy: info.mediaEncryption, capabilities),
      call: CallOverrides(
        ringingTimeout: try MessageField.duration(
          info.ringingTimeout, "ringing_timeout", limit: MessageField.ringingLimit),
        maxCallDuration: try MessageField.duration(
          info.maxCallDuration, "max_call_duration", limit: MessageField.callLimit)))
    guard info.ringingTimeoutStatus == .sipStatusUnknown else {
      throw MessageField.invalid("ringing_timeout_status", "expected none: a phone that rang too long gets 480")
    }
    guard !authUsername.isEmpty || !authPassword.isEmpty || !numbers.isEmpty || !allowedAddresses.isEmpty else {
      throw TwirpError(
        .invalidArgument, "the trunk takes calls from anyone: expected numbers, allowed_addresses or auth_username")
    }
  }

  /// It stands in a quoted string of a header (RFC 3261 §25.1).
  private static func realm(_ text: String) throws(TwirpError) -> String {
    guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }) else {
      throw MessageField.invalid("auth_realm", "expected printable characters without quotes")
    }
    return try MessageField.text(text, "auth_realm")
  }

  /// What is likely not meant.
  var warnings: [String] {
    authUsername.isEmpty == authPassword.isEmpty
      ? [] : ["auth_username and auth_password together ask callers for credentials; one alone asks for nothing"]
  }
}

extension Livekit_SIPInboundTrunkInfo {
  /// A trunk of the configuration file as the API shows it. Its own keys that LiveKit has not are not in it.
  init(_ trunk: InboundTrunk) {
    self.init()
    sipTrunkID = trunk.id
    name = trunk.name
    metadata = trunk.metadata
    numbers = trunk.numbers.map(\.text)
    allowedAddresses = trunk.allowedAddresses.map(\.text)
    allowedNumbers = trunk.allowedNumbers.map(\.text)
    authUsername = trunk.authUsername
    authPassword = trunk.authPassword
    authRealm = trunk.authRealm
    headers = trunk.headers
    headersToAttributes = trunk.headersToAttributes
    attributesToHeaders = trunk.attributesToHeaders
    includeHeaders = trunk.includeHeaders.message
    krispEnabled = trunk.krispEnabled
    if trunk.media != MediaOptions() { media = Livekit_SIPMediaConfig(trunk.media) }
    if let timeout = trunk.call.ringingTimeout { ringingTimeout = Google_Protobuf_Duration(timeout) }
    if let limit = trunk.call.maxCallDuration { maxCallDuration = Google_Protobuf_Duration(limit) }
  }
}
