import Base

/// The offer/answer state of one phone leg (RFC 3264), from the first offer to the last re-INVITE.
///
/// An answer that fails leaves the state as it was, so that a refused re-INVITE changes nothing (RFC 3261 §14.1).
public struct OfferAnswer: Hashable, Sendable {
  /// Used for the next offer or answer: change it to hold, move or restrict codecs.
  public var local: LocalMedia
  /// What is agreed now. Nil before the first exchange is complete.
  public private(set) var negotiated: NegotiatedMedia?
  /// Our last description. Nil before the first.
  public private(set) var localDescription: SessionDescription?

  private let sessionID: UInt64
  private var version: UInt64
  /// The sections that exist in this session: their number and order never change (RFC 3264 §8).
  private var sections: [MediaDescription] = []
  private var audioIndex = 0

  /// `sessionID` makes the origin unique; the version counts up from it.
  public init(local: LocalMedia, sessionID: UInt64) {
    self.local = local
    // Some peers read both numbers as signed 63-bit values.
    self.sessionID = sessionID & (1 << 62 - 1)
    version = self.sessionID
  }

  /// Answers the peer's offer. Throws with the SIP status to give (400 or 488) and changes nothing then.
  public mutating func answer(_ offer: SessionDescription) throws(SDPError) -> SessionDescription {
    let (index, agreed) = try choose(from: offer)
    var media = offer.media.map(\.rejected)
    media[index] = audioSection(
      transport: offer.media[index].transport, codecs: [(agreed.codec, agreed.payloadType)],
      eventPayloadType: agreed.telephoneEventPayloadType, packetTime: agreed.packetTime, direction: agreed.direction)
    sections = media
    audioIndex = index
    negotiated = agreed
    return describe(media)
  }

  /// Parses and answers.
  public mutating func answer(_ offer: String) throws(SDPError) -> String {
    try answer(SessionDescription(parsing: offer)).description
  }

  /// Our offer: to an INVITE or re-INVITE without one, to call out, or to refresh. All our codecs, in our order.
  public mutating func makeOffer() -> SessionDescription {
    let event = negotiated?.telephoneEventPayloadType ?? Self.eventPayloadType
    var codecs = local.codecs.map { ($0, $0.payloadType) }
    if let negotiated, let index = codecs.firstIndex(where: { $0.0 == negotiated.codec }) {
      codecs.insert((negotiated.codec, negotiated.payloadType), at: 0)
      codecs.remove(at: index + 1)
    }
    let transport = sections.isEmpty ? "RTP/AVP" : sections[audioIndex].transport
    let section = audioSection(
      transport: transport, codecs: codecs, eventPayloadType: event, packetTime: local.packetTime,
      direction: local.direction)
    if sections.isEmpty { sections = [section] } else { sections[audioIndex] = section }
    return describe(sections)
  }

  /// Takes the peer's answer to `makeOffer`.
  @discardableResult
  public mutating func accept(answer: SessionDescription) throws(SDPError) -> NegotiatedMedia {
    guard let offered = localDescription else { throw SDPError(.malformed, "an answer without an offer") }
    guard answer.media.count == offered.media.count, answer.media.indices.contains(audioIndex) else {
      throw SDPError(
        .malformed, "\(answer.media.count) m= lines in the answer, expected \(offered.media.count) as in the offer")
    }
    let section = answer.media[audioIndex]
    guard section.kind == "audio", section.port != 0 else { throw SDPError(.noCommonCodec, "the answer refuses audio") }
    guard let agreed = try negotiate(section, in: answer) else {
      throw SDPError(.noCommonCodec, "the answer names none of \(codecNames)")
    }
    negotiated = agreed
    return agreed
  }

  /// RFC 4733 names no type; 101 is what everyone takes.
  private static let eventPayloadType: UInt8 = 101

  private var codecNames: String { local.codecs.map(\.rawValue).joined(separator: ", ") }

  /// The first audio stream of the offer that we can serve.
  private func choose(from offer: SessionDescription) throws(SDPError) -> (Int, NegotiatedMedia) {
    var failure = SDPError(.noAudio, "no m=audio line with a port")
    for (index, section) in offer.media.enumerated() where section.kind == "audio" && section.port != 0 {
      guard section.transport == "RTP/AVP" || section.transport == "RTP/AVPF" else {
        failure = SDPError(.incompatibleTransport, "\(section.transport) offered, expected RTP/AVP")
        continue
      }
      if let agreed = try negotiate(section, in: offer) { return (index, agreed) }
      let names = section.codecs.map(\.name).joined(separator: ", ")
      failure = SDPError(.noCommonCodec, "\(names.isEmpty ? "no known codec" : names) offered, expected \(codecNames)")
    }
    throw failure
  }

