import Base
import Linux
import Logging
import MediaCore
import MediaIO
import RoomCore
import SIP
import Telephony

/// The sound of a call.
extension Call {
  func mediaReported(_ event: MediaEvent) {
    switch event {
    case .digit(_, let character):
      let isSecret = machine.isEnteringPIN
      handle(.digit(character))
      if isSecret { return }
      context.events.digitReceived(self, character)
      if let digit = DTMFDigit(character) {
        context.rooms.sendDigit(digit, from: legID)
      }
    case .digitsSent: handle(.digitsSent)
    case .soundPlayed(_, PlaybackID.prompt): handle(.promptPlayed)
    case .soundPlayed(_, PlaybackID.announcement): handle(.announcementPlayed)
    case .phoneMediaStarted: handle(.phoneMediaStarted)
    case .phoneMediaTimedOut: handle(.phoneMediaTimedOut)
    case .phoneLegClosed(_, let closed):
      statistics.add(closed)
      guard leg?.closedOnLoop() != false else { return }
      handle(.mediaClosed(CallMedia(statistics.sum ?? closed, codec: leg?.codec ?? "")))
    default: break
    }
  }

  func performMedia(_ action: CallAction) {
    switch action {
    case .openMedia(let options): openMedia(options)
    case .attachMedia: attachMedia()
    case .attachEarlyMedia:
      if let place { leg?.attach(to: place.mediaRoom, as: place.mediaTrack, hearsRoom: false) }
    case .applyAnswer: applyAnswer()
    case .renegotiate: renegotiate()
    case .playPrompt(let prompt, let name): play(prompt, name)
    case .stopPrompt: leg?.stopSound()
    case .playAnnouncement(let name): announce(name)
    case .playDialtone(let side):
      // The participant's track carries the tone before there is anyone to hear.
      if side == .room, summary.answeredAtUnixMilliseconds == nil { performMedia(.attachEarlyMedia) }
      leg?.playRingback(to: side)
    case .stopDialtone(let side): leg?.stopRingback(to: side)
    case .sendDigits(let digits): leg?.play(digits: digits)
    case .closeMedia: closeMedia()
    default: break
    }
  }

  private func openMedia(_ options: MediaOptions) {
    do {
      let made = try CallLeg(id: legID, peer: mediaPeer, options: options, context: context)
      leg = made
      if let loop = place?.loop ?? companionLoop { made.open(on: context.loops[loop]) }
      handle(.mediaOpened)
    } catch {
      handle(.mediaFailed(error))
    }
  }

  private var mediaPeer: CallLeg.Peer {
    if let invite {
      return CallLeg.Peer(offer: invite.body, address: invite.source.address, local: invite.local.address)
    }
    guard case .outbound(let machine) = machine else { return CallLeg.Peer(offer: [], address: nil, local: nil) }
    let address = IPAddress(machine.plan.invite.target.host)
    return CallLeg.Peer(offer: [], address: address, local: address.flatMap(LocalAddress.towards))
  }

  private func attachMedia() {
    guard let place else { return }
    leg?.attach(to: place.mediaRoom, as: place.mediaTrack, hearsRoom: true)
    noteAnswer()
  }

  func noteAnswer() {
    guard summary.answeredAtUnixMilliseconds == nil else { return }
    summary.answeredAtUnixMilliseconds = Int64(WallClock.now() * 1000)
    summary.codec = leg?.codec ?? ""
    summary.waitsFor = ""
    log.info("a call was answered", metadata: ["codec": "\(leg?.codec ?? "-")"])
    context.events.callAnswered(self)
  }

  private func applyAnswer() {
    guard let leg else { return }
    do {
      try leg.acceptAnswer(answerBody)
      if case .outbound = machine { handle(.answerApplied(isOnHold: leg.isOnHold)) }
    } catch {
      handle(.mediaFailed(error))
    }
  }

  private func renegotiate() {
    guard let leg else { return }
    do {
      try leg.renegotiate(reinviteBody)
      summary.isOnHold = leg.isOnHold
      log.info("a call was renegotiated", metadata: ["codec": "\(leg.codec)", "hold": "\(leg.isOnHold)"])
      handle(.renegotiated(isOnHold: leg.isOnHold))
    } catch {
      handle(.renegotiationFailed(error))
    }
  }

  /// A call that is in no room yet is heard, and its digits are read, on the first loop.
  private func openLeg() {
    if let leg, leg.loop == nil { leg.open(on: context.loops[0]) }
  }

  private func play(_ sound: PhoneSound, _ id: UInt64) {
    openLeg()
    leg?.play(PhonePlayback(id: id, sound: sound))
  }

  private func play(_ prompt: CallPrompt, _ name: String) {
    guard let sound = context.sounds.announcements[name] ?? context.sounds.prompts[prompt], leg != nil else {
      // Whoever hears no question may still know that there is one.
      openLeg()
      leg?.listen()
      return handle(.promptPlayed)
    }
    play(sound, PlaybackID.prompt)
  }

  private func announce(_ name: String) {
    guard let sound = context.sounds.announcements[name], leg != nil else { return handle(.announcementPlayed) }
    play(sound, PlaybackID.announcement)
  }

  private func closeMedia() {
    if leg?.close() == true { return }
    handle(.mediaClosed(CallMedia(codec: leg?.codec ?? "")))
    leg = nil
  }
}

/// Totals of a call whose leg may have lived on several loops.
struct PhoneLegTotals: Sendable {
  /// Nil before the first leg is closed.
  private(set) var sum: PhoneLegStatistics?

  mutating func add(_ closed: PhoneLegStatistics) {
    guard var total = sum else {
      sum = closed
      return
    }
    total.packetsReceived += closed.packetsReceived
    total.bytesReceived += closed.bytesReceived
    total.packetsLost += closed.packetsLost
    total.jitter = max(total.jitter, closed.jitter)
    total.framesConcealed += closed.framesConcealed
    total.packetsLateOrDuplicate += closed.packetsLateOrDuplicate
    total.packetsFromStrangers += closed.packetsFromStrangers
    total.packetsRefused += closed.packetsRefused
    total.packetsBeforeAttach += closed.packetsBeforeAttach
    total.packetsSent += closed.packetsSent
    total.bytesSent += closed.bytesSent
    total.digitsReceived += closed.digitsReceived
    total.digitsSent += closed.digitsSent
    total.remote = closed.remote ?? total.remote
    sum = total
  }
}

extension CallMedia {
  init(_ statistics: PhoneLegStatistics, codec: String) {
    self.init(
      codec: codec, packetsReceived: statistics.packetsReceived, packetsSent: statistics.packetsSent,
      packetsLost: statistics.packetsLost, jitter: statistics.jitter, framesConcealed: statistics.framesConcealed,
      digitsReceived: statistics.digitsReceived, digitsSent: statistics.digitsSent)
  }
}
