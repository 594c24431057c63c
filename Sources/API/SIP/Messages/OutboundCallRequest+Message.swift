import LiveKitProtocol
import Telephony

extension OutboundCallRequest {
  /// Every field of the message as a value; what cannot be one is thrown. Which values fit a call is decided later
  /// (`OutboundPlanner.plan`).
  public init(_ message: Livekit_CreateSIPParticipantRequest, _ capabilities: PhoneCapabilities) throws(TwirpError) {
    self.init()
    sipTrunkID = try MessageField.text(message.sipTrunkID, "sip_trunk_id")
    if message.hasTrunk { trunk = try InlineTrunk(message.trunk, capabilities) }
    sipCallTo = try MessageField.text(message.sipCallTo, "sip_call_to")
    sipNumber = try MessageField.text(message.sipNumber, "sip_number")
    roomName = try MessageField.text(message.roomName, "room_name")
    participantIdentity = try MessageField.text(message.participantIdentity, "participant_identity")
    participantName = try MessageField.text(message.participantName, "participant_name")
    participantMetadata = try MessageField.text(
      message.participantMetadata, "participant_metadata", limit: MessageField.metadataByteLimit)
    participantAttributes = try MessageField.map(message.participantAttributes, "participant_attributes")
    dtmf = try MessageField.text(message.dtmf, "dtmf")
    playRingtone = message.playRingtone
    playDialtone = message.playDialtone
    hidePhoneNumber = message.hidePhoneNumber
    ringingTimeout = try MessageField.duration(
      message.ringingTimeout, "ringing_timeout", limit: MessageField.ringingLimit)
    maxCallDuration = try MessageField.duration(
      message.maxCallDuration, "max_call_duration", limit: MessageField.callLimit)
    krispEnabled = message.krispEnabled
    headers = try MessageField.headers(message.headers, "headers")
    includeHeaders = try HeaderInclusion(message.includeHeaders)
    media = try MediaOptions(message.media, legacy: message.mediaEncryption, capabilities)
    waitUntilAnswered = message.waitUntilAnswered
    if message.hasDisplayName { displayName = try MessageField.text(message.displayName, "display_name") }
    if message.hasDestination {
      destination = Destination(
        city: try MessageField.text(message.destination.city, "destination.city"),
        country: try MessageField.text(message.destination.country, "destination.country"),
        region: try MessageField.text(message.destination.region, "destination.region"))
    }
    if message.hasSipRequestUri {
      sipRequestURI =
        switch message.sipRequestUri.uri {
        case .raw(let text): .raw(try MessageField.text(text, "sip_request_uri.raw"))
        case .values(let values): .values(try URIValues(values, "sip_request_uri", capabilities))
        case nil: nil
        }
    }
    if message.hasSipToHeader { sipToHeader = try NamedURI(message.sipToHeader, "sip_to_header", capabilities) }
    if message.hasSipFromHeader { sipFromHeader = try NamedURI(message.sipFromHeader, "sip_from_header", capabilities) }
    toUserOverride = try MessageField.text(message.toUserOverride, "to_user_override")
  }
}

extension OutboundCallRequest.InlineTrunk {
  fileprivate init(_ message: Livekit_SIPOutboundConfig, _ capabilities: PhoneCapabilities) throws(TwirpError) {
    self.init(
      hostname: try MessageField.text(message.hostname, "trunk.hostname"),
      transport: try TrunkTransport(message.transport, capabilities),
      authUsername: try MessageField.text(message.authUsername, "trunk.auth_username"),
      authPassword: try MessageField.text(message.authPassword, "trunk.auth_password"),
      headersToAttributes: try MessageField.headerKeys(message.headersToAttributes, "trunk.headers_to_attributes"),
      attributesToHeaders: try MessageField.headerValues(message.attributesToHeaders, "trunk.attributes_to_headers"),
      destinationCountry: try MessageField.text(message.destinationCountry, "trunk.destination_country"),
      fromHost: try MessageField.text(message.fromHost, "trunk.from_host"))
  }
}

extension OutboundCallRequest.URIValues {
  fileprivate init(
    _ message: Livekit_SIPUri, _ field: String, _ capabilities: PhoneCapabilities
  ) throws(TwirpError) {
    self.init(
      user: try MessageField.text(message.user, field + ".user"),
      host: try MessageField.text(message.host, field + ".host"),
      ip: try MessageField.text(message.ip, field + ".ip"), port: message.port,
      transport: try TrunkTransport(message.transport, capabilities))
  }
}

extension OutboundCallRequest.NamedURI {
  fileprivate init(
    _ message: Livekit_SIPNamedDest, _ field: String, _ capabilities: PhoneCapabilities
  ) throws(TwirpError) {
    let uri: OutboundCallRequest.URI? =
      switch message.uri {
      case .raw(let text): .raw(try MessageField.text(text, field + ".raw"))
      case .values(let values):
        .values(try OutboundCallRequest.URIValues(values, field, capabilities))
      case nil: nil
      }
    self.init(uri: uri, displayName: try MessageField.text(message.displayName, field + ".display_name"))
  }
}
