import ArgumentParser
import Capture
import Foundation
import Phone

struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Play the caller's side of a captured call against a running gateway.",
    discussion: """
      Reads a pcap or pcapng file and calls as the captured caller did: the same INVITE, RTP at its original times, \
      digits, re-INVITEs and BYE, with addresses, tags and digest rewritten for today. Reports what came back.

      A failing call becomes a test: capture it, write down in a .json what should have come out, replay it after each \
      change. pcaps/ holds examples of both.

      Examples:
        tshark -i any -f 'port 5060 or udp portrange 10000-20000' -w failing.pcap
        trunkline replay failing.pcap --to 127.0.0.1:5060
        trunkline replay pcaps/hold-resume.pcap --to 127.0.0.1:5060 \\
            --expect pcaps/hold-resume.json
        trunkline replay failing.pcap --to 127.0.0.1:5060 --fast --json

      Exit codes: 0 all came as expected (without --expect: the call was answered), 1 it did not, 2 a mistake in \
      arguments or files.
      """)

  @Argument(help: "The capture: pcap or pcapng.")
  var file: String

  @Option(help: ArgumentHelp("The gateway's SIP port.", valueName: "host:port"))
  var to: String

  @Option(help: ArgumentHelp("A .json file that says what must come out.", valueName: "file"))
  var expect: String?

  @Flag(help: "Play pauses ten times as fast.")
  var fast = false

  @Option(help: "udp or tcp. Default: as captured.")
  var transport: String?

  @Option(help: "The local address to call from. Default: the one that leads to the gateway.")
  var source: String?

  @Option(help: "The user name for digest challenges. Default: the captured one.")
  var username: String?

  @Option(help: "The password for digest challenges.")
  var password: String?

  @Option(name: .customLong("call-id"), help: "Which call of the capture. Default: the first.")
  var callID: String?

  @Flag(help: "Print the report as JSON.")
  var json = false

  func validate() throws {
    if let transport, CapturedMessage.Transport(rawValue: transport.lowercased()) == nil {
      throw ValidationError("--transport \(transport): expected udp or tcp")
    }
  }

  func run() async throws {
    var options = ReplayOptions(file: file, target: to)
    options.expectation = expect
    options.isFast = fast
    options.transport = transport.flatMap { CapturedMessage.Transport(rawValue: $0.lowercased()) }
    options.source = source
    options.username = username
    options.password = password
    options.callID = callID
    let report: ReplayReport
    do {
      report = try await Replayer.run(options)
    } catch {
      throw CommandFailure(.usage, "trunkline: \(error)")
    }
    print(json ? try Self.json(report) : report.description)
    let isGood = expect == nil ? report.responses.contains("INVITE 200") : report.isAsExpected
    if !isGood { throw CommandFailure(.failed) }
  }

  private static func json(_ report: ReplayReport) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(report), as: UTF8.self)
  }
}
