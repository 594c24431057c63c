import Audio
import Base
import Foundation
import SDP
import SIP
import Synchronization
import Testing

@testable import Phone

@Suite("test phone", .timeLimit(.minutes(1)))
struct DialTests {
  private func tone(_ frequencyHz: Double) -> DialSound {
    .tone(DualTone(lowHz: frequencyHz, highHz: 0, amplitude: 0.5012))
  }

  @Test(
    "both sides hear each other's tone and digits, and the recording is what was heard",
    arguments: [(SIPTransport.udp, AudioCodec.pcmu, 20), (.tcp, .pcma, 30)])
  func conversation(transport: SIPTransport, codec: AudioCodec, packetTime: Int) async throws {
    let callee = try await DialCallee(.answers, sound: tone(1004), digits: "9#")
    async let calleeHeard = callee.media.run()
    let path = FileManager.default.temporaryDirectory.appending(path: "dial-\(UUID().uuidString).wav").path()
    defer { try? FileManager.default.removeItem(atPath: path) }
    var options = DialOptions(uri: await callee.uri)
    options.from = "+15550123"
    options.sound = .tone(frequencyHz: 440)
    options.digits = "12"
    options.duration = .milliseconds(3500)
    options.codec = codec
    options.packetTime = packetTime
    options.transport = transport
    options.headers = [SIPHeader("X-Test", "yes")]
    options.recording = path
    let lines = Mutex<[DialProgress]>([])
    let report = try await TestPhone.run(options) { line in lines.withLock { $0.append(line) } }
    callee.media.stop()
    let heard = await calleeHeard

    #expect(report.end == .done && report.status == 200 && report.problem == nil)
    #expect(report.responses == ["180 Ringing", "200 OK"])
    #expect(report.codec == codec.rawValue && report.packetTime == packetTime)
    #expect(report.receivedDigits == "9#" && report.sentDigits == "12")
    #expect(heard.receivedDigits == "12")
    for (sound, frequencyHz) in [(report.heard, 1004.0), (heard.recording.heard, 440.0)] {
      #expect(abs((sound.frequencyHz ?? 0) - frequencyHz) <= 1, "\(sound)")
      #expect(abs((sound.levelDecibels ?? 0) + 9) < 0.5, "\(sound)")
    }
    let packets = report.callSeconds * 1000 / Double(packetTime)
    #expect((packets * 0.8...packets + 5).contains(Double(report.sentPacketCount)))
    #expect(report.lostPacketCount == 0)
    #expect(try DialWaveFile.read(path).count > 2 * 8000)
    #expect(report.recording == path)
    #expect(await callee.termination == .remoteBye)
    #expect(await callee.headers.first("X-Test") == "yes")
    #expect(await callee.from?.uri.user == "+15550123")
    let progress = lines.withLock { $0 }
    #expect(progress.contains(.digitReceived("9")) && progress.contains(.digitsSent("12")))
    #expect(progress.last == .ended("done"))
  }

  @Test("a file is played once and the phone hangs up a second later")
  func file() async throws {
    let callee = try await DialCallee(.answers)
    async let calleeHeard = callee.media.run()
    let path = FileManager.default.temporaryDirectory.appending(path: "play-\(UUID().uuidString).wav").path()
    defer { try? FileManager.default.removeItem(atPath: path) }
    var sound = tone(700)
    try DialWaveFile.write(sound.next(8000), to: path)
    var options = DialOptions(uri: await callee.uri)
    options.sound = .file(path)
    let report = try await TestPhone.run(options)
    callee.media.stop()
    let heard = await calleeHeard.recording.heard
    #expect(report.end == .done)
    #expect(report.callSeconds >= 1.8)
    #expect(abs((heard.frequencyHz ?? 0) - 700) <= 1)
    // A second of sound, whatever silence came after it.
    #expect(abs((1 - heard.silentShare) * heard.seconds - 1) < 0.1)
  }

  @Test("a refusal is a report")
  func refusal() async throws {
    let callee = try await DialCallee(.refuses(SIPResponse(404, "Nobody Here")))
    let report = try await TestPhone.run(DialOptions(uri: await callee.uri))
    #expect(report.end == .refused && report.status == 404 && report.reasonPhrase == "Nobody Here")
    #expect(!report.isAnswered && report.callSeconds == 0)
    #expect(report.description.contains("refused: 404 Nobody Here"))
  }