  /// Nil when the section names no codec of ours.
  private func negotiate(_ section: MediaDescription, in remote: SessionDescription) throws(SDPError)
    -> NegotiatedMedia?
  {
    let codecs = section.codecs
    var chosen: (codec: AudioCodec, payloadType: UInt8)?
    for candidate in codecs where chosen == nil {
      if let codec = AudioCodec(candidate), local.codecs.contains(codec) { chosen = (codec, candidate.payloadType) }
    }
    guard let chosen else { return nil }
    let event = codecs.first { $0.isNamed("telephone-event") && $0.clockRateHz == chosen.codec.clockRateHz }
    let endpoint = try endpoint(of: section, in: remote)
    var direction = remote.direction(of: section).reversed.intersection(local.direction)
    // Hold as RFC 2543 spelled it, still sent (RFC 3264 §8.4).
    if endpoint.address.isUnspecified { direction = direction.intersection(.recvOnly) }
    return NegotiatedMedia(
      codec: chosen.codec, payloadType: chosen.payloadType, telephoneEventPayloadType: event?.payloadType,
      packetTime: packetTime(section), remote: endpoint, direction: direction)
  }

  private func endpoint(of section: MediaDescription, in remote: SessionDescription) throws(SDPError) -> Endpoint {
    guard let connection = remote.connection(of: section) else { throw SDPError(.malformed, "no c= line for audio") }
    guard let address = connection.address else {
      throw SDPError(.malformed, "c= holds \(connection.host.prefix(64)), expected an address of the family it names")
    }
    guard address.isIPv4 == local.endpoint.address.isIPv4 else {
      throw SDPError(
        .incompatibleAddress,
        "\(address) offered, expected an \(local.endpoint.address.isIPv4 ? "IPv4" : "IPv6") address")
    }
    let isMulticast = address.isIPv4 ? address.v4Bits >> 28 >= 0xE : address.high >> 56 == 0xFF
    guard !isMulticast else { throw SDPError(.incompatibleAddress, "\(address) is not a unicast address") }
    return Endpoint(address, section.port)
  }

  /// `ptime`, not above `maxptime`, in whole tens from 10 to 60. 20 when the peer says nothing (RFC 3551 §4.5).
  private func packetTime(_ section: MediaDescription) -> Int {
    let asked = section.attributes.value("ptime").flatMap(Int.init) ?? 20
    let most = section.attributes.value("maxptime").flatMap(Int.init) ?? 60
    return max(10, min(asked, most, 60) / 10 * 10)
  }

  private func audioSection(
    transport: String, codecs: [(AudioCodec, UInt8)], eventPayloadType: UInt8?, packetTime: Int,
    direction: MediaDirection
  ) -> MediaDescription {
    var attributes = codecs.map { SDPAttribute("rtpmap", "\($0.1) \($0.0.rawValue)/\($0.0.clockRateHz)") }
    var formats = codecs.map { String($0.1) }
    if let eventPayloadType {
      formats.append(String(eventPayloadType))
      attributes.append(SDPAttribute("rtpmap", "\(eventPayloadType) telephone-event/8000"))
      attributes.append(SDPAttribute("fmtp", "\(eventPayloadType) 0-15"))
    }
    attributes.append(SDPAttribute("ptime", String(packetTime)))
    attributes.append(SDPAttribute(direction.rawValue))
    return MediaDescription(
      kind: "audio", port: local.endpoint.port, transport: transport, formats: formats, attributes: attributes)
  }

  /// Wraps the sections; the version goes up when, and only when, something else did change (RFC 3264 §8).
  private mutating func describe(_ media: [MediaDescription]) -> SessionDescription {
    let address = ConnectionAddress(local.endpoint.address)
    var description = SessionDescription(
      origin: .init(sessionID: String(sessionID), version: String(version), address: address),
      sessionName: "Trunkline", connection: address, media: media)
    if let last = localDescription, last != description {
      version += 1
      description.origin.version = String(version)
    }
    localDescription = description
    return description
  }
}
