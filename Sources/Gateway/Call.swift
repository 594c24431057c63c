import Base
import Linux
import LiveKitProtocol
import Logging
import MediaCore
import RoomCore
import SIP
import Telephony

/// One inbound call: performs what its `CallMachine` decides.
///
/// Inputs are handled one after the other: an action that has its result at once queues it as the next input.
@SIPActor
final class Call {
  let id: InviteID
  let legID: PhoneLegID
  private let invite: IncomingInvite
  private let trunk: InboundTrunk?
  private let directory: TrunkDirectory.Snapshot
  private let agent: SIPAgent
  private let context: CallContext
  private let inbox: AsyncStream<CallControllerInput>.Continuation
  private var machine: CallMachine
  private var log: Logger

  private var pending: [CallInput] = []
  private var isHandling = false
  private var timers: [CallTimer: SIPTimer] = [:]
  private var leg: CallLeg?
  private var join: LocalJoin?
  /// Reports of the room may overtake the news that it was joined.
  private var occupancy = RoomOccupancy()
  private var attributes: [String: String] = [:]
  private var hasLeft = false
  private var reinviteBody: [UInt8] = []
  private var acknowledgedBody: [UInt8] = []
  private var statistics: PhoneLegStatistics?

  init(
    _ invite: IncomingInvite, facts: CallFacts, trunk: InboundTrunk?, legID: PhoneLegID, agent: SIPAgent,
    directory: TrunkDirectory.Snapshot, context: CallContext, inbox: AsyncStream<CallControllerInput>.Continuation
  ) {
    id = invite.id
    self.legID = legID
    self.invite = invite
    self.trunk = trunk
    self.agent = agent
    self.context = context
    self.inbox = inbox
    self.directory = directory
    machine = CallMachine(
      call: facts, hasOffer: !invite.body.isEmpty, receivedAtUnixMilliseconds: Int64(WallClock.now() * 1000),
      now: MonotonicClock.now())
    log = context.log
    log[metadataKey: "call"] = "\(facts.callID)"
  }

  var isEnded: Bool { machine.isEnded }

  /// Whether requests of the dialog may come from there: from where the INVITE came, or from what its trunk lists.
  func mayTakePart(_ source: IPAddress) -> Bool {
    source == invite.source.address
      || trunk?.allowedAddresses.contains { directory.addresses.matches($0, source) } == true
  }

  /// Dispatches the call, unless that is decided already; from here on it lives by its inputs.
  func begin(_ outcome: DispatchOutcome?) {
    log.info(
      "a call arrived",
      metadata: [
        "from": "\(machine.call.fromUser)", "to": "\(machine.call.toUser)", "source": "\(invite.source)",
        "trunk": "\(trunk?.label ?? "-")", "sip_call_id": "\(invite.callID)",
      ])
    handle(.dispatched(outcome ?? dispatch(.notAsked)))
  }

  // MARK: What comes in

  func handle(_ input: CallInput) {
    pending.append(input)
    guard !isHandling else { return }
    isHandling = true
    defer { isHandling = false }
    while !pending.isEmpty {
      for action in machine.handle(pending.removeFirst(), now: MonotonicClock.now()) { perform(action) }
    }
  }

  func acknowledged(_ body: [UInt8]) {
    acknowledgedBody = body
    handle(.acknowledged(hasSDP: !body.isEmpty))
    // The ACK of a later re-INVITE answers an offer of ours too.
    if !isEnded { applyAnswer() }
  }

  func reinvited(_ request: SIPRequest) {
    reinviteBody = request.body
    handle(.reinvited)
  }

  func joined(_ result: Result<LocalJoin, RoomError>) {
    switch result {
    // The end of the call has asked the room server to undo this.
    case .success where hasLeft: break
    case .success(let join):
      self.join = join
      leg?.open(on: context.loops[join.loop])
      handle(.roomJoined(occupancy))
    case .failure(let error):
      handle(.joinFailed(error.code == .resourceExhausted ? .roomFull : .failed(error.reason)))
    }
  }

  func roomReported(_ event: CallerRoomEvent) {
    switch event {
    case .occupancy(let occupancy):
      self.occupancy = occupancy
      handle(.roomChanged(occupancy))
    case .digits(let digits): leg?.play(digits: digits)
    case .removed: handle(.participantRemoved)
    case .roomDeleted: handle(.roomDeleted)
    }
  }

