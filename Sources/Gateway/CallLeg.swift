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
  /// What is known of the other side before media is agreed on.
  struct Peer {
    /// The SDP offer. Empty: we make ours.
    let offer: [UInt8]
    /// Where its signalling comes from. Nil before a call of ours is answered by whoever DNS names.
    let address: IPAddress?
    /// The address of ours that it speaks to.
    let local: IPAddress?
  }

  let id: PhoneLegID
  private let lease: PortLease
  private let context: CallContext
  private let peer: IPAddress?
  private let mediaTimeout: Duration
  private var session: OfferAnswer
  private(set) var loop: MediaLoop?
  /// Loops that it was moved away from and that have not reported its end.
  private var loopsToLeave = 0
  /// Our offer is out and its answer has not come.
  private(set) var awaitsAnswer = false
  /// What our next response to an INVITE, or our own INVITE, carries.
  private(set) var localSDP = ""

  /// Binds a port and reads the offer, or makes ours when there is none.
  init(id: PhoneLegID, peer: Peer, options: MediaOptions, context: CallContext) throws(MediaFault) {
    guard options.encryption != .require else { throw .noCommonCrypto("the trunk demands SRTP on the phone leg") }
    let offer = try Self.parse(peer.offer)
    let isIPv4 = offer?.audioIsIPv4 ?? peer.address?.isIPv4 ?? !context.configuration.sip.listensOnIPv6Alone
    guard let lease = context.ports.lease(isIPv4: isIPv4) else {
      throw .failed("no free port in rtp_port for \(isIPv4 ? "IPv4" : "IPv6")")
    }
    self.id = id
    self.lease = lease
    self.context = context
    self.peer = peer.address
    mediaTimeout = options.mediaTimeout.flatMap { $0 > .zero ? $0 : nil } ?? context.configuration.media.timeout
    let address = context.mediaAddress(towards: peer.local, isIPv4: isIPv4, bound: lease.local.address)
    let local = LocalMedia(endpoint: Endpoint(address, lease.local.port), codecs: context.codecs(options))
    session = OfferAnswer(local: local, sessionID: UInt64.random(in: 1...UInt64(Int64.max)))
    try respond(to: offer)
  }

  var codec: String { session.negotiated.map { "\($0.codec.rawValue)/\($0.codec.clockRateHz)" } ?? "" }
  var isOnHold: Bool { session.negotiated.map { $0.direction != .sendRecv } ?? false }

  /// Opens the leg on the loop of its room, or takes it there from another one.
  func open(on loop: MediaLoop) {
    guard self.loop !== loop else { return }
    let old = self.loop
    if let old, old.post(.closePhoneLeg(id)) { loopsToLeave += 1 }
    self.loop = loop
    let policy: PhoneSourcePolicy =
      context.configuration.media.learnsSourceAlways
      ? .learned : context.configuration.media.learnsSourceBehindNAT ? .negotiatedOrLearnedBehindNAT : .negotiated
    var configuration = PhoneLegConfiguration(
      id: id, mediaTimeout: mediaTimeout, initialMediaTimeout: context.configuration.media.initialTimeout,
      sourcePolicy: policy)
    configuration.hasMoved = old != nil
    loop.openPhoneLeg(configuration, on: lease)
  }

  /// Carries sound between the phone and the room.
  ///
  /// - Parameter hearsRoom: false for early media, which nobody answers.
  func attach(to room: RoomID, as track: TrackID, hearsRoom: Bool) {
    negotiate()
    loop?.post(.attachPhoneLeg(id, room, track))
    loop?.post(.setPhoneDeaf(id, !hearsRoom))
  }

  func detach() { loop?.post(.detachPhoneLeg(id)) }

  /// Reads what is keyed in, without a room.
  func listen() { negotiate() }

  /// Plays a sound to the phone, room or none.
  func play(_ playback: PhonePlayback) {
    negotiate()
    loop?.post(.playSound(id, playback))
  }

  func stopSound() { loop?.post(.stopSound(id)) }

  func setComfortNoise(_ isHeard: Bool) { loop?.post(.setComfortNoise(id, isHeard)) }

  /// What a phone that rings sounds like, heard instead of the other side.
  /// The room's side must be attached.
  func playRingback(to side: CallSide) {
    loop?.post(side == .phone ? .playTone(id, .ringback) : .playToneToRoom(id, .ringback))
  }

  func stopRingback(to side: CallSide) {
    loop?.post(side == .phone ? .stopTone(id) : .stopToneToRoom(id))
  }

  /// A loop reports the leg's end. False when it has moved to another one.
  func closedOnLoop() -> Bool {
    guard loopsToLeave > 0 else { return true }
    loopsToLeave -= 1
    return false
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
    loop?.post(.negotiatePhoneLeg(id, PhoneMedia(media, source: peer, learnsBehindNAT: learns)))
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
