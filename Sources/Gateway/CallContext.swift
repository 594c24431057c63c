import Base
import Configuration
import Logging
import MediaCore
import MediaIO
import RoomCore
import SDP
import SIP
import Telephony

/// What calls share: the ports, the rooms, the loops, the log.
struct CallContext: Sendable {
  let configuration: GatewayConfiguration
  let ports: PortPool
  let loops: [MediaLoop]
  let roomMediaOptions: RoomMediaOptions
  let directory: any CallDirectory
  let rooms: any CallRooms
  let records: CallRecordLog
  let log: Logger
  let events: CallEvents
  let metrics: CallMetrics
  let sounds: CallSounds
  /// What our SDP announces. Nil: the address that the INVITE was sent to.
  let announcedMedia: IPAddress?

  /// The codecs that trunk and rule allow, in order (livekit-wire 2.5).
  func codecs(_ options: MediaOptions) -> [AudioCodec] {
    let own = configuration.media.phoneCodecs.compactMap { AudioCodec($0) }
    guard !options.codecs.isEmpty else { return own }
    let listed = options.codecs.compactMap { wanted in
      AudioCodec.allCases.first {
        $0.rawValue == wanted.name.uppercased() && (wanted.rateHz == 0 || wanted.rateHz == $0.clockRateHz)
      }
    }
    return options.onlyListedCodecs ? listed : listed + own.filter { !listed.contains($0) }
  }

  /// - Parameter local: the address of ours that the peer speaks to, where that is known.
  func mediaAddress(towards local: IPAddress?, isIPv4: Bool, bound: IPAddress) -> IPAddress {
    if let announcedMedia, announcedMedia.isIPv4 == isIPv4 { return announcedMedia }
    if !bound.isUnspecified { return bound }
    if let local, local.isIPv4 == isIPv4, !local.isUnspecified { return local }
    return LocalAddresses.routed(isIPv4: isIPv4) ?? bound
  }
}

extension AudioCodec {
  init?(_ codec: PhoneCodec) {
    switch codec {
    case .pcmu: self = .pcmu
    case .pcma: self = .pcma
    }
  }
}

extension PhoneMedia {
  /// What offer and answer agreed on, for the media loop. `source` is where the INVITE came from: an SDP address that
  /// is private although the signalling is not, tells of a NAT between us.
  init(_ media: NegotiatedMedia, source: IPAddress?, learnsBehindNAT: Bool) {
    let source = source ?? media.remote.address
    self.init(
      codec: media.codec == .pcmu ? .pcmu : .pcma, payloadType: media.payloadType,
      eventPayloadType: media.telephoneEventPayloadType, packetTime: .milliseconds(media.packetTime),
      remote: media.remote,
      mayBeBehindNAT: learnsBehindNAT && media.remoteIsPrivate && media.remote.address != source,
      signallingAddress: source,
      sends: media.direction.sends, receives: media.direction.receives, isOnHold: media.direction != .sendRecv)
  }
}

extension MediaFault {
  init(_ error: SDPError) {
    switch error.code {
    case .malformed, .tooLarge: self = .sdpError(error.description)
    case .incompatibleTransport: self = .noCommonCrypto(error.reason)
    default: self = .noCommonCodec(error.reason)
    }
  }
}

extension CallFacts {
  init(_ invite: IncomingInvite, callID: String) {
    self.init(
      callID: callID, sipCallID: invite.callID, fromUser: invite.from.uri.user, fromHost: invite.from.uri.host,
      fromTag: invite.from.tag ?? "", toUser: invite.to.uri.user, toHost: invite.to.uri.host,
      requestURI: invite.requestURI.description, source: invite.source.address,
      headers: invite.headers.map { CallFacts.Header($0.name, $0.value) })
  }
}
