import Base

/// Builds offers for audio and data: a server's on the subscriber connection of `/rtc`, with a section for each track
/// that it sends, and a client's on the connections whose offers it makes.
///
/// Sections are never removed, only made inactive (RFC 9429 §5.2.2): keep the list and append.
public struct WebRTCOffer: Hashable, Sendable {
  /// One section of the offer, in order.
  public enum Section: Hashable, Sendable {
    /// What we send; nothing at the moment when `track` is nil.
    case audio(mid: String, track: OutgoingTrack?)
    /// What the other side sends.
    case reception(mid: String)
    case application(mid: String)

    public var mid: String {
      switch self {
      case .audio(let mid, _), .reception(let mid), .application(let mid): mid
      }
    }
  }

  public var transport: WebRTCTransport
  public var codecs: [RoomCodec]
  /// Those of what we send. Nil: `codecs` too.
  public var sentCodecs: [RoomCodec]?
  /// `actpass` in the first offer; later ones repeat what was agreed, seen from our side.
  public var setup: DTLSSetup

  /// The header extension identifiers of our offers: those that libwebrtc uses itself.
  public static let audioLevelExtensionID: UInt8 = 1
  public static let midExtensionID: UInt8 = 4

  public init(transport: WebRTCTransport, codecs: [RoomCodec] = [.opus, .pcmu], setup: DTLSSetup = .actpass) {
    self.transport = transport
    self.codecs = codecs
    self.setup = setup
  }

  public func build(_ sections: [Section], origin: WebRTCOrigin) -> SessionDescription {
    SessionDescription(
      origin: origin.line, attributes: transport.sessionAttributes(bundle: sections.map(\.mid)),
      media: sections.map(media))
  }

  private func media(_ section: Section) -> MediaDescription {
    let endpoint = transport.defaultEndpoint
    let shared = [SDPAttribute("mid", section.mid)] + transport.attributes(setup: setup)
    switch section {
    case .application:
      return MediaDescription(
        kind: "application", port: endpoint.port, transport: "UDP/DTLS/SCTP", formats: ["webrtc-datachannel"],
        connection: ConnectionAddress(endpoint.address), attributes: shared + transport.dataChannelAttributes)
    case .audio(_, let track):
      return audio(
        shared, sentCodecs ?? codecs,
        [SDPAttribute((track == nil ? MediaDirection.inactive : .sendOnly).rawValue)]
          + (track?.attributes(cname: transport.cname) ?? []))
    case .reception: return audio(shared, codecs, [SDPAttribute(MediaDirection.recvOnly.rawValue)])
    }
  }

  private func audio(
    _ shared: [SDPAttribute], _ codecs: [RoomCodec], _ direction: [SDPAttribute]
  ) -> MediaDescription {
    let extensions = [
      (Self.audioLevelExtensionID, WebRTCSection.HeaderExtension.audioLevelURI),
      (Self.midExtensionID, WebRTCSection.HeaderExtension.midURI),
    ]
    var attributes = shared + [SDPAttribute("rtcp-mux")]
    attributes += extensions.map { SDPAttribute("extmap", "\($0) \($1)") }
    for codec in codecs { attributes += codec.attributes(payloadType: codec.payloadType, sendsNACK: true) }
    return MediaDescription(
      kind: "audio", port: transport.defaultEndpoint.port, transport: "UDP/TLS/RTP/SAVPF",
      formats: codecs.map { String($0.payloadType) }, connection: ConnectionAddress(transport.defaultEndpoint.address),
      attributes: attributes + direction)
  }
}
