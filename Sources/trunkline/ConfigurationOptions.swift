import ArgumentParser
import Configuration
import Foundation

/// Where the configuration is read from: the same for all commands.
struct ConfigurationOptions: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("Configuration file. Default: $SIP_CONFIG_FILE.", valueName: "file"))
  var config: String?

  @Option(
    name: .customLong("config-body"),
    help: ArgumentHelp("The configuration itself, as text. Default: $SIP_CONFIG_BODY.", valueName: "yaml"))
  var configBody: String?

  /// Fails with every problem on a line of its own.
  func load() throws(CommandFailure) -> GatewayConfiguration {
    do {
      return try GatewayConfiguration.load(
        ConfigurationSource(file: config, body: configBody, environment: ProcessInfo.processInfo.environment))
    } catch {
      throw CommandFailure(.usage, error.description)
    }
  }
}
