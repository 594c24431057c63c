import ArgumentParser
import Base
import Configuration
import Foundation
import RoomClientCore

/// Which gateway a command talks to, and with which key: the same for all commands that do.
struct ServerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The gateway's URL. Default: $LIVEKIT_URL, else the port of the configuration on this machine.", valueName: "url")
  )
  var url: String?

  @Option(
    name: .customLong("api-key"), help: "API key. Default: $LIVEKIT_API_KEY, else the first of the configuration.")
  var apiKey: String?

  @Option(name: .customLong("api-secret"), help: "Its secret. Default: $LIVEKIT_API_SECRET, else as the key.")
  var apiSecret: String?

  @OptionGroup var configuration: ConfigurationOptions

  @Flag(help: "Print the answer as JSON, with the API's names.")
  var json = false

  /// Options go before the environment, which goes before the configuration file.
  /// - Parameter ofRooms: asks about rooms and agents, which may be on another server than the calls.
  func client(
    ofRooms: Bool = false, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(CommandFailure) -> TwirpClient {
    func said(_ option: String?, _ name: String) -> String? {
      [option, environment[name]].compactMap(\.self).first { !$0.isEmpty }
    }
    let key = said(apiKey, "LIVEKIT_API_KEY")
    let secret = said(apiSecret, "LIVEKIT_API_SECRET")
    guard (key == nil) == (secret == nil) else {
      throw CommandFailure(.usage, "trunkline: --api-key and --api-secret belong together (--help tells more)")
    }
    let url = said(self.url, "LIVEKIT_URL")
    if let url, let key, let secret { return try TwirpClient(url: url, key: APIKey(name: key, secret: secret)) }
    let local = try configuration.load()
    let pair = key.flatMap { key in secret.map { APIKey(name: key, secret: $0) } } ?? local.keys[0]
    let server = ofRooms ? local.server?.url.httpURL : nil
    return try TwirpClient(url: url ?? server ?? Self.url(of: local), key: pair)
  }

  /// How this machine reaches the gateway of a configuration.
  private static func url(of configuration: GatewayConfiguration) -> String {
    let address = configuration.web.bindAddresses.first ?? .loopbackV4
    let host = address.isUnspecified ? .loopbackV4 : address
    return "http://\(host.isIPv4 ? "\(host)" : "[\(host)]"):\(configuration.web.port)"
  }
}