  func mediaReported(_ event: MediaEvent) {
    switch event {
    case .digit(_, let character):
      handle(.digit(character))
      if let digit = DTMFDigit(character) {
        context.roomJobs.yield { [id] rooms in rooms.sendDigit(digit, from: id) }
      }
    case .phoneMediaStarted: handle(.phoneMediaStarted)
    case .phoneMediaTimedOut: handle(.phoneMediaTimedOut)
    case .phoneLegClosed(_, let statistics):
      self.statistics = statistics
      handle(.mediaClosed(CallMedia(statistics, codec: leg?.codec ?? "")))
    default: break
    }
  }

  // MARK: What goes out

  private func perform(_ action: CallAction) {
    switch action {
    case .ring: agent.respond(to: id, with: SIPResponse(180, "Ringing"))
    case .openMedia(let options): openMedia(options)
    case .joinRoom(let entry, let status): joinRoom(entry, status)
    case .answer: agent.respond(to: id, with: SIPResponse(200, "OK", headers: answerHeaders, sdp: leg?.localSDP))
    case .attachMedia: attachMedia()
    case .setCallStatus(let status): setCallStatus(status)
    case .applyAnswer: applyAnswer()
    case .renegotiate: renegotiate()
    case .answerReinvite: agent.respond(to: id, with: SIPResponse(200, "OK", sdp: leg?.localSDP))
    case .refuseReinvite(let status, let retryAfterSeconds):
      let headers = retryAfterSeconds.map { [SIPHeader("Retry-After", String($0))] } ?? []
      agent.respond(to: id, with: SIPResponse(status.code, status.phrase, headers: headers))
    case .playPrompt: break  // Rules with a PIN are refused when the configuration is read.
    case .dispatch(let pin): pending.append(.dispatched(dispatch(pin)))
    case .refuse(let refusal): refuse(refusal)
    case .refuseTerminated: agent.respond(to: id, with: SIPResponse(487, "Request Terminated"))
    case .hangUp(let reason, let headers):
      let asked = headers.map { SIPHeader($0.name, $0.value) }
      agent.hangUp(id, reason: "SIP;cause=200;text=\"\(reason)\"", headers: mappedHeaders + asked)
    case .closeMedia: closeMedia()
    case .leaveRoom: leaveRoom()
    case .startTimer(let timer, let duration): start(timer, duration)
    case .cancelTimer(let timer): timers.removeValue(forKey: timer)?.cancel()
    case .reportWaiting(let sentence): log.info("a call \(sentence)")
    case .writeRecord(let record): write(record)
    case .moveRoom, .dial, .cancelDial, .attachEarlyMedia, .playDialtone, .stopDialtone, .sendDigits, .setAttributes,
      .reportDialled, .refer, .reportTransfer, .dialTarget, .endTarget, .joinLegs, .reportTarget, .answerRefer,
      .notifyReferrer, .takeOverRoom, .handOverRoom:
      break
    }
  }

  private func dispatch(_ pin: PINEntry) -> DispatchOutcome {
    var generator = SystemRandomNumberGenerator()
    return directory.dispatcher.dispatch(machine.call, trunk: trunk, pin: pin, using: &generator)
  }

  private func openMedia(_ options: MediaOptions) {
    do {
      leg = try CallLeg(id: legID, invite: invite, options: options, context: context)
      pending.append(.mediaOpened)
    } catch {
      pending.append(.mediaFailed(error))
    }
  }

  private func joinRoom(_ entry: RoomEntry, _ status: CallStatus) {
    log[metadataKey: "room"] = "\(entry.roomName)"
    log.info(
      "a call rings",
      metadata: ["rule": "\(machine.dispatch?.ruleLabel ?? "-")", "identity": "\(entry.participant.identity)"])
    var participant = LocalParticipant(identity: entry.participant.identity, name: entry.participant.name)
    participant.metadata = entry.participant.metadata
    participant.attributes = entry.participant.attributes
    participant.attributes[SIPAttribute.callStatus] = status.rawValue
    attributes = participant.attributes
    let caller = participant
    let configuration = entry.roomConfiguration.map { Livekit_RoomConfiguration($0) }
    context.roomJobs.yield { [inbox, id] rooms in
      do throws(RoomError) {
        let join = try rooms.join(id, as: caller, room: entry.roomName, configuration: configuration) {
          inbox.yield(.room(id, $0))
        }
        inbox.yield(.joined(id, .success(join)))
      } catch {
        inbox.yield(.joined(id, .failure(error)))
      }
    }
  }

