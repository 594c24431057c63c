import ArgumentParser
import Base
import Configuration
import Foundation
import Gateway
import Telephony

struct ExplainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Show which trunk and dispatch rule take a call, and why the others do not.",
    discussion: """
      Prints each trunk and each rule in the order they are looked at, with the first condition that failed, then the \
      decision, the form of the room's name and the SIP status that the caller gets. Nothing is called; host names of \
      allowed_addresses are asked of DNS.

      What the API has made counts too: it is read from data_dir, where a gateway may be running. Where the \
      configuration names a cluster (redis), the cluster is asked instead, over its bus: it names the trunk and the rule \
      that take the call, and says nothing of the others.

      The call is described by its numbers, taken from a file that holds one INVITE as text, or from a capture.

      Examples:
        export SIP_CONFIG_FILE=conf/trunkline.yaml
        trunkline explain --from +15550123 --to +15550100 --source 54.172.60.1
        trunkline explain --invite invite.txt --source 54.172.60.1
        trunkline explain --pcap failing.pcap
        trunkline explain --pcap failing.pcap --json | jq .sentence

      Exit codes: 0 accepted, 1 refused (one call of a capture is enough), 2 a mistake in arguments or files.
      """)

  @OptionGroup var options: ConfigurationOptions

  @Option(help: "The calling number or user: the user part of From.")
  var from: String?

  @Option(help: "The called number or user: the user part of To.")
  var to: String?

  @Option(help: "The address that the INVITE comes from. With --invite: default is what its topmost Via says.")
  var source: String?

  @Option(name: .customLong("from-host"), help: "The host part of From. Default: the source.")
  var fromHost: String?

  @Option(help: ArgumentHelp("A file that holds one INVITE as text.", valueName: "file"))
  var invite: String?

  @Option(help: ArgumentHelp("A pcap or pcapng file; every call in it is explained.", valueName: "file"))
  var pcap: String?

  @Flag(help: "Print one JSON object for each call, each on a line.")
  var json = false

  func validate() throws {
    let ways = [from != nil || to != nil, invite != nil, pcap != nil].count { $0 }
    guard ways == 1 else { throw ValidationError("expected one of: --from with --to, --invite, --pcap") }
    if invite == nil, pcap == nil {
      guard from != nil, to != nil, source != nil else {
        throw ValidationError("expected --from, --to and --source together")
      }
    }
    if let source, IPAddress(source) == nil { throw ValidationError("--source \(source): expected an IP address") }
  }

  func run() async throws {
    let configuration = try options.load()
    let calls = try facts()
    let explanations = try await explain(calls, configuration)
    for (index, explanation) in explanations.enumerated() {
      if json {
        print(try Self.json(explanation))
      } else {
        if index > 0 { print("") }
        let isBySelf = configuration.cluster == nil
        print(
          ExplanationText(explanation, isSilent: configuration.sip.hidesInboundPort, showsAll: isBySelf).text)
      }
    }
    if explanations.contains(where: { !$0.isAccepted }) { throw CommandFailure(.failed) }
  }

  private func explain(
    _ calls: [CallFacts], _ configuration: GatewayConfiguration
  ) async throws(CommandFailure) -> [Explanation] {
    if let cluster = configuration.cluster {
      do {
        return try await Gateway.explanations(of: calls, by: cluster, configuration)
      } catch {
        throw CommandFailure(.failed, "trunkline: \(error)")
      }
    }
    var configuration = configuration
    do {
      (configuration.trunks, configuration.rules) = try Gateway.trunksAndRules(configuration)
    } catch {
      throw CommandFailure(.failed, "trunkline: \(error)")
    }
    var addresses = configuration.addresses
    for host in addresses.hostNames(in: configuration.trunks).sorted() {
      addresses.resolved[host] = await AddressResolver.addresses(of: host)
    }
    let dispatcher = Dispatcher(
      trunks: configuration.trunks, rules: configuration.rules, options: configuration.dispatch)
    return calls.map { dispatcher.explain($0, addresses: addresses) }
  }

  private func facts() throws(CommandFailure) -> [CallFacts] {
    let source = source.flatMap { IPAddress($0) }
    if let invite { return [try InviteFile.facts(ofText: invite, source: source)] }
    if let pcap { return try InviteFile.facts(ofCapture: pcap) }
    return [
      CallFacts(
        fromUser: from ?? "", fromHost: fromHost ?? source.map { "\($0)" } ?? "", toUser: to ?? "", source: source)
    ]
  }

  private static func json(_ explanation: Explanation) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(explanation), as: UTF8.self)
  }
}
