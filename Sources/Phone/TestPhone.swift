import Base
import Foundation
import SDP
import SIP

/// A phone for tests: calls any SIP URI, says something, presses keys, keeps what comes back.
public enum TestPhone {
  /// Places the call and returns when it is over. Cancelling the task hangs up and returns the report so far.
  ///
  /// Throws `DialError` when no call can be tried; a call that is refused is no error but a report.
  public static func run(
    _ options: DialOptions, progress: @escaping @Sendable (DialProgress) -> Void = { _ in }
  ) async throws -> DialReport {
    let plan = try await DialPlan(options)
    let (events, continuation) = AsyncStream<DialEvent>.makeStream()
    let tell: @Sendable (DialEvent) -> Void = { continuation.yield($0) }
    let media = try DialMedia(
      on: plan.local, source: plan.sound, digits: options.digits, packetTimeMilliseconds: options.packetTime
    ) { tell(.media($0)) }
    let call = try await DialCall(on: plan.local, transport: plan.transport, tell: tell)
    async let heard = media.run()
    // A task of its own: a cancelled one would hear no more events, and there is a BYE to send.
    let session = Task {
      var session = DialSession(options, plan, call, media, progress)
      return await session.run(events)
    }
    let outcome = await withTaskCancellationHandler {
      await session.value
    } onCancel: {
      continuation.yield(.interrupted)
    }
    await call.close()
    media.stop()
    var report = outcome
    report.add(await heard)
    if let path = options.recording {
      try DialWaveFile.write(await heard.recording.samples, to: path)
      report.recording = path
    }
    return report
  }
}

/// What is known before the call: checked options, addresses, sound.
struct DialPlan: Sendable {
  let target: Endpoint
  let transport: SIPTransport
  let local: IPAddress
  let sound: DialSound

  init(_ options: DialOptions) async throws(DialError) {
    guard let uri = SIPURI(text: options.uri), uri.scheme == "sip" else {
      throw DialError("\(options.uri): expected sip:user@host[:port][;transport=tcp]")
    }
    guard (10...60).contains(options.packetTime), options.packetTime % 10 == 0 else {
      throw DialError("packets of \(options.packetTime) ms: expected 10, 20, 30, 40, 50 or 60")
    }
    let wrong = options.digits.filter { !"0123456789*#ABCDabcdwW".contains($0) }
    guard wrong.isEmpty else { throw DialError("digits \(wrong): expected 0–9, *, #, A–D, w") }
    let isTCP = uri.parameters.lowercased().split(separator: ";").contains("transport=tcp")
    transport = options.transport ?? (isTCP ? .tcp : .udp)
    sound = try DialSound(options.sound)
    target = try await Self.resolve(uri)
    do {
      local = try options.source ?? ReplaySocket.sourceAddress(towards: target)
    } catch {
      throw DialError("\(error)")
    }
  }

  /// On a thread of its own: getaddrinfo(3) waits for DNS.
  private static func resolve(_ uri: SIPURI) async throws(DialError) -> Endpoint {
    let port = uri.port ?? 5060
    if let address = IPAddress(uri.host) { return Endpoint(address, port) }
    let result: Result<Endpoint, DialError> = await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        do {
          continuation.resume(returning: .success(try ReplaySocket.resolve("\(uri.host):\(port)")))
        } catch {
          continuation.resume(returning: .failure(DialError("\(error)")))
        }
      }
    }
    return try result.get()
  }
}

extension DialReport {
  mutating func add(_ result: DialMediaResult) {
    guard isAnswered else { return }
    sentPacketCount = result.sentPacketCount
    receivedPacketCount = result.receivedPacketCount
    lostPacketCount = result.lostPacketCount
    jitterMilliseconds = result.jitter.seconds * 1000
    receivedDigits = result.receivedDigits
    heard = result.recording.heard
  }
}
