import Base
import Capture
import Foundation
import SDP
import Telephony
import Testing

@testable import Phone

@Suite("The caller's side of a replay, in virtual time")
struct ReplayDialogTests {
  /// What came of a call between a dialog and a stub.
  struct Outcome {
    var report: ReplayReport
    var stub: GatewayStub
    var duration: Duration
    var sent: [SIPMessage]
  }

  static let pcaps = URL(filePath: #filePath).appending(path: "../../../pcaps").standardized

  static func call(_ name: String) throws -> CapturedCall {
    let bytes = Array(try Data(contentsOf: pcaps.appending(path: "\(name).pcap")))
    return try #require(CapturedCall.calls(in: try CapturedTraffic(bytes)).first)
  }

  /// Runs a call to its end. `loses` says which message of ours, counted from 0, never arrives.
  static func run(
    _ name: String, _ manner: GatewayStub.Manner, password: String? = nil, isFast: Bool = false,
    loses: Set<Int> = [], byeAfter: Duration? = nil
  ) throws -> Outcome {
    var now = MonotonicTime(nanoseconds: 1_000_000_000)
    let start = now
    let call = try call(name)
    let ends = CallRewriter.Ends(
      transport: call.transport, signalling: Endpoint(.loopbackV4, 40_000), media: Endpoint(.loopbackV4, 40_002),
      target: "127.0.0.1:5060")
    let timing = ReplayTiming(isFast: isFast, responseTimeout: .seconds(8), answerTimeout: .seconds(60))
    var dialog = ReplayDialog(
      call: call, ends: ends, digest: password.map { DigestClient(username: "phone-one", password: $0) },
      timing: timing, token: "t", now: now)
    var stub = GatewayStub(manner)
    var sent: [SIPMessage] = []
    func deliver(_ messages: [SIPMessage]) {
      for message in messages {
        sent.append(message)
        guard !loses.contains(sent.count - 1) else { continue }
        for reply in stub.receive(message) { deliver(dialog.receive(reply, now: now)) }
      }
    }
    deliver(dialog.start(now: now))
    var isGatewayGone = false
    for _ in 0..<1_000 where dialog.end == nil {
      let bye = byeAfter.flatMap { wait in isGatewayGone ? nil : dialog.answeredAt.map { $0 + wait } }
      now = max(now, [dialog.deadline, bye].compactMap { $0 }.min() ?? now + .seconds(1))
      if let bye, now >= bye, let message = stub.bye(reason: "SIP;cause=200") {
        isGatewayGone = true
        deliver(dialog.receive(message, now: now))
      }
      deliver(dialog.tick(now: now))
    }
    var report = ReplayReport(callID: dialog.callID, transport: "UDP", target: "stub")
    report.responses = dialog.responses
    report.answers = dialog.answers
    report.endedBy = try #require(dialog.end)
    report.endText = dialog.endText
    return Outcome(report: report, stub: stub, duration: now - start, sent: sent)
  }

  private static let manners: [String: GatewayStub.Manner] = [
    "digest-good": .asksPassword("a-good-password"), "digest-bad": .asksPassword("a-good-password"),
    "cancel-while-ringing": .rings, "wrong-source": .refuses(404), "unknown-number": .refuses(404),
  ]

  static let names =
    (try? FileManager.default.contentsOfDirectory(atPath: pcaps.path))
    .map { $0.filter { $0.hasSuffix(".pcap") }.map { String($0.dropLast(5)) }.sorted() } ?? []

  @Test("a gateway that does right meets the expectation of every capture", arguments: names, [false, true])
  func expectations(name: String, isFast: Bool) throws {
    let expectation = try Replayer.expectation(Self.pcaps.appending(path: "\(name).json").path)
    var expected = try #require(expectation.caller)
    // No media flows here.
    expected.returnedAudio = nil
    let outcome = try Self.run(
      name, Self.manners[name] ?? .answers, password: expectation.play?.password, isFast: isFast)
    var report = outcome.report
    report.compare(with: expected)
    #expect(report.failures == [])
  }

  @Test("a gateway that does otherwise is told from one that does right", arguments: names)
  func deviations(name: String) throws {
    let expectation = try Replayer.expectation(Self.pcaps.appending(path: "\(name).json").path)
    var expected = try #require(expectation.caller)
    expected.returnedAudio = nil
    var report = try Self.run(name, .refuses(480), password: "x").report
    report.compare(with: expected)
    #expect(!report.failures.isEmpty)
  }

  @Test("the captured pauses are kept, or a tenth of them")
  func pace() throws {
    let slow = try Self.run("hold-resume", .answers).duration
    let fast = try Self.run("hold-resume", .answers, isFast: true).duration
    #expect((.seconds(4)...(.seconds(6))).contains(slow))
    #expect(fast < .seconds(1))
  }

  @Test("a lost request is sent again, and the call goes on", arguments: [0, 1, 2, 3])
  func retransmission(lost: Int) throws {
    let outcome = try Self.run("twilio-udp", .answers, loses: [lost])
    #expect(outcome.report.endedBy == .caller)
    #expect(outcome.report.responses.suffix(1) == ["BYE 200"])
  }

  @Test("over TCP nothing is sent twice")
  func reliable() throws {
    let outcome = try Self.run("twilio-tcp", .isSilent)
    #expect(outcome.sent.count == 1)
    #expect(outcome.report.endedBy == .silence)
    #expect(outcome.duration == .seconds(8))
  }

  @Test("over UDP a silent gateway is asked at doubling intervals, then given up")
  func silence() throws {
    let outcome = try Self.run("twilio-udp", .isSilent)
    #expect(outcome.sent.count == 5)
    #expect(outcome.report.endedBy == .silence)
  }

  @Test("a phone that rings for ever is given up with CANCEL")
  func endlessRinging() throws {
    let outcome = try Self.run("twilio-udp", .rings)
    #expect(outcome.report.endedBy == .cancelled)
    #expect(outcome.report.responses == ["INVITE 100", "INVITE 180", "CANCEL 200", "INVITE 487"])
    #expect(outcome.duration == .seconds(60))
  }

  @Test("a call that the capture saw refused and that is answered now is hung up")
  func fixed() throws {
    let outcome = try Self.run("unknown-number", .answers)
    #expect(outcome.report.responses.suffix(2) == ["INVITE 200", "BYE 200"])
    #expect(outcome.stub.requests == ["INVITE", "ACK", "BYE"])
  }

  @Test("the gateway's BYE ends the call and is answered")
  func gatewayBye() throws {
    let outcome = try Self.run("twilio-udp", .answers, byeAfter: .seconds(1))
    #expect(outcome.report.endedBy == .gateway)
    #expect(outcome.report.endText == "SIP;cause=200")
    #expect(outcome.sent.last?.startLine == "SIP/2.0 200 OK")
  }

  @Test("without a password a challenge is a refusal")
  func noPassword() throws {
    let outcome = try Self.run("digest-good", .asksPassword("a-good-password"))
    #expect(outcome.report.responses == ["INVITE 407"])
    #expect(outcome.report.endedBy == .refused)
    #expect(outcome.report.endText == "407 Phrase")
  }

  @Test("a delayed offer is answered in the ACK, at our address")
  func delayedOffer() throws {
    let outcome = try Self.run("delayed-offer", .answers)
    let ack = try #require(outcome.sent.first { $0.method == "ACK" })
    #expect(SDPText.audioEndpoint(in: ack.body) == Endpoint(.loopbackV4, 40_002))
    #expect(outcome.stub.agreed?.codec == .pcmu)
  }
}
