import ArgumentParser
import Configuration
import Foundation
import Gateway

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Run the gateway until it is told to stop.",
    discussion: """
      Prints the SIP URI for the provider, the room URL, a token to join with, and the trunks and rules in force.

      SIGINT (Ctrl-C) ends all calls with BYE and stops. SIGTERM drains: new calls get 503 with Retry-After, running \
      calls go on until they end or drain_timeout passes.

      Examples:
        trunkline serve --config conf/trunkline.yaml
        trunkline serve --config /etc/trunkline/trunkline.yaml --check
        LIVEKIT_API_KEY=key LIVEKIT_API_SECRET=secret trunkline serve

      Exit codes: 0 stopped as told, 1 could not start (a port is taken, …), 2 the configuration is wrong.
      """)

  @OptionGroup var options: ConfigurationOptions

  @Flag(help: "Only check the configuration: prints what is wrong with it, or the trunks and rules.")
  var check = false

  func run() async throws {
    let configuration = try options.load()
    for warning in configuration.warnings {
      FileHandle.standardError.write(Data("warning: \(warning)\n".utf8))
    }
    if check {
      let cluster = configuration.cluster.map { ClusterReport(cluster: $0, configuration: configuration) }
      return print(cluster?.trunksAndRules ?? StartReport(configuration).trunksAndRules)
    }
    do {
      try await Gateway.run(configuration) { addresses in
        // Standard output may be a pipe, where the report would wait for the process to end.
        defer { fflush(nil) }
        if let cluster = configuration.cluster {
          return print(ClusterReport(cluster: cluster, configuration: configuration).text(sip: addresses.sip))
        }
        guard let web = addresses.web else { return }
        var inForce = configuration
        inForce.trunks = addresses.trunks
        inForce.rules = addresses.rules
        let report = StartReport(inForce)
        let token = try? await TokenRequest(room: report.demonstrationRoom, identity: "agent", isAgent: true)
          .token(signedBy: configuration.keys[0])
        print(report.text(sip: addresses.sip, web: web, token: token ?? ""))
      }
    } catch {
      throw CommandFailure(.failed, "trunkline: \(error)")
    }
  }
}
