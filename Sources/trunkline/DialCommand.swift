import ArgumentParser
import Foundation

struct DialCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dial",
    abstract: "Call any SIP URI with a test phone: play sound, press keys, record what comes back.")

  func run() async throws { throw CommandFailure(.failed, "trunkline: no phone") }
}
