import Base
import Capture
import Glibc
import Linux
import Telephony

/// One replay: two sockets, the dialog, the media, and the loop that waits for whichever is next.
struct ReplaySession: ~Copyable {
  private let signalling: ReplaySocket
  private let media: ReplaySocket
  private let target: Endpoint
  private let transport: CapturedMessage.Transport
  private var dialog: ReplayDialog
  private var player: ReplayPlayer
  private var reader = SIPStreamReader()
  private var buffer = [UInt8](repeating: 0, count: CaptureLimits.messageByteCount)
  private let startedAt: MonotonicTime
  private var isConnected = true

  /// After the end: time to acknowledge what the gateway repeats.
  private static let lingering = Duration.milliseconds(100)

  /// Opens the sockets.
  static func open(
    call: CapturedCall, options: ReplayOptions, play: Expectation.Play?
  ) throws(ReplayError) -> ReplaySession {
    let target = try ReplaySocket.resolve(options.target)
    let address = try source(options.source ?? play?.source, towards: target)
    let transport = options.transport ?? call.transport
    let media = try ReplaySocket.udp(on: address, isEven: true)
    let signalling =
      transport == .tcp ? try ReplaySocket.tcp(from: address, to: target) : try ReplaySocket.udp(on: address)
    let timing = ReplayTiming(
      isFast: options.isFast, responseTimeout: options.responseTimeout, answerTimeout: options.answerTimeout)
    let now = MonotonicClock.now()
    let ends = CallRewriter.Ends(
      transport: transport, signalling: signalling.local, media: media.local, target: options.target)
    let dialog = ReplayDialog(
      call: call, ends: ends, digest: digest(call, options, play), timing: timing, token: GUID.make(),
      now: now)
    return ReplaySession(
      signalling: signalling, media: media, target: target, transport: transport, dialog: dialog,
      player: ReplayPlayer(packets: call.media, timing: timing), startedAt: now)
  }

  private init(
    signalling: consuming ReplaySocket, media: consuming ReplaySocket, target: Endpoint,
    transport: CapturedMessage.Transport, dialog: ReplayDialog, player: ReplayPlayer, startedAt: MonotonicTime
  ) {
    self.signalling = signalling
    self.media = media
    self.target = target
    self.transport = transport
    self.dialog = dialog
    self.player = player
    self.startedAt = startedAt
  }

  private static func source(_ wanted: String?, towards target: Endpoint) throws(ReplayError) -> IPAddress {
    guard let wanted else { return try ReplaySocket.sourceAddress(towards: target) }
    guard let address = IPAddress(wanted) else { throw ReplayError("\(wanted): expected an address to call from") }
    return address
  }

  private static func digest(
    _ call: CapturedCall, _ options: ReplayOptions, _ play: Expectation.Play?
  ) -> DigestClient? {
    let captured = call.authorizedInvites.first.flatMap {
      $0.value("Proxy-Authorization") ?? $0.value("Authorization")
    }
    let username = options.username ?? play?.username ?? captured.flatMap { DigestParameters($0)?["username"] }
    guard let username, let password = options.password ?? play?.password else { return nil }
    return DigestClient(username: username, password: password)
  }

  /// Plays to the end.
  mutating func run() -> ReplayReport {
    send(dialog.start(now: startedAt))
    while dialog.end == nil, isConnected { turn(until: nil) }
    let endedAt = MonotonicClock.now()
    while isConnected, MonotonicClock.now() < endedAt + Self.lingering { turn(until: endedAt + Self.lingering) }
    return report(endedAt: endedAt)
  }

  private mutating func turn(until limit: MonotonicTime?) {
    wait(until: [dialog.deadline, dialog.end == nil ? player.deadline : nil, limit].compactMap { $0 }.min())
    receiveSignalling()
    let now = MonotonicClock.now()
    // Before the media is read: its first packet may be right behind the answer.
    if let agreed = dialog.media, let origin = dialog.origin {
      player.update(agreed, origin: origin, openOffset: dialog.openOffset, now: now)
    }
    receiveMedia()
    send(dialog.tick(now: now))
    while dialog.end == nil, let packet = player.due(now: now) { media.send(packet.bytes, to: packet.destination) }
  }

  private func wait(until deadline: MonotonicTime?) {
    var sockets = [
      pollfd(fd: signalling.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: media.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    // Rounded up: waking before the time would only turn in a circle.
    let left = deadline.map { max(0, ($0 - MonotonicClock.now()).wholeNanoseconds + 999_999) / 1_000_000 } ?? 1_000
    poll(&sockets, 2, Int32(clamping: left))
  }

  private mutating func receiveSignalling() {
    while let bytes = signalling.receive(into: &buffer) {
      let now = MonotonicClock.now()
      let messages = signalling.isStream ? reader.take(Array(bytes)) : SIPMessage(parsing: bytes).map { [$0] } ?? []
      for message in messages { send(dialog.receive(message, now: now)) }
      if signalling.isStream, bytes.isEmpty {
        isConnected = false
        return
      }
    }
  }

  private mutating func receiveMedia() {
    while let bytes = media.receive(into: &buffer) {
      // Packets of a call that is over are the gateway's last, not the call's.
      if dialog.end == nil { player.receive(Array(bytes), now: MonotonicClock.now()) }
    }
  }

  private mutating func send(_ messages: [SIPMessage]) {
    for message in messages where !signalling.send(message.bytes, to: target) { isConnected = false }
  }

  private mutating func report(endedAt: MonotonicTime) -> ReplayReport {
    var report = ReplayReport(
      callID: dialog.callID, transport: transport.rawValue.uppercased(), target: target.description)
    report.responses = dialog.responses
    report.answers = dialog.answers
    report.endedBy = dialog.end ?? .silence
    report.endText = dialog.endText
    if !isConnected { report.notes.append("the gateway closed the connection") }
    let startedAt = startedAt
    report.ringingMilliseconds = dialog.ringingAt.map { Int(($0 - startedAt).wholeMilliseconds) }
    report.finalMilliseconds = dialog.finalAt.map { Int(($0 - startedAt).wholeMilliseconds) }
    player.finish(into: &report, now: endedAt)
    return report
  }
}
