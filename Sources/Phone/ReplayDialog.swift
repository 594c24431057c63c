import Base
import Capture
import SDP
import Telephony

/// The caller's side of one SIP call, led by a capture. No socket, no clock: messages and times in, messages out.
///
///     calling ─ 401/407 ─▶ calling with credentials
///        │ 200                    │ CANCEL, 3xx–6xx, silence
///        ▼                        ▼
///     answered ── last step, BYE ─▶ ended
///        └── the gateway's BYE ───▶ ended
struct ReplayDialog {
  private enum State: Equatable {
    case calling
    case answered(at: MonotonicTime)
    case ended(CallEnd)
  }

  let call: CapturedCall
  private(set) var responses: [String] = []
  private(set) var answers: [ReplayReport.Answer] = []
  private(set) var endText: String?
  private(set) var ringingAt: MonotonicTime?
  private(set) var finalAt: MonotonicTime?
  /// The media agreed last. Nil before the answer.
  private(set) var media: NegotiatedMedia?

  private var state = State.calling
  private var rewriter: CallRewriter
  private let ends: CallRewriter.Ends
  private var digest: DigestClient?
  private let timing: ReplayTiming
  private var transactions: [ReplayTransaction] = []
  private var sequenceNumber: UInt32
  private let startedAt: MonotonicTime
  private var challengeCount = 0
  private var cancelledAt: MonotonicTime?
  private var isLeaving = false
  private var nextStep = 0
  /// By how much re-INVITEs were answered later than they were in the capture, all together.
  private var lateness: Duration = .zero
  private var remoteTag = ""
  private var remoteTarget = ""
  /// By CSeq number, for 200s that come again.
  private var acknowledgements: [UInt32: SIPMessage] = [:]

  init(
    call: CapturedCall, ends: CallRewriter.Ends, digest: DigestClient?, timing: ReplayTiming, token: String,
    now: MonotonicTime
  ) {
    self.call = call
    self.ends = ends
    self.digest = digest
    self.timing = timing
    rewriter = CallRewriter(call: call, ends: ends, token: token)
    sequenceNumber = min(call.invite.cseq?.number ?? 1, .max / 2)
    startedAt = now
  }

  var callID: String { rewriter.callID }

  var end: CallEnd? {
    if case .ended(let end) = state { return end }
    return nil
  }

  var answeredAt: MonotonicTime? {
    if case .answered(let time) = state { return time }
    return nil
  }

  /// Offset 0 of the capture's steps and packets: the answer, and later by what the gateway took longer than captured.
  var origin: MonotonicTime? { answeredAt.map { $0 + lateness } }

  /// The offset of a re-INVITE that is not answered yet: what the capture sent after it must not overtake it.
  var openOffset: Duration? {
    guard answeredAt != nil, nextStep > 0, transactions.contains(where: { $0.method == "INVITE" }) else { return nil }
    return call.steps[nextStep - 1].offset
  }

  // MARK: What the outside calls

  mutating func start(now: MonotonicTime) -> [SIPMessage] {
    let branch = rewriter.nextBranch()
    return send(
      rewriter.invite(call.invite, sequenceNumber: sequenceNumber, branch: branch),
      acknowledgement: call.acknowledgement, now: now)
  }

  mutating func receive(_ message: SIPMessage, now: MonotonicTime) -> [SIPMessage] {
    guard message.callID == rewriter.callID else { return [] }
    return message.isResponse ? receiveResponse(message, now: now) : receiveRequest(message)
  }

  mutating func tick(now: MonotonicTime) -> [SIPMessage] {
    guard end == nil else { return [] }
    var messages: [SIPMessage] = []
    for index in transactions.indices {
      if let repetition = transactions[index].repetition(now) { messages.append(repetition) }
    }
    if transactions.contains(where: { $0.isOverdue(now) }) || cancelGiveUpTime.map({ now >= $0 }) == true {
      state = .ended(isLeaving ? .caller : .silence)
      return messages
    }
    messages += cancelWhenDue(now)
    messages += nextStepWhenDue(now)
    return messages
  }

  /// When `tick` has something to do next. Nil when only a message can move the call.
  var deadline: MonotonicTime? {
    guard end == nil else { return nil }
    return (transactions.map(\.deadline) + [cancelTime, cancelGiveUpTime, stepTime]).compactMap { $0 }.min()
  }

  // MARK: Requests of ours

  private mutating func send(
    _ request: SIPMessage, acknowledgement: [UInt8] = [], now: MonotonicTime
  ) -> [SIPMessage] {
    transactions.append(
      ReplayTransaction(
        request, acknowledgement: acknowledgement, isReliable: ends.transport == .tcp,
        timeout: timing.responseTimeout, now: now))
    return [request]
  }

