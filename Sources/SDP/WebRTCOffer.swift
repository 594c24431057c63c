import Base

/// Builds the server's offer for the subscriber connection of `/rtc`: one audio section per track, and data channels.
///
/// Sections are never removed, only made inactive (RFC 9429 §5.2.2): keep the list and append.
public struct WebRTCOffer: Hashable, Sendable {
  /// One section of the offer, in order.
  public enum Section: Hashable, Sendable {
    case audio(mid: String, track: OutgoingTrack?)
    case application(mid: String)

    public var mid: String {
      switch self {
      case .audio(let mid, _), .application(let mid): mid
      }
    }
  }

  public var transport: WebRTCTransport
  public var codecs: [RoomCodec]
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
    let attributes = [
      SDPAttribute("ice-lite"),
      SDPAttribute("group", (["BUNDLE"] + sections.map(\.mid)).joined(separator: " ")),
      SDPAttribute("msid-semantic", " WMS *"),
    ]
    return SessionDescription(origin: origin.line, attributes: attributes, media: sections.map(media))
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
      var attributes = shared + [SDPAttribute("rtcp-mux")]
      attributes.append(
        SDPAttribute("extmap", "\(Self.audioLevelExtensionID) \(WebRTCSection.HeaderExtension.audioLevelURI)"))
      attributes.append(SDPAttribute("extmap", "\(Self.midExtensionID) \(WebRTCSection.HeaderExtension.midURI)"))
      for codec in codecs { attributes += codec.attributes(payloadType: codec.payloadType, sendsNACK: true) }
      attributes.append(SDPAttribute((track == nil ? MediaDirection.inactive : .sendOnly).rawValue))
      if let track { attributes += track.attributes(cname: transport.cname) }
      return MediaDescription(
        kind: "audio", port: endpoint.port, transport: "UDP/TLS/RTP/SAVPF",
        formats: codecs.map { String($0.payloadType) }, connection: ConnectionAddress(endpoint.address),
        attributes: attributes)
    }
  }
}
