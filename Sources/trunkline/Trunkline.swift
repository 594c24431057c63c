import ArgumentParser
import Foundation

/// The command line. Exit codes: 0 done or accepted, 1 refused or failed, 2 a mistake in arguments or configuration.
struct Trunkline: AsyncParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "trunkline",
    abstract: "Brings phone calls into LiveKit rooms: a SIP gateway and a room server in one process.",
    discussion: """
      A provider's calls come in over SIP, are matched against trunks and dispatch rules, and become participants of \
      rooms that any LiveKit SDK or agent joins. Nothing else needs to run.

      First steps:
        trunkline serve --config conf/trunkline.yaml
            starts, and prints what to give to whom
        trunkline dial sip:+15550100@127.0.0.1
            calls it from this machine
        trunkline explain --from +15550123 --to +15550100 --source 127.0.0.1
            tells which trunk and rule take a call, and why
        trunkline call list
            shows the calls there are, and what keeps them ringing
      Every setting is described in conf/trunkline.yaml.
      """,
    version: version,
    subcommands: [
      ServeCommand.self, TokenCommand.self, SIPCommand.self, RoomCommand.self, AgentDispatchCommand.self,
      CallCommand.self, ExplainCommand.self, ReplayCommand.self, DialCommand.self,
    ])
}

/// Ends a command with a message on standard error and an exit code.
struct CommandFailure: Error, CustomStringConvertible {
  enum Code: Int32 {
    case failed = 1
    case usage = 2
  }

  let code: Code
  /// Empty: all has been said.
  let description: String

  init(_ code: Code, _ description: String = "") {
    self.code = code
    self.description = description
  }
}

@main
enum Main {
  static func main() async {
    do {
      var command = try Trunkline.parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch let failure as CommandFailure {
      if !failure.description.isEmpty { complain(failure.description) }
      exit(failure.code.rawValue)
    } catch {
      end(with: error)
    }
  }

  /// Help and version go to standard output; a mistake is one line, without the usage that hides it.
  private static func end(with error: any Error) -> Never {
    if Trunkline.exitCode(for: error) == .success {
      print(Trunkline.fullMessage(for: error))
      exit(0)
    }
    complain("trunkline: " + Trunkline.message(for: error).replacing("\n", with: " ") + " (--help tells more)")
    exit(CommandFailure.Code.usage.rawValue)
  }

  private static func complain(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }
}