  /// The caller gives up when he did in the capture, or when it has rung too long.
  private var cancelTime: MonotonicTime? {
    guard case .calling = state, cancelledAt == nil else { return nil }
    // CANCEL before any response is not allowed (RFC 3261 §9.1).
    guard transactions.contains(where: { $0.method == "INVITE" && $0.hasProvisional }) else { return nil }
    let captured = call.cancelOffset.map { startedAt + timing.scaled($0) }
    return min(captured ?? startedAt + timing.answerTimeout, startedAt + timing.answerTimeout)
  }

  /// A gateway that forgets the 487 ends the replay too.
  private var cancelGiveUpTime: MonotonicTime? {
    guard case .calling = state else { return nil }
    return cancelledAt.map { $0 + timing.responseTimeout }
  }

  private mutating func cancelWhenDue(_ now: MonotonicTime) -> [SIPMessage] {
    guard let cancelTime, now >= cancelTime, let invite = transactions.first(where: { $0.method == "INVITE" }) else {
      return []
    }
    cancelledAt = now
    return send(rewriter.companion(of: invite.request, method: "CANCEL", to: nil), now: now)
  }

  private var stepTime: MonotonicTime? {
    // One request at a time: a captured pause may have been longer than today's.
    guard let origin, transactions.isEmpty, !isLeaving else { return nil }
    guard nextStep < call.steps.count else { return origin + timing.scaled(call.answeredDuration) + timing.grace }
    return origin + timing.scaled(call.steps[nextStep].offset)
  }

  private mutating func nextStepWhenDue(_ now: MonotonicTime) -> [SIPMessage] {
    guard let stepTime, now >= stepTime else { return [] }
    guard nextStep < call.steps.count else { return leave(now) }
    let step = call.steps[nextStep]
    nextStep += 1
    return sendInDialog(
      step.request, method: step.request.method ?? "OPTIONS", acknowledgement: step.acknowledgement, now: now)
  }

  /// BYE, when the capture has none.
  private mutating func leave(_ now: MonotonicTime) -> [SIPMessage] {
    var template = call.invite
    template.headers.removeAll { $0.name.lowercased().hasPrefix("content-") || ["c", "l", "e"].contains($0.name) }
    template.body = []
    template.set("Content-Length", "0")
    return sendInDialog(template, method: "BYE", now: now)
  }

  private mutating func sendInDialog(
    _ template: SIPMessage, method: String, acknowledgement: [UInt8] = [], now: MonotonicTime
  ) -> [SIPMessage] {
    if method == "BYE" { isLeaving = true }
    sequenceNumber += 1
    let request = rewriter.dialogRequest(
      template, method: method, sequenceNumber: sequenceNumber, branch: rewriter.nextBranch(), remoteTag: remoteTag,
      target: remoteTarget)
    return send(request, acknowledgement: acknowledgement, now: now)
  }

  // MARK: What the gateway sends

  private mutating func receiveRequest(_ request: SIPMessage) -> [SIPMessage] {
    switch request.method {
    case "ACK": return []
    case "BYE":
      if end == nil {
        state = .ended(isLeaving ? .caller : .gateway)
        endText = request.value("Reason")
      }
      return [rewriter.response(to: request, status: 200, reason: "OK")]
    case "INVITE": return [rewriter.response(to: request, status: 488, reason: "Not Acceptable Here")]
    default: return [rewriter.response(to: request, status: 200, reason: "OK")]
    }
  }

  private mutating func receiveResponse(_ response: SIPMessage, now: MonotonicTime) -> [SIPMessage] {
    guard let index = transactions.firstIndex(where: { $0.isAnswered(by: response) }), let status = response.status
    else {
      // A 200 that comes again has missed its ACK.
      guard let cseq = response.cseq, cseq.method == "INVITE", response.status.map({ $0 >= 200 }) == true else {
        return []
      }
      return acknowledgements[cseq.number].map { [$0] } ?? []
    }
    note(transactions[index].method, status)
    if status < 200 {
      transactions[index].tookProvisional()
      if status > 100, ringingAt == nil { ringingAt = now }
      return []
    }
    if let origin, let openOffset { lateness += max(.zero, now - (origin + timing.scaled(openOffset))) }
    let transaction = transactions.remove(at: index)
    if transaction.method == "INVITE" { return takeFinal(response, status, of: transaction, now: now) }
    if transaction.method == "BYE", end == nil { state = .ended(.caller) }
    return []
  }

  /// Ringing that goes on is one response.
  private mutating func note(_ method: String, _ status: Int) {
    let response = "\(method) \(status)"
    if status >= 200 || responses.last != response { responses.append(response) }
  }

