import ArgumentParser
import Base
import Configuration
import Dispatch
import Foundation
import Phone
import SDP
import SIP

struct DialCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dial",
    abstract: "Call any SIP URI with a test phone: play sound, press keys, record what comes back.",
    discussion: """
      Says what happens as it happens, then what was heard: level, strongest frequency, share of silence, packets lost. \
      Ctrl-C hangs up. Without --duration it hangs up a second after sound and digits are through, or after ten \
      seconds when there are none.

      Examples:
        trunkline dial sip:+15550100@127.0.0.1
        trunkline dial 'sip:+15550100@127.0.0.1;transport=tcp' --tone 440
        trunkline dial sip:+15550100@127.0.0.1 --play hello.wav --record back.wav
        trunkline dial sip:+15550100@127.0.0.1 --digits '1w23#' --duration 10
        trunkline dial sip:desk@pbx.example.com --username 100 --password secret

      Exit codes: 0 the call was answered, 1 it was not, 2 a mistake in arguments or files.
      """)

  @Argument(help: ArgumentHelp("Whom to call: sip:user@host[:port][;transport=tcp]", valueName: "uri"))
  var uri: String

  @Option(help: "The calling number, or a whole SIP URI. Default: trunkline.")
  var from: String?

  @Option(help: ArgumentHelp("Play this WAV file: 16-bit PCM, A-law or µ-law.", valueName: "file"))
  var play: String?

  @Option(help: ArgumentHelp("Play a tone of this frequency, 20 to 3900 Hz.", valueName: "hz"))
  var tone: Double?

  @Option(help: "Press these keys once answered: 0-9 * # A-D; w waits half a second.")
  var digits = ""

  @Option(help: ArgumentHelp("Record what comes back as 8 kHz WAV.", valueName: "file"))
  var record: String?

  @Option(help: "Hang up this long after the answer: 30s, 2m, or seconds.")
  var duration: String?

  @Option(name: .customLong("ring-timeout"), help: "Give up when nobody answered for so long.")
  var ringTimeout = "3m"

  @Option(help: "Offer only this codec: pcmu or pcma. Default: both.")
  var codec: String?

  @Option(name: .customLong("packet-time"), help: "Milliseconds in a packet: 10, 20, 30, 40, 50 or 60.")
  var packetTime = 20

  @Option(help: "udp or tcp. Default: what the URI says, else udp.")
  var transport: String?

  @Option(help: "The local address to call from. Default: the one that leads to the host.")
  var source: String?

  @Option(help: "The user name for digest challenges.")
  var username: String?

  @Option(help: "The password for digest challenges.")
  var password: String?

  @Option(help: ArgumentHelp("Add a header to the INVITE; may be repeated.", valueName: "name: value"))
  var header: [String] = []

  @Flag(help: "Print only a report, as JSON.")
  var json = false

  func validate() throws { _ = try options() }

  func run() async throws {
    let options = try options()
    let call = Task { [json] in
      try await TestPhone.run(options) { event in
        if json { return }
        print(event)
        // Standard output may be a pipe, where lines would wait for the end of the call.
        fflush(nil)
      }
    }
    let interrupt = Self.onInterrupt { call.cancel() }
    defer { interrupt.cancel() }
    let report: DialReport
    do {
      report = try await call.value
    } catch {
      throw CommandFailure(.usage, "trunkline: \(error)")
    }
    print(json ? try Self.json(report) : "\n\(report)\(Self.status(report))")
    if !report.isAnswered { throw CommandFailure(.failed) }
  }

  // MARK: Arguments

  func options() throws -> DialOptions {
    var options = DialOptions(uri: uri)
    options.from = from
    options.sound = try sound()
    options.digits = digits
    options.recording = record
    options.duration = try duration.map { try Self.time($0, "--duration") }
    options.ringTimeout = try Self.time(ringTimeout, "--ring-timeout")
    options.codec = try codec.map { try Self.choice($0, "--codec", AudioCodec.allCases) }
    guard packetTime % 10 == 0, (10...60).contains(packetTime) else {
      throw ValidationError("--packet-time \(packetTime): expected 10, 20, 30, 40, 50 or 60")
    }
    options.packetTime = packetTime
    options.transport = try transport.map { try Self.choice($0, "--transport", SIPTransport.allCases) }
    options.source = try source.map { text in
      guard let address = IPAddress(text) else { throw ValidationError("--source \(text): expected an IP address") }
      return address
    }
    options.credentials = try credentials()
    options.headers = try header.map(Self.header)
    return options
  }

  private func sound() throws -> DialOptions.Sound {
    if play != nil, tone != nil { throw ValidationError("expected only one of --play and --tone") }
    if let play { return .file(play) }
    guard let tone else { return .silence }
    // Above that, 8 kHz speech holds nothing.
    guard (20...3900).contains(tone) else { throw ValidationError("--tone \(tone): expected 20 to 3900 Hz") }
    return .tone(frequencyHz: tone)
  }

  private func credentials() throws -> SIPCredentials? {
    switch (username, password) {
    case (nil, nil): return nil
    case (let username?, let password?): return SIPCredentials(username: username, password: password)
    default: throw ValidationError("expected --username and --password together")
    }
  }

  private static func time(_ text: String, _ name: String) throws -> Duration {
    guard let time = DurationText.parse(text), time > .zero else {
      throw ValidationError("\(name) \(text): expected a time such as 30s or 2m")
    }
    return time
  }

  private static func choice<Value: RawRepresentable<String>>(
    _ text: String, _ name: String, _ all: [Value]
  ) throws -> Value {
    guard let value = all.first(where: { $0.rawValue.lowercased() == text.lowercased() }) else {
      let names = all.map { $0.rawValue.lowercased() }.joined(separator: " or ")
      throw ValidationError("\(name) \(text): expected \(names)")
    }
    return value
  }

  private static func header(_ text: String) throws -> SIPHeader {
    guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else {
      throw ValidationError("--header \(text): expected 'Name: value'")
    }
    let value = text[text.index(after: colon)...].drop { $0 == " " }
    return SIPHeader(String(text[..<colon]), String(value))
  }

  // MARK: Output

  private static func onInterrupt(_ body: @escaping @Sendable () -> Void) -> any DispatchSourceSignal {
    signal(SIGINT, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
    source.setEventHandler(handler: body)
    source.resume()
    return source
  }

  private static func status(_ report: DialReport) -> String {
    report.status.map { "\n  SIP status       \($0) \(report.reasonPhrase ?? "")" } ?? ""
  }

  private static func json(_ report: DialReport) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(report), as: UTF8.self)
  }
}
