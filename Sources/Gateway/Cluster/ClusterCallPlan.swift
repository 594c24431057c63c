import API
import Base
import LiveKitProtocol
import Telephony

/// A call out as livekit-server describes it: trunk, numbers, headers and participant are decided there.
enum ClusterCallPlan {
  static func make(
    _ message: Rpc_InternalCreateSIPParticipantRequest, _ options: OutboundOptions, _ capabilities: PhoneCapabilities
  ) throws(CallError) -> OutboundCallPlan {
    guard !message.roomName.isEmpty else { throw CallError(.invalidArgument, "room name must be set") }
    let request: OutboundCallRequest
    do throws(TwirpError) {
      request = try OutboundCallRequest(Livekit_CreateSIPParticipantRequest(message), capabilities)
    } catch {
      throw CallError(RPCCode(rawValue: error.code.rawValue) ?? .invalidArgument, error.message)
    }
    var options = options
    // The trunk stands in every request.
    options.allowsInlineTrunks = true
    var generator = SystemRandomNumberGenerator()
    let callID = message.sipCallID.isEmpty ? GUID.make(prefix: "SCL_") : message.sipCallID
    do throws(OutboundRefusal) {
      var plan = try OutboundPlanner(trunks: [], options: options).plan(request, callID: callID, using: &generator)
      plan.trunkID = message.sipTrunkID
      if !message.sipTrunkID.isEmpty { (plan.trunkLabel, plan.quotaKey) = (message.sipTrunkID, message.sipTrunkID) }
      if case .room(var entry) = plan.placement {
        // Whether numbers are hidden shows in the attributes alone.
        entry.participant.attributes = message.participantAttributes
        entry.participant.attributes[SIPAttribute.callIDFull] = plan.sipCallID
        entry.pass = RoomPass(url: message.wsURL, token: message.token)
        plan.placement = .room(entry)
      }
      return plan
    } catch {
      throw error.error
    }
  }
}

extension Livekit_CreateSIPParticipantRequest {
  /// The same wish in the words of the API.
  fileprivate init(_ message: Rpc_InternalCreateSIPParticipantRequest) {
    self.init()
    trunk.hostname = message.address
    trunk.transport = message.transport
    trunk.authUsername = message.username
    trunk.authPassword = message.password
    trunk.headersToAttributes = message.headersToAttributes
    trunk.attributesToHeaders = message.attributesToHeaders
    trunk.destinationCountry = message.destinationCountry
    trunk.fromHost = message.hostname
    sipCallTo = message.callTo
    sipNumber = message.number
    roomName = message.roomName
    participantIdentity = message.participantIdentity
    participantName = message.participantName
    participantMetadata = message.participantMetadata
    participantAttributes = message.participantAttributes
    dtmf = message.dtmf
    playDialtone = message.playDialtone
    if message.hasRingingTimeout { ringingTimeout = message.ringingTimeout }
    if message.hasMaxCallDuration { maxCallDuration = message.maxCallDuration }
    krispEnabled = message.enabledFeatures.contains(.krispEnabled)
    headers = message.headers
    includeHeaders = message.includeHeaders
    mediaEncryption = message.mediaEncryption
    if message.hasMedia { media = message.media }
    waitUntilAnswered = message.waitUntilAnswered
    if message.hasDisplayName { displayName = message.displayName }
    if message.hasDestination { destination = message.destination }
    if message.hasSipRequestUri { sipRequestUri = message.sipRequestUri }
    if message.hasSipFromHeader { sipFromHeader = message.sipFromHeader }
    if message.hasSipToHeader { sipToHeader = message.sipToHeader }
    toUserOverride = message.toUserOverride
  }
}
