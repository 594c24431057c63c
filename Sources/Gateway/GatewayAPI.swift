import API
import Configuration
import LiveKitProtocol
import Logging
import Store
import Telephony
import Webhooks

/// What programs can ask of the gateway and what they are told unasked.
struct GatewayAPI: Sendable {
  let catalog: TrunkCatalog
  let webhooks: WebhookSender?
  private let log: Logger

  /// Opens the store and puts what is in it in force.
  static func open(
    _ configuration: GatewayConfiguration, directory: TrunkDirectory, log: Logger
  ) throws(Gateway.StartError) -> GatewayAPI {
    do throws(StoreError) {
      let catalog = try TrunkCatalog(
        fixed: FixedConfiguration(configuration), capabilities: PhoneCapabilities(configuration),
        store: try SQLiteStore(directory: configuration.dataDirectory), executor: StoreExecutor(),
        unixNanoseconds: { Int64(WallClock.now() * 1e9) }, publish: { directory.update($0) })
      for problem in catalog.problems { log.warning("\(problem)") }
      directory.update(catalog.initial)
      return GatewayAPI(catalog: catalog, webhooks: sender(configuration, log), log: log)
    } catch {
      throw Gateway.StartError(description: "data_dir: \(error)")
    }
  }

  private static func sender(_ configuration: GatewayConfiguration, _ log: Logger) -> WebhookSender? {
    let settings = configuration.webhook
    guard !settings.urls.isEmpty else { return nil }
    return WebhookSender(
      urls: settings.urls, apiKey: settings.key.name, secret: settings.key.secret, log: log,
      unixSeconds: { Int64(WallClock.now()) })
  }

  /// Everything under `/twirp/`.
  func server(
    rooms: any RoomAdministration, calls: any CallService, agents: (any AgentDispatching)?, verifier: TokenVerifier
  ) -> TwirpServer {
    var services = [
      "livekit.SIP": SIPService(catalog: catalog, calls: calls).methods,
      "livekit.RoomService": RoomService(rooms: rooms, calls: calls).methods,
      "trunkline.Calls": CallsService(calls: calls).methods,
    ]
    if let agents { services["livekit.AgentDispatchService"] = AgentDispatchService(agents: agents).methods }
    return TwirpServer(services: services) { (token) async throws(TokenError) in
      try await verifier.verify(token, unixSeconds: Int64(WallClock.now()))
    }
  }

  /// How long the last webhooks may take at the end of the process.
  private static let closingDuration = Duration.seconds(5)

  func close() async {
    guard let webhooks else { return }
    await webhooks.close(within: Self.closingDuration)
    if webhooks.droppedCount > 0 {
      log.warning("webhooks were dropped in all", metadata: ["dropped": "\(webhooks.droppedCount)"])
    }
  }
}

extension Gateway {
  /// The trunks and rules of a configuration and of its store, which may be a running gateway's.
  public static func trunksAndRules(
    _ configuration: GatewayConfiguration
  ) throws(StartError) -> (trunks: [InboundTrunk], rules: [DispatchRule]) {
    do throws(StoreError) {
      let stored = try SQLiteStore.contents(ofDirectory: configuration.dataDirectory) ?? StoredConfiguration()
      let snapshot = CatalogSnapshot(
        fixed: FixedConfiguration(configuration), stored: stored, capabilities: PhoneCapabilities(configuration))
      return (snapshot.inboundTrunks, snapshot.rules)
    } catch {
      throw StartError(description: "data_dir: \(error)")
    }
  }
}

extension PhoneCapabilities {
  init(_ configuration: GatewayConfiguration) {
    let options = configuration.outbound.options
    self.init(
      codecs: configuration.media.phoneCodecs.map(\.rawValue), hasTLS: options.hasTLS, hasSRTP: options.hasSRTP)
  }
}

extension FixedConfiguration {
  fileprivate init(_ configuration: GatewayConfiguration) {
    self.init()
    func place(_ id: String) -> String { configuration.places[id] ?? configuration.file ?? "the configuration" }
    inboundTrunks = configuration.trunks.map { Item($0, place: place($0.id)) }
    outboundTrunks = configuration.outbound.trunks.map { Item($0, place: place($0.id)) }
    rules = configuration.rules.map { Item($0, place: place($0.id)) }
    providers = Set(configuration.addresses.providers.keys)
    acceptUnmatchedTrunk = configuration.dispatch.acceptUnmatchedTrunk
  }
}
