import Base
import Configuration
import MediaCore
import MediaIO
import SDP
import SIP
import Telephony

/// The media side of one phone call: its port, its offer/answer state, its leg on a media loop.
@SIPActor
final class CallLeg {
  let id: PhoneLegID
  private let lease: PortLease
  private let context: CallContext
  private let source: IPAddress
  private let mediaTimeout: Duration
  private var session: OfferAnswer
  private var loop: MediaLoop?
  /// Our offer is out and its answer has not come.
  private var awaitsAnswer = false
  /// What our next response to an INVITE carries.
  private(set) var localSDP = ""

  /// Binds a port and reads the offer, or makes ours when `invite` carries none.
  init(id: PhoneLegID, invite: IncomingInvite, options: MediaOptions, context: CallContext) throws(MediaFault) {
    guard options.encryption != .require else { throw .noCommonCrypto("the trunk demands SRTP on the phone leg") }
    let offer = try Self.parse(invite.body)
    let isIPv4 = offer?.audioIsIPv4 ?? invite.source.address.isIPv4
    guard let lease = context.ports.lease(isIPv4: isIPv4) else {
      throw .failed("no free port in rtp_port for \(isIPv4 ? "IPv4" : "IPv6")")
    }
    self.id = id
    self.lease = lease
    self.context = context
    source = invite.source.address
    mediaTimeout = options.mediaTimeout.flatMap { $0 > .zero ? $0 : nil } ?? context.configuration.media.timeout
    let address = context.mediaAddress(for: invite, isIPv4: isIPv4, bound: lease.local.address)
    let local = LocalMedia(endpoint: Endpoint(address, lease.local.port), codecs: context.codecs(options))
    session = OfferAnswer(local: local, sessionID: UInt64.random(in: 1...UInt64(Int64.max)))
    try respond(to: offer)
  }

  var codec: String { session.negotiated.map { "\($0.codec.rawValue)/\($0.codec.clockRateHz)" } ?? "" }
  var isOnHold: Bool { session.negotiated.map { $0.direction != .sendRecv } ?? false }

  /// Opens the leg on the loop of its room. Packets teach the source from here on and reach nobody yet.
  func open(on loop: MediaLoop) {
    self.loop = loop
    let policy: PhoneSourcePolicy =
      context.configuration.media.learnsSourceAlways
      ? .learned : context.configuration.media.learnsSourceBehindNAT ? .negotiatedOrLearnedBehindNAT : .negotiated
    let configuration = PhoneLegConfiguration(
      id: id, mediaTimeout: mediaTimeout, initialMediaTimeout: context.configuration.media.initialTimeout,
      sourcePolicy: policy)
    loop.openPhoneLeg(configuration, on: lease)
  }

  /// Carries sound between the phone and the room.
  func attach(to room: RoomID, as track: TrackID) {
    negotiate()
    loop?.post(.attachPhoneLeg(id, room, track))
  }

  /// Reads the offer of a re-INVITE, or makes ours when there is none.
  func renegotiate(_ body: [UInt8]) throws(MediaFault) {
    try respond(to: Self.parse(body))
    if !awaitsAnswer { negotiate() }
  }

  /// Reads the answer that an ACK carries. Nothing when none is awaited.
  func acceptAnswer(_ body: [UInt8]) throws(MediaFault) {
    guard awaitsAnswer else { return }
    guard let answer = try Self.parse(body) else { throw .sdpError("the ACK carries no answer to our offer") }
    do {
      try session.accept(answer: answer)
    } catch {
      throw MediaFault(error)
    }
    awaitsAnswer = false
    negotiate()
  }

  func play(digits: String) { loop?.post(.sendDigits(id, digits)) }

  /// True when the loop will report the leg's end; otherwise it is over already.
  func close() -> Bool {
    guard let loop else { return false }
    loop.post(.closePhoneLeg(id))
    return true
  }

  private func respond(to offer: SessionDescription?) throws(MediaFault) {
    guard let offer else {
      localSDP = session.makeOffer().description
      awaitsAnswer = true
      return
    }
    do {
      localSDP = try session.answer(offer).description
    } catch {
      throw MediaFault(error)
    }
  }

  private func negotiate() {
    guard let media = session.negotiated else { return }
    let learns = context.configuration.media.learnsSourceBehindNAT
    loop?.post(.negotiatePhoneLeg(id, PhoneMedia(media, source: source, learnsBehindNAT: learns)))
  }

  /// Nil when there is no body.
  private static func parse(_ body: [UInt8]) throws(MediaFault) -> SessionDescription? {
    guard !body.isEmpty else { return nil }
    guard let text = String(validating: body, as: UTF8.self) else { throw .sdpError("the body is not UTF-8") }
    do {
      return try SessionDescription(parsing: text)
    } catch {
      throw MediaFault(error)
    }
  }
}

extension SessionDescription {
  /// The family of the first audio stream's address. Nil when the description names none.
  fileprivate var audioIsIPv4: Bool? {
    media.first { $0.kind == "audio" }.flatMap { connection(of: $0)?.address?.isIPv4 }
  }
}
