import Base
import SDP
import SIP
import Telephony

/// One call of the test phone from INVITE to its end: takes events, moves SIP and media, writes the report.
struct DialSession {
  /// Of a call that has nothing to say.
  private static let idleDuration: Duration = .seconds(10)
  /// After sound and digits, for what comes back.
  private static let afterglow: Duration = .seconds(1)
  /// A BYE or CANCEL that nobody answers shall not keep the phone.
  private static let farewell: Duration = .seconds(3)

  private let options: DialOptions
  private let plan: DialPlan
  private let call: DialCall
  private let media: DialMedia
  private let progress: @Sendable (DialProgress) -> Void
  private let clock = ContinuousClock()
  private var exchange: OfferAnswer
  private var report: DialReport
  private var id: InviteID?
  private var started: ContinuousClock.Instant
  private var answered: ContinuousClock.Instant?
  private var isLeaving = false

  init(
    _ options: DialOptions, _ plan: DialPlan, _ call: DialCall, _ media: DialMedia,
    _ progress: @escaping @Sendable (DialProgress) -> Void
  ) {
    self.options = options
    self.plan = plan
    self.call = call
    self.media = media
    self.progress = progress
    let codecs = options.codec.map { [$0] } ?? [.pcmu, .pcma]
    exchange = OfferAnswer(
      local: LocalMedia(endpoint: media.local, codecs: codecs, packetTime: options.packetTime),
      sessionID: .random(in: 1...(1 << 53)))
    report = DialReport(uri: options.uri)
    started = clock.now
  }

  /// Returns when the call is over.
  mutating func run(_ events: AsyncStream<DialEvent>) async -> DialReport {
    progress(.calling(uri: options.uri, address: "\(plan.target) \(plan.transport.rawValue)"))
    started = clock.now
    id = await call.place(invite(), ringTimeout: options.ringTimeout)
    for await event in events {
      if await handle(event) { break }
    }
    media.stop()
    if let answered { report.callSeconds = (clock.now - answered).seconds }
    progress(.ended(report.end.rawValue))
    return report
  }

  private mutating func invite() -> OutgoingInvite {
    let host = plan.local.isIPv4 ? "\(plan.local)" : "[\(plan.local)]"
    let from = options.from.map { $0.contains(":") ? $0 : "sip:\($0)@\(host)" } ?? "sip:trunkline@\(host)"
    return OutgoingInvite(
      uri: options.uri, from: from, target: SIPHostPort(host: "\(plan.target.address)", port: plan.target.port),
      transport: plan.transport == .tcp ? .tcp : .udp, sdp: exchange.makeOffer().description, headers: options.headers,
      credentials: options.credentials)
  }

  /// True when the call is over.
  private mutating func handle(_ event: DialEvent) async -> Bool {
    switch event {
    case .sip(let event): return await handle(event)
    case .media(let event): await handle(event)
    case .ringTimeout where answered == nil: await leave(.noAnswer)
    case .ringTimeout: break
    case .timeUp:
      if isLeaving { return true }
      await leave(.done)
    case .interrupted: await leave(.cancelled)
    }
    return false
  }

  private mutating func handle(_ event: SIPEvent) async -> Bool {
    switch event {
    case .progress(_, let reply): note(reply)
    case .answered(_, let reply): await answer(reply)
    case .failed(_, let reply): fail(reply)
    case .reinvite(let id, let request): await renegotiate(id, request)
    case .bye(_, let request):
      if !isLeaving { report.end = .remoteHangup }
      report.remoteReason = request.reason
    case .terminated: return true
    case .invite, .acknowledged, .cancelled, .info, .referAnswered, .referNotified, .referReceived: break
    }
    return false
  }

  private mutating func handle(_ event: DialMediaEvent) async {
    switch event {
    case .audioStarted:
      let milliseconds = answered.map { Int((clock.now - $0).wholeMilliseconds) } ?? 0
      report.firstAudioMilliseconds = milliseconds
      progress(.audioStarted(afterMilliseconds: milliseconds))
    case .digit(let digit): progress(.digitReceived(String(digit)))
    case .digitsSent:
      report.sentDigits = options.digits
      progress(.digitsSent(options.digits))
    case .finished where options.duration == nil && (options.sound != .silence || !options.digits.isEmpty):
      await call.after(Self.afterglow, .timeUp)
    case .finished: break
    }
  }

  private mutating func note(_ reply: SIPReply) {
    report.responses.append("\(reply.status) \(reply.reasonPhrase)")
    progress(.response(status: reply.status, reasonPhrase: reply.reasonPhrase))
    if reply.status > 100, report.ringingMilliseconds == nil { report.ringingMilliseconds = milliseconds }
  }

  private mutating func answer(_ reply: SIPReply) async {
    guard answered == nil else { return }
    report.responses.append("\(reply.status) \(reply.reasonPhrase)")
    report.status = reply.status
    report.reasonPhrase = reply.reasonPhrase
    report.answerMilliseconds = milliseconds
    answered = clock.now
    do {
      let description = try SessionDescription(parsing: String(decoding: reply.body, as: UTF8.self))
      let agreed = try exchange.accept(answer: description)
      report.codec = agreed.codec.rawValue
      report.packetTime = options.packetTime
      report.remoteMedia = "\(agreed.remote)"
      progress(.answered(codec: agreed.codec.rawValue, packetTime: options.packetTime, media: "\(agreed.remote)"))
      media.use(agreed)
    } catch {
      report.problem = "its answer cannot be used: \(error)"
      return await leave(.done)
    }
    if let duration = options.duration {
      await call.after(duration, .timeUp)
    } else if options.sound == .silence, options.digits.isEmpty {
      await call.after(Self.idleDuration, .timeUp)
    }
  }

  private mutating func fail(_ reply: SIPReply) {
    guard answered == nil else { return }
    if !reply.isLocal { report.responses.append("\(reply.status) \(reply.reasonPhrase)") }
    report.status = reply.status
    report.reasonPhrase = reply.reasonPhrase
    progress(.response(status: reply.status, reasonPhrase: reply.reasonPhrase))
    if !isLeaving { report.end = reply.isLocal ? .unreachable : .refused }
  }

  private mutating func renegotiate(_ id: InviteID, _ request: SIPRequest) async {
    do {
      let body: SessionDescription
      if request.body.isEmpty {
        body = exchange.makeOffer()
      } else {
        body = try exchange.answer(SessionDescription(parsing: String(decoding: request.body, as: UTF8.self)))
      }
      await call.answer(id, SIPResponse(200, "OK", sdp: body.description))
      guard let agreed = exchange.negotiated else { return }
      media.use(agreed)
      progress(.renegotiated(direction: agreed.direction.rawValue, media: "\(agreed.remote)"))
    } catch {
      await call.answer(id, SIPResponse(488, "Not Acceptable Here"))
    }
  }

  private mutating func leave(_ end: DialReport.End) async {
    guard !isLeaving, let id else { return }
    isLeaving = true
    report.end = end
    progress(.hangingUp)
    await call.after(Self.farewell, .timeUp)
    await call.hangUp(id)
  }

  private var milliseconds: Int { Int((clock.now - started).wholeMilliseconds) }
}