  private func attachMedia() {
    guard let join else { return }
    leg?.attach(to: RoomID(join.mediaRoom), as: TrackID(join.mediaTrack))
    log.info("a call was answered", metadata: ["codec": "\(leg?.codec ?? "-")"])
  }

  private func setCallStatus(_ status: CallStatus) {
    attributes[SIPAttribute.callStatus] = status.rawValue
    context.roomJobs.yield { [id] rooms in
      rooms.update(id, attributes: [SIPAttribute.callStatus: status.rawValue])
    }
  }

  private func applyAnswer() {
    do {
      try leg?.acceptAnswer(acknowledgedBody)
    } catch {
      pending.append(.mediaFailed(error))
      if !isHandling { handle(pending.removeLast()) }
    }
  }

  private func renegotiate() {
    guard let leg else { return }
    do {
      try leg.renegotiate(reinviteBody)
      log.info("a call was renegotiated", metadata: ["codec": "\(leg.codec)", "hold": "\(leg.isOnHold)"])
      pending.append(.renegotiated(isOnHold: leg.isOnHold))
    } catch {
      pending.append(.renegotiationFailed(error))
    }
  }

  private func refuse(_ refusal: Refusal) {
    log.notice("a call was refused", metadata: ["reason": "\(refusal.reason.rawValue)", "why": "\(refusal.sentence)"])
    agent.respond(to: id, with: SIPResponse(refusal, warningHost: invite.local.address, headers: mappedHeaders))
  }

  private func closeMedia() {
    if leg?.close() == true { return }
    pending.append(.mediaClosed(CallMedia(codec: leg?.codec ?? "")))
    leg = nil
  }

  private func leaveRoom() {
    hasLeft = true
    context.roomJobs.yield { [id] rooms in rooms.leave(id) }
  }

  private func start(_ timer: CallTimer, _ duration: Duration) {
    timers[timer] = SIPTimer(after: duration) { [weak self] in
      self?.timers[timer] = nil
      self?.handle(.timerFired(timer))
    }
  }

  private func write(_ written: CallRecord) {
    var record = written
    // A call that was refused before its dispatch had a trunk all the same.
    if let trunk, record.trunkID.isEmpty { (record.trunkID, record.trunkLabel) = (trunk.id, trunk.label) }
    log.info(
      "a call ended",
      metadata: [
        "reason": "\(record.endReason.code)", "why": "\(record.sentence)",
        "status": "\(record.sipStatus.map { String($0.code) } ?? "-")",
        "talk_ms": "\(record.talkDuration.wholeMilliseconds)",
      ])
    context.records.write(record, media: statistics)
    inbox.yield(.ended(id))
  }

  /// The trunk's fixed headers, overlaid by attributes that are mapped to headers.
  private var answerHeaders: [SIPHeader] {
    let fixed = (machine.dispatch?.headers ?? [:]).sorted { $0.key < $1.key }.map { SIPHeader($0.key, $0.value) }
    let mapped = mappedHeaders
    return fixed.filter { header in !mapped.contains { $0.name.lowercased() == header.name.lowercased() } } + mapped
  }

  private var mappedHeaders: [SIPHeader] {
    HeaderMapping.headers(from: attributes, mapping: machine.dispatch?.attributesToHeaders ?? [:])
      .map { SIPHeader($0.name, $0.value) }
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

extension SIPResponse {
  /// The final response that tells of a refusal: Warning (RFC 3261 §20.43) and Retry-After where they belong.
  init(_ refusal: Refusal, warningHost: IPAddress, headers: [SIPHeader] = []) {
    var headers = headers
    if let warning = refusal.warning {
      let text = warning.filter { $0 != "\"" && $0 != "\\" && !$0.isNewline }
      headers.append(SIPHeader("Warning", "305 \(warningHost) \"\(text)\""))
    }
    if let seconds = refusal.reason.retryAfterSeconds { headers.append(SIPHeader("Retry-After", String(seconds))) }
    self.init(refusal.status.code, refusal.status.phrase, headers: headers)
  }
}
