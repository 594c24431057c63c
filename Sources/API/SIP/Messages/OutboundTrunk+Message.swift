import LiveKitProtocol
import Telephony

extension OutboundTrunk {
  /// The trunk that the message describes; what cannot stay so is thrown (livekit-wire 2.7).
  init(_ info: Livekit_SIPOutboundTrunkInfo, capabilities: PhoneCapabilities) throws(TwirpError) {
    if let problem = OutboundTrunkCheck.problem(address: info.address) {
      throw MessageField.invalid("address", problem)
    }
    guard let address = SIPHostPort(info.address) else {
      throw MessageField.invalid("address", "give a host name or an address, with or without :port")
    }
    self.init(
      id: info.sipTrunkID,
      name: try MessageField.text(info.name, "name"),
      metadata: try MessageField.text(info.metadata, "metadata", limit: MessageField.metadataByteLimit),
      address: address,
      transport: try TrunkTransport(info.transport, capabilities),
      numbers: try MessageField.numbers(info.numbers, "numbers"),
      authUsername: try MessageField.text(info.authUsername, "auth_username"),
      authPassword: try MessageField.text(info.authPassword, "auth_password"),
      headers: try MessageField.headers(info.headers, "headers"),
      headersToAttributes: try MessageField.headerKeys(info.headersToAttributes, "headers_to_attributes"),
      attributesToHeaders: try MessageField.headerValues(info.attributesToHeaders, "attributes_to_headers"),
      includeHeaders: try HeaderInclusion(info.includeHeaders),
      media: try MediaOptions(info.media, legacy: info.mediaEncryption, capabilities),
      destinationCountry: info.destinationCountry,
      fromHost: info.fromHost)
    if let problem = OutboundTrunkCheck.problems(self).first {
      throw MessageField.invalid(problem.field, problem.sentence)
    }
  }
}

extension Livekit_SIPOutboundTrunkInfo {
  /// A trunk of the configuration file as the API shows it. Its own keys that LiveKit has not are not in it.
  init(_ trunk: OutboundTrunk) {
    self.init()
    sipTrunkID = trunk.id
    name = trunk.name
    metadata = trunk.metadata
    address = trunk.address.description
    transport = trunk.transport.message
    numbers = trunk.numbers.map(\.text)
    authUsername = trunk.authUsername
    authPassword = trunk.authPassword
    headers = trunk.headers
    headersToAttributes = trunk.headersToAttributes
    attributesToHeaders = trunk.attributesToHeaders
    includeHeaders = trunk.includeHeaders.message
    destinationCountry = trunk.destinationCountry
    fromHost = trunk.fromHost
    if trunk.media != MediaOptions() { media = Livekit_SIPMediaConfig(trunk.media) }
  }
}

extension TrunkTransport {
  init(_ value: Livekit_SIPTransport, _ capabilities: PhoneCapabilities) throws(TwirpError) {
    switch value {
    case .auto: self = .auto
    case .udp: self = .udp
    case .tcp: self = .tcp
    case .tls:
      guard capabilities.hasTLS else {
        throw MessageField.invalid("transport", "SIP over TLS is not available in this version")
      }
      self = .tls
    case .UNRECOGNIZED(let number): throw MessageField.invalid("transport", "there is no value \(number)")
    }
  }

  var message: Livekit_SIPTransport {
    switch self {
    case .auto: .auto
    case .udp: .udp
    case .tcp: .tcp
    case .tls: .tls
    }
  }
}
