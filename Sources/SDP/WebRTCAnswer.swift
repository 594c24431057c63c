import Base

/// Builds answers for audio and data: a server's to a client's offer on the single peer connection of `/rtc/v1` or the
/// publisher's of `/rtc`, and a client's to the server's offer on the subscriber's.
public struct WebRTCAnswer: Hashable, Sendable {
  public var transport: WebRTCTransport
  /// In our order of preference, which counts on sections that carry our tracks.
  public var codecs: [RoomCodec]
  /// Ours: `passive` unless the offer insists on it for itself.
  public var preferredSetup: DTLSSetup

  public init(transport: WebRTCTransport, codecs: [RoomCodec] = [.opus, .pcmu], preferredSetup: DTLSSetup = .passive) {
    self.transport = transport
    self.codecs = codecs
    self.preferredSetup = preferredSetup
  }

  /// What we are in DTLS when we answer `offer` (RFC 5763 §5).
  public func setup(for offer: WebRTCDescription) -> DTLSSetup {
    switch offer.setup {
    case .active: .passive
    case .passive: .active
    default: preferredSetup == .active ? .active : .passive
    }
  }

  /// Whether the answer to `offer` accepts this section: audio with a common codec, or data channels.
  public func accepts(_ section: WebRTCSection, of offer: WebRTCDescription) -> Bool {
    // One transport only: without BUNDLE just the first section can be served.
    guard !section.isRejected, section.isBundled || section.mid == offer.transport?.mid else { return false }
    switch section.kind {
    case .audio: return section.transportProtocol.hasSuffix("TLS/RTP/SAVPF") && clientCodec(section) != nil
    case .application: return section.sctpPort != nil && section.mid == offer.application?.mid
    case .video, .other: return false
    }
  }

  /// What the client sends on this section: of our codecs the one that it prefers (RFC 3264 §6.1), with its payload
  /// type. Our preference would end the session of a stock client: it limits what it publishes to 48 kbit/s, and its
  /// libwebrtc refuses an answer whose first codec, like PCMU, needs more.
  public func clientCodec(_ section: WebRTCSection) -> (codec: RoomCodec, rtp: RTPCodec)? {
    for rtp in section.codecs {
      if let codec = codecs.first(where: { section.codec($0) == rtp }) { return (codec, rtp) }
    }
    return nil
  }

  /// The codecs that the answer names. A client that only sends has no choice left: its packets are read as one codec.
  private func answered(_ section: WebRTCSection) -> [RoomCodec] {
    let offered = codecs.filter { section.codec($0) != nil }
    guard section.direction.sends, let first = clientCodec(section)?.codec else { return offered }
    return section.direction.receives ? [first] + offered.filter { $0 != first } : [first]
  }

  /// The answer. `outgoing` has the track that we send on a mid; audio that neither sends nor receives is `inactive`.
  public func build(
    to offer: WebRTCDescription, outgoing: [String: OutgoingTrack] = [:], origin: WebRTCOrigin
  ) throws(SDPError) -> SessionDescription {
    guard offer.ice != nil, !offer.fingerprints.isEmpty else {
      throw SDPError(.malformed, "the offer has no ice-ufrag, ice-pwd or fingerprint")
    }
    let accepted = offer.sections.filter { accepts($0, of: offer) }.map(\.mid)
    let setup = setup(for: offer)
    let attributes = transport.sessionAttributes(bundle: offer.bundle.filter(accepted.contains))
    let media = offer.sections.map { section in
      guard accepted.contains(section.mid) else { return rejection(of: section) }
      return section.kind == .audio
        ? audio(section, track: outgoing[section.mid], setup: setup) : application(section, setup: setup)
    }
    return SessionDescription(origin: origin.line, attributes: attributes, media: media)
  }

  private func rejection(of section: WebRTCSection) -> MediaDescription {
    // One format is enough and keeps the answer to a browser's video short.
    MediaDescription(
      kind: section.media, port: 0, transport: section.transportProtocol,
      formats: Array(section.formats.prefix(1)), connection: ConnectionAddress(.anyV4),
      attributes: [SDPAttribute("mid", section.mid), SDPAttribute("inactive")])
  }

  private func audio(_ section: WebRTCSection, track: OutgoingTrack?, setup: DTLSSetup) -> MediaDescription {
    let direction = section.direction.reversed.intersection(MediaDirection(sends: track != nil, receives: true))
    var attributes = [SDPAttribute("mid", section.mid)] + transport.attributes(setup: setup)
    attributes.append(SDPAttribute("rtcp-mux"))
    for uri in [WebRTCSection.HeaderExtension.audioLevelURI, WebRTCSection.HeaderExtension.midURI] {
      if let id = section.extensionID(uri) { attributes.append(SDPAttribute("extmap", "\(id) \(uri)")) }
    }
    var formats: [String] = []
    for codec in answered(section) {
      guard let offered = section.codec(codec) else { continue }
      formats.append(String(offered.payloadType))
      attributes += codec.attributes(payloadType: offered.payloadType, sendsNACK: offered.feedback.contains("nack"))
    }
    attributes.append(SDPAttribute(direction.rawValue))
    if let track, direction.sends { attributes += track.attributes(cname: transport.cname) }
    return MediaDescription(
      kind: "audio", port: transport.defaultEndpoint.port, transport: section.transportProtocol, formats: formats,
      connection: ConnectionAddress(transport.defaultEndpoint.address), attributes: attributes)
  }

  private func application(_ section: WebRTCSection, setup: DTLSSetup) -> MediaDescription {
    MediaDescription(
      kind: "application", port: transport.defaultEndpoint.port, transport: section.transportProtocol,
      formats: section.formats, connection: ConnectionAddress(transport.defaultEndpoint.address),
      attributes: [SDPAttribute("mid", section.mid)] + transport.attributes(setup: setup)
        + transport.dataChannelAttributes)
  }
}

extension RoomCodec {
  /// `rtpmap`, `fmtp` and, when both know it, `rtcp-fb … nack`.
  func attributes(payloadType: UInt8, sendsNACK: Bool) -> [SDPAttribute] {
    let codec = RTPCodec(payloadType: payloadType, name: name, clockRateHz: clockRateHz, channelCount: channelCount)
    var attributes = [SDPAttribute("rtpmap", "\(payloadType) \(codec.rtpmap)")]
    if let formatParameters { attributes.append(SDPAttribute("fmtp", "\(payloadType) \(formatParameters)")) }
    if sendsNACK { attributes.append(SDPAttribute("rtcp-fb", "\(payloadType) nack")) }
    return attributes
  }
}

extension OutgoingTrack {
  func attributes(cname: String) -> [SDPAttribute] {
    [SDPAttribute("msid", msid.description), SDPAttribute("ssrc", "\(ssrc) cname:\(cname)")]
  }
}

extension WebRTCTransport {
  var dataChannelAttributes: [SDPAttribute] {
    [SDPAttribute("sctp-port", String(sctpPort)), SDPAttribute("max-message-size", String(maxMessageSize))]
  }
}
