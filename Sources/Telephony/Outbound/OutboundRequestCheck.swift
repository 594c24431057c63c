import Base

/// Fields of a request that can be judged without a trunk.
enum OutboundRequestCheck {
  static let nameLimit = 256
  static let displayNameLimit = 128

  static func check(_ request: OutboundCallRequest) throws(OutboundRefusal) {
    if request.roomName.isEmpty { throw .invalid("room_name", "room_name is required") }
    if request.roomName.utf8.count > nameLimit {
      throw .invalid("room_name", "room_name has at most \(nameLimit) bytes")
    }
    if request.participantIdentity.utf8.count > nameLimit {
      throw .invalid("participant_identity", "participant_identity has at most \(nameLimit) bytes")
    }
    if let problem = OutboundTrunkCheck.userProblem(request.sipNumber) { throw .invalid("sip_number", problem) }
    if let problem = HeaderCheck.problem(headers: request.headers) { throw .invalid("headers", problem) }
    try check(displayName: request.displayName ?? "", field: "display_name")
    try check("ringing_timeout", request.ringingTimeout, limit: .seconds(3600))
    try check("max_call_duration", request.maxCallDuration, limit: .seconds(30 * 86_400))
    if let problem = OutboundTrunkCheck.mediaProblem(request.media) { throw .invalid("media", problem) }
    if let destination = request.destination { try check(destination) }
  }

  static func check(displayName: String, field: String) throws(OutboundRefusal) {
    if displayName.count > displayNameLimit {
      throw .invalid(field, "\(field) has at most \(displayNameLimit) characters")
    }
    if !HeaderSyntax.isValue(displayName) { throw .invalid(field, "\(field) takes no control characters") }
  }

  /// What the phone leg cannot do.
  static func check(_ media: MediaOptions, _ options: OutboundOptions) throws(OutboundRefusal) {
    if media.encryption == .require, !options.hasSRTP {
      throw .unavailable("media.encryption", "SRTP on the phone leg is not available in this version")
    }
    guard media.onlyListedCodecs, !media.codecs.isEmpty else { return }
    let isPossible = media.codecs.contains { codec in
      let name = codec.name.uppercased()
      return options.phoneCodecs.contains {
        $0 == "\(name)/\(codec.rateHz)" || codec.rateHz == 0 && $0.hasPrefix(name + "/")
      }
    }
    if !isPossible {
      throw .unavailable(
        "media.codecs",
        "none of the codecs listed is available; there are \(options.phoneCodecs.joined(separator: ", "))")
    }
  }

  private static func check(_ field: String, _ value: Duration?, limit: Duration) throws(OutboundRefusal) {
    guard let value, value < .zero || value > limit else { return }
    throw .invalid(field, "\(field) is from 0 to \(limit.wholeMilliseconds / 1000) s")
  }

  private static func check(_ destination: OutboundCallRequest.Destination) throws(OutboundRefusal) {
    if let problem = OutboundTrunkCheck.countryProblem(destination.country) {
      throw .invalid("destination.country", problem)
    }
    if !destination.city.isEmpty, destination.country.isEmpty, destination.region.isEmpty {
      throw .invalid("destination.city", "destination.city needs country or region beside it")
    }
    for text in [destination.city, destination.region] where !HeaderSyntax.isValue(text) {
      throw .invalid("destination", "destination takes no control characters")
    }
  }
}
