import Base
import Capture
import Foundation
import Phone
import Testing

@Suite("Replays over real sockets")
struct ReplayerTests {
  private func options(_ name: String, port: UInt16) -> ReplayOptions {
    let path = ReplayDialogTests.pcaps.appending(path: name).path
    var options = ReplayOptions(file: path + ".pcap", target: "127.0.0.1:\(port)")
    options.expectation = path + ".json"
    options.isFast = true
    return options
  }

  @Test(
    "a call over UDP or TCP sends its audio, hears the other side and meets its expectation",
    arguments: ["twilio-udp", "telnyx-tcp", "pbx-pcma-30ms", "hold-zero-address"])
  func calls(name: String) async throws {
    let gateway = try SocketGateway(.answers)
    defer { gateway.close() }
    let report = try await Replayer.run(options(name, port: gateway.port))
    #expect(report.failures == [])
    #expect(report.audibleAudio == 1)
    #expect(report.sentPacketCount == gateway.receivedPacketCount)
    #expect(report.sentPacketCount > 100)
    #expect(report.lostPacketCount == 0)
    #expect(report.returnedDigits == "7")
    #expect(report.description.contains("digits back   7"))
  }

  @Test("a report goes through JSON unchanged")
  func json() async throws {
    let gateway = try SocketGateway(.refuses(404))
    defer { gateway.close() }
    let report = try await Replayer.run(options("unknown-number", port: gateway.port))
    #expect(report.isAsExpected)
    #expect(try JSONDecoder().decode(ReplayReport.self, from: JSONEncoder().encode(report)) == report)
  }

  @Test("the expectation's source address is called from")
  func source() async throws {
    let gateway = try SocketGateway(.refuses(404))
    defer { gateway.close() }
    _ = try await Replayer.run(options("wrong-source", port: gateway.port))
    #expect(gateway.lastSource?.address == IPAddress("127.0.0.66"))
  }

  @Test("a gateway that is not there is silence over UDP and an error over TCP")
  func nobody() async throws {
    let gateway = try SocketGateway(.isSilent)
    gateway.close()
    var options = options("twilio-udp", port: gateway.port)
    options.responseTimeout = .milliseconds(50)
    let report = try await Replayer.run(options)
    #expect(report.endedBy == .silence)
    #expect(!report.isAsExpected)
    options.transport = .tcp
    await #expect(throws: ReplayError.self) { try await Replayer.run(options) }
  }

  @Test(
    "what cannot be played says why",
    arguments: [
      ("nothing.pcap", nil, nil, "cannot be read"), ("README.md", nil, nil, "neither a pcap nor a pcapng"),
      ("twilio-udp.pcap", "nope", nil, "no call with Call-ID nope"), ("twilio-udp.pcap", nil, "README.md", "README.md"),
    ] as [(String, String?, String?, String)])
  func unplayable(file: String, callID: String?, expectation: String?, reason: String) async throws {
    var options = ReplayOptions(file: ReplayDialogTests.pcaps.appending(path: file).path, target: "127.0.0.1:9")
    options.callID = callID
    options.expectation = expectation.map { ReplayDialogTests.pcaps.appending(path: $0).path }
    let error = await #expect(throws: ReplayError.self) { try await Replayer.run(options) }
    #expect(error?.description.contains(reason) == true)
  }

  @Test("a mistyped key of an expectation is an error")
  func unknownKey() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "trunkline-\(UUID()).json").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let text = "{\"caller\": {\"endedBy\": \"caller\", \"responces\": []}}"
    #expect(FileManager.default.createFile(atPath: path, contents: Data(text.utf8)))
    let error = #expect(throws: ReplayError.self) { try Replayer.expectation(path) }
    #expect(error?.description.contains("caller.responces") == true)
  }
}