  @Test("no codec in common is a refusal with 488")
  func noCodec() async throws {
    let callee = try await DialCallee(.answers, codecs: [.pcma])
    var options = DialOptions(uri: await callee.uri)
    options.codec = .pcmu
    #expect(try await TestPhone.run(options).status == 488)
  }

  @Test("who rings too long is cancelled")
  func noAnswer() async throws {
    let callee = try await DialCallee(.rings)
    var options = DialOptions(uri: await callee.uri)
    options.ringTimeout = .milliseconds(300)
    let report = try await TestPhone.run(options)
    #expect(report.end == .noAnswer)
    #expect(report.ringingMilliseconds != nil && report.answerMilliseconds == nil)
    #expect(await callee.termination == .cancelled)
  }

  @Test("the other side hangs up, and says why")
  func remoteHangup() async throws {
    let callee = try await DialCallee(.answers, sound: .silence)
    async let _ = callee.media.run()
    let report = try await TestPhone.run(DialOptions(uri: await callee.uri)) { line in
      guard case .audioStarted = line else { return }
      Task { await callee.hangUp(reason: "Q.850;cause=16") }
    }
    callee.media.stop()
    #expect(report.end == .remoteHangup && report.remoteReason == "Q.850;cause=16")
  }

  @Test("a cancelled task hangs up and still reports")
  func interrupted() async throws {
    let callee = try await DialCallee(.answers)
    let (answered, continuation) = AsyncStream<Void>.makeStream()
    var options = DialOptions(uri: await callee.uri)
    options.sound = .tone(frequencyHz: 300)
    let task = Task { [options] in
      try await TestPhone.run(options) { line in if case .answered = line { continuation.yield() } }
    }
    for await _ in answered { break }
    task.cancel()
    let report = try await task.value
    #expect(report.end == .cancelled && report.isAnswered)
    #expect(await callee.termination == .remoteBye)
  }

  @Test("hold from the other side is followed")
  func hold() async throws {
    let callee = try await DialCallee(.holds)
    let lines = Mutex<[DialProgress]>([])
    var options = DialOptions(uri: await callee.uri)
    options.sound = .tone(frequencyHz: 300)
    options.duration = .seconds(1)
    _ = try await TestPhone.run(options) { line in lines.withLock { $0.append(line) } }
    #expect(lines.withLock { $0.contains { if case .renegotiated("recvonly", _) = $0 { true } else { false } } })
  }

  @Test("a password is given when asked for")
  func password() async throws {
    let callee = try await DialCallee(.challenges)
    var options = DialOptions(uri: await callee.uri)
    options.credentials = SIPCredentials(username: "alice", password: "secret")
    options.duration = .milliseconds(100)
    let report = try await TestPhone.run(options)
    #expect(report.end == .done)
    #expect(await callee.headers.first("Proxy-Authorization")?.contains("username=\"alice\"") == true)
  }

  @Test("nobody there")
  func unreachable() async throws {
    let port = try ReplaySocket.udp(on: .loopbackV4).local.port
    var options = DialOptions(uri: "sip:a@127.0.0.1:\(port)")
    options.transport = .tcp
    let report = try await TestPhone.run(options)
    #expect(report.end == .unreachable && report.status == 503)
  }

  @Test(
    "options that make no call are errors",
    arguments: [
      (DialOptions(uri: "example.com"), "example.com: expected sip:user@host[:port][;transport=tcp]"),
      (DialOptions(uri: "tel:+1555"), "tel:+1555: expected sip:user@host[:port][;transport=tcp]"),
    ])
  func badURI(options: DialOptions, message: String) async throws {
    await #expect(throws: DialError(message)) { try await TestPhone.run(options) }
  }

  @Test("so are digits, packet times, tones and files that are none")
  func badOptions() async throws {
    var options = DialOptions(uri: "sip:a@127.0.0.1")
    options.digits = "12x"
    await #expect(throws: DialError("digits x: expected 0–9, *, #, A–D, w")) { try await TestPhone.run(options) }
    options.digits = ""
    options.packetTime = 25
    await #expect(throws: DialError.self) { try await TestPhone.run(options) }
    options.packetTime = 20
    options.sound = .tone(frequencyHz: 4000)
    await #expect(throws: DialError.self) { try await TestPhone.run(options) }
    options.sound = .file("/nowhere/file.wav")
    await #expect(throws: DialError("/nowhere/file.wav: cannot be read")) { try await TestPhone.run(options) }
  }
}