  private mutating func takeFinal(
    _ response: SIPMessage, _ status: Int, of transaction: ReplayTransaction, now: MonotonicTime
  ) -> [SIPMessage] {
    guard status >= 300 else { return takeAnswer(response, of: transaction, now: now) }
    let ack = rewriter.companion(of: transaction.request, method: "ACK", to: response.value("To"))
    acknowledgements[transaction.sequenceNumber] = ack
    // A refused re-INVITE leaves the call as it was.
    guard case .calling = state else { return [ack] }
    if status == 401 || status == 407, let again = authorized(after: response, of: transaction, now: now) {
      return [ack] + again
    }
    finalAt = now
    let reason = response.value("X-Trunkline-Reason").map { " (\($0))" } ?? ""
    endText = "\(status) \(response.reasonPhrase)\(reason)"
    state = .ended(cancelledAt != nil && status == 487 ? .cancelled : .refused)
    return [ack]
  }

  /// The INVITE again with credentials, as often as the capture tried, and once when it never did.
  private mutating func authorized(
    after response: SIPMessage, of transaction: ReplayTransaction, now: MonotonicTime
  ) -> [SIPMessage]? {
    guard digest != nil, challengeCount < max(1, call.authorizedInvites.count) else { return nil }
    let template = challengeCount < call.authorizedInvites.count ? call.authorizedInvites[challengeCount] : call.invite
    challengeCount += 1
    sequenceNumber += 1
    let branch = rewriter.nextBranch()
    var invite = rewriter.invite(template, sequenceNumber: sequenceNumber, branch: branch)
    let isProxy = response.status == 407
    // A password that was refused is tried again where the capture did so.
    digest?.reset()
    guard
      let answer = digest?.answer(
        response.values(isProxy ? "Proxy-Authenticate" : "WWW-Authenticate"), isProxy: isProxy, method: "INVITE",
        uri: invite.requestURI ?? "", clientNonce: branch)
    else { return nil }
    invite.headers.insert(contentsOf: answer.map { .init($0.name, $0.value) }, at: max(0, invite.headers.count - 1))
    return send(invite, acknowledgement: call.acknowledgement, now: now)
  }

  private mutating func takeAnswer(
    _ response: SIPMessage, of transaction: ReplayTransaction, now: MonotonicTime
  ) -> [SIPMessage] {
    remoteTag = response.toTag ?? ""
    if let contact = response.value("Contact") { remoteTarget = SIPValue.uri(of: contact) }
    if remoteTarget.isEmpty { remoteTarget = transaction.request.requestURI ?? "" }
    if let description = try? SessionDescription(parsing: response.body) { take(description, of: transaction) }
    var ack = rewriter.companion(of: transaction.request, method: "ACK", to: response.value("To"))
    ack.startLine = "ACK \(remoteTarget) SIP/2.0"
    // The ACK of a 2xx is a transaction of its own (RFC 3261 §13.2.2.4).
    ack.set("Via", SIPValue.setting("branch", to: rewriter.nextBranch(), in: ack.value("Via") ?? ""))
    if !transaction.acknowledgement.isEmpty {
      ack.headers.insert(.init("Content-Type", "application/sdp"), at: ack.headers.count - 1)
      ack.setBody(SDPText.movingAudio(to: ends.media, in: transaction.acknowledgement))
    }
    acknowledgements[transaction.sequenceNumber] = ack
    guard case .calling = state else { return [ack] }
    finalAt = now
    state = .answered(at: now)
    // A call that was never answered in the capture has nothing more to play.
    return call.answerOffset == nil || cancelledAt != nil ? [ack] + leave(now) : [ack]
  }

  private mutating func take(_ description: SessionDescription, of transaction: ReplayTransaction) {
    // Read the gateway's description as an offer to us: that says the codec, the address and, mirrored, the direction.
    var exchange = OfferAnswer(local: LocalMedia(endpoint: ends.media), sessionID: 1)
    guard (try? exchange.answer(description)) != nil, let agreed = exchange.negotiated else { return }
    media = agreed
    // It was an offer: what the capture answered decides, and there is no answer to report.
    guard transaction.acknowledgement.isEmpty else {
      var own = OfferAnswer(local: LocalMedia(endpoint: ends.media), sessionID: 1)
      let captured = try? SessionDescription(
        parsing: SDPText.movingAudio(to: ends.media, in: transaction.acknowledgement))
      if let captured, (try? own.answer(captured)) != nil, let answer = own.negotiated { media?.codec = answer.codec }
      return
    }
    answers.append(
      ReplayReport.Answer(
        codec: agreed.codec.rawValue, packetTime: agreed.packetTime, direction: agreed.direction.reversed.rawValue,
        media: agreed.remote.description))
  }
}
