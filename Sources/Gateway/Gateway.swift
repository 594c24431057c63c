import API
import Base
import Configuration
import Glibc
import Linux
import LiveKitProtocol
import Logging
import MediaCore
import MediaIO
import RoomClient
import RoomClientCore
import RoomCore
import SDP
import SIP
import Telephony
import WebServer

/// The whole process: SIP, media, rooms or the way to them, and the public port, from start to end.
public enum Gateway {
  /// Why the gateway could not start, in one line for an operator.
  public struct StartError: Error, CustomStringConvertible {
    public let description: String
  }

  /// Starts everything, tells `announce` what to show, and returns after a drain (SIGTERM) or a stop (SIGINT).
  public static func run(
    _ configuration: GatewayConfiguration, announce: @Sendable (GatewayAddresses) async -> Void
  ) async throws(StartError) {
    let signals = StopSignals()
    let running = try await RunningGateway.start(configuration)
    await announce(running.addresses)
    await running.serve(until: signals)
    await running.close()
  }
}

/// Where a running gateway can be reached, and what it does with calls at the start.
public struct GatewayAddresses: Sendable {
  /// For a provider's origination URI.
  public let sip: Endpoint
  /// For `LIVEKIT_URL`. Nil: a member of a cluster that has no such port.
  public let web: Endpoint?
  /// Those of the configuration and of the store.
  public let trunks: [InboundTrunk]
  public let rules: [DispatchRule]
}

/// A started gateway.
struct RunningGateway: Sendable {
  let addresses: GatewayAddresses
  private let configuration: GatewayConfiguration
  private let context: CallContext
  private let controller: CallController
  private let rooms: any RoomSide
  /// Nil: a member of a cluster that has no such port.
  private let web: WebServer?
  private let api: GatewayAPI
  private let trunks: TrunkDirectory
  private let cluster: (member: ClusterMember, calls: ClusterCalls)?
  private let operations: OperationServers
  private let load: NodeLoad
  private let roomEvents: MediaEventQueue
  private let inputs: AsyncStream<CallControllerInput>
  private let inbox: AsyncStream<CallControllerInput>.Continuation

  static func start(_ configuration: GatewayConfiguration) async throws(Gateway.StartError) -> RunningGateway {
    let log = logger(configuration.logging)
    let announced = try await AnnouncedAddresses.find(configuration)
    guard let identity = MediaIdentity.make() else {
      throw Gateway.StartError(description: "no DTLS certificate could be made: OpenSSL has no randomness or memory")
    }
    let roomEvents = MediaEventQueue()
    let (inputs, inbox) = AsyncStream.makeStream(of: CallControllerInput.self)
    let loops = try startLoops(configuration, identity) { event in
      if event.phoneLeg != nil { inbox.yield(.media(event)) } else { roomEvents.push(event) }
    }
    let options = RoomMediaOptions(configuration.media)
    let records: CallRecordLog
    do {
      records = try CallRecordLog(
        directory: configuration.dataDirectory, redaction: configuration.logging.numbers, log: log)
    } catch {
      throw Gateway.StartError(description: error.description)
    }
    let metrics = CallMetrics(nodeID: GUID.make(prefix: "NE_"))
    let load = NodeLoad(limit: configuration.operations.maximumCPUUtilization)
    var member: ClusterMember?
    if let settings = configuration.cluster {
      member = try await ClusterMember.join(settings, configuration, metrics: metrics, log: log)
    }
    let operations = OperationServers(metrics: metrics, load: load, bus: member?.bus)
    try await operations.start(configuration.operations, on: configuration.sip.listenAddress)
    let directory = TrunkDirectory(configuration, log: log)
    let api = try GatewayAPI.open(configuration, directory: directory, log: log)
    await directory.resolve()
    let ports = PortPool(range: configuration.media.phonePorts, addresses: listenAddresses(configuration))
    let rooms = try rooms(configuration, loops, ports, identity, announced.rooms, api, log)
    let context = CallContext(
      configuration: configuration, ports: ports, loops: loops,
      roomMediaOptions: options, directory: member?.directory ?? directory, rooms: rooms.calls,
      records: records, log: log,
      events: CallEvents(
        webhooks: api.webhooks, redaction: configuration.logging.numbers,
        observers: [metrics] + (member?.observers ?? [])),
      metrics: metrics,
      sounds: CallSounds(configuration),
      announcedMedia: announced.media)
    let controller = await CallController(context: context, inbox: inbox)
    do {
      try await controller.listen(sipConfiguration(configuration, announced.sip))
    } catch {
      throw Gateway.StartError(description: "\(error)")
    }
    // Last: who waits for the public port and then calls finds the gateway complete.
    var web: WebServer?
    if configuration.web.isServed {
      do {
        web = try await startWeb(configuration, rooms, api, controller)
      } catch {
        await controller.close()
        throw error
      }
    }
    let cluster = member.map { ($0, ClusterCalls($0, configuration, controller, load, log)) }
    await cluster?.1.start()
    operations.noteStarted()
    return RunningGateway(
      addresses: GatewayAddresses(
        sip: Endpoint(announced.sip ?? announced.shown, configuration.sip.port),
        web: web.map { Endpoint($0.endpoints.first?.address ?? .loopbackV4, $0.endpoints.first?.port ?? 0) },
        trunks: api.catalog.initial.inboundTrunks, rules: api.catalog.initial.rules),
      configuration: configuration, context: context, controller: controller, rooms: rooms, web: web, api: api,
      trunks: directory, cluster: cluster, operations: operations, load: load, roomEvents: roomEvents,
      inputs: inputs, inbox: inbox)
  }

  /// Runs until a signal has ended the last call.
  func serve(until signals: StopSignals) async {
    await withTaskGroup { group in
      group.addTask { await rooms.run(roomEvents) }
      group.addTask { await controller.consume(inputs) }
      group.addTask { await trunks.keepResolving() }
      group.addTask { await load.watch { await cluster?.calls.shareLoad() } }
      if let cluster { group.addTask { await cluster.member.reporter.keepAlive() } }
      await stop(on: signals)
      group.cancelAll()
      roomEvents.close()
      rooms.finish()
      inbox.finish()
    }
  }

  private func stop(on signals: StopSignals) async {
    for await request in signals.requests {
      switch request {
      case .drain:
        let calls = await controller.callCount
        context.log.notice("a drain started", metadata: ["calls": "\(calls)"])
        operations.noteStopped()
        await cluster?.calls.stop()
        await controller.drain()
        await drained(signals.requests)
      case .stop: break
      }
      await controller.endCalls()
      await controller.waitUntilIdle()
      return
    }
  }

  /// Returns when the last call has ended, `drain_timeout` has passed, or SIGINT demands the end.
  private func drained(_ requests: AsyncStream<StopRequest>) async {
    await withTaskGroup { group in
      group.addTask { await controller.waitUntilIdle() }
      group.addTask {
        for await request in requests where request == .stop { return }
      }
      if let limit = configuration.drainTimeout {
        group.addTask { try? await Task.sleep(for: limit) }
      }
      await group.next()
      await controller.endCalls()
      group.cancelAll()
    }
  }

  func close() async {
    await controller.close()
    await web?.close()
    await rooms.close()
    await cluster?.member.close()
    await operations.close()
    for loop in context.loops { loop.close() }
    await context.records.close()
    await api.close()
    context.log.notice("the gateway stopped")
  }
}

extension RunningGateway {
  private static func logger(_ settings: LoggingSettings) -> Logger {
    let level: Logger.Level =
      switch settings.level {
      case .debug: .debug
      case .info: .info
      case .warn: .warning
      case .error: .error
      }
    return Logger(label: "trunkline") { _ in
      LineLogHandler(logLevel: level, isJSON: settings.isJSON, redaction: settings.numbers)
    }
  }

  private static func listenAddresses(_ configuration: GatewayConfiguration) -> [IPAddress] {
    let address = configuration.sip.listenAddress
    // `::` is IPv4 too, as people know it from other servers; each family has sockets of its own.
    return address == IPAddress(v6: 0, 0) ? [.anyV4, address] : [address]
  }

  private static func startLoops(
    _ configuration: GatewayConfiguration, _ identity: MediaIdentity, onEvent: @escaping @Sendable (MediaEvent) -> Void
  ) throws(Gateway.StartError) -> [MediaLoop] {
    var loops: [MediaLoop] = []
    for index in 0..<(configuration.media.loopCount ?? LocalAddresses.processorCount) {
      do {
        loops.append(
          try MediaLoop.start(
            loopConfiguration(configuration, index), identity: identity, onEvent: onEvent))
      } catch {
        let port = configuration.room.udpPort + UInt16(index)
        throw Gateway.StartError(
          description: "rtc.udp_port: UDP port \(port) cannot be opened: \(String(cString: strerror(error.code)))")
      }
    }
    return loops
  }

  /// A gateway whose rooms are elsewhere has no port that clients come to: each of its own connections has one.
  private static func loopConfiguration(
    _ configuration: GatewayConfiguration, _ index: Int
  ) -> MediaLoopConfiguration {
    guard let server = configuration.server else {
      return MediaLoopConfiguration(
        index: index, webRTCAddresses: listenAddresses(configuration),
        webRTCPort: configuration.room.udpPort + UInt16(index))
    }
    // All that others say in a room comes on one transport.
    return MediaLoopConfiguration(
      index: index, webRTCAddresses: [], webRTCPort: 0,
      limits: MediaLimits(tracksPerTransport: RoomClientLimits().subscriptions),
      authorities: TLSAuthorities(file: server.authorityFile))
  }

  private static func rooms(
    _ configuration: GatewayConfiguration, _ loops: [MediaLoop], _ ports: PortPool, _ identity: MediaIdentity,
    _ address: IPAddress, _ api: GatewayAPI, _ log: Logger
  ) throws(Gateway.StartError) -> any RoomSide {
    let options = RoomMediaOptions(configuration.media)
    if let server = configuration.server {
      let access = RemoteRoomAccess(
        settings: server, session: RoomClientConfiguration(configuration, server),
        fingerprint: identity.fingerprintBytes, ports: ports, announced: address)
      do {
        return RoomsOfServer(try RemoteRooms(access, loops: loops, options: options, log: log))
      } catch {
        throw Gateway.StartError(description: "ws_url: \(error.reason)")
      }
    }
    let roomConfiguration = roomConfiguration(configuration, loops, identity, address)
    return HostedRooms(
      RoomServer(
        configuration: roomConfiguration, loops: loops, options: options, log: log,
        workers: WorkerSessions(configuration, roomConfiguration), webhooks: api.webhooks))
  }

  private static func roomConfiguration(
    _ configuration: GatewayConfiguration, _ loops: [MediaLoop], _ identity: MediaIdentity, _ address: IPAddress
  ) -> RoomServerConfiguration {
    let fingerprint = identity.fingerprintBytes
    let now = MonotonicClock.now()
    var result = RoomServerConfiguration(
      mediaAddresses: loops.map {
        MediaAddress(candidates: [Endpoint(address, $0.webRTCPort)], fingerprint: fingerprint)
      },
      unixMillisecondsAtZero: Int64(WallClock.now() * 1000) - now.nanoseconds / 1_000_000)
    result.autoCreate = configuration.room.isCreatedByJoin
    result.emptyTimeout = configuration.room.emptyTimeout
    result.departureTimeout = configuration.room.departureTimeout
    result.localRPCMethods = CallRPC.methods
    result.nodeID = GUID.make(prefix: "ND_")
    result.codec = configuration.media.roomCodec == .opus ? .opus : .pcmu
    result.limits.allowRequests(perSecond: configuration.limits.requestsPerSecondPerClient)
    result.limits.allowDataPackets(perSecond: configuration.limits.dataPacketsPerSecondPerClient)
    if configuration.room.maximumParticipants > 0 {
      result.limits.participantsPerRoom = configuration.room.maximumParticipants
    }
    return result
  }

  private static func sipConfiguration(
    _ configuration: GatewayConfiguration, _ announced: IPAddress?
  ) -> SIPAgentConfiguration {
    var result = SIPAgentConfiguration()
    result.listenAddresses = listenAddresses(configuration)
    result.port = configuration.sip.listenPort
    result.announcedAddress = announced
    result.isHidden = configuration.sip.hidesInboundPort
    return result
  }

  private static func startWeb(
    _ configuration: GatewayConfiguration, _ rooms: any RoomSide, _ api: GatewayAPI, _ controller: CallController
  ) async throws(Gateway.StartError) -> WebServer {
    var limits = WebServerLimits()
    limits.connections = configuration.limits.webConnections
    limits.connectionsPerSource = configuration.limits.webConnectionsPerSource
    let secrets = [String: String](configuration.keys.map { ($0.name, $0.secret) }, uniquingKeysWith: { $1 })
    let verifier = await TokenVerifier(keys: secrets)
    let calls = GatewayCalls(controller: controller, capabilities: PhoneCapabilities(configuration))
    let administration = rooms.administration
    let endpoint = rooms.endpoint(
      verifier: verifier,
      api: api.server(rooms: administration, calls: calls, agents: administration, verifier: verifier))
    do throws(WebServerError) {
      return try await WebServer.start(
        on: configuration.web.bindAddresses.map { Endpoint($0, configuration.web.port) }, limits: limits,
        handler: endpoint)
    } catch {
      throw Gateway.StartError(description: "port: \(error.message)")
    }
  }
}

extension MediaIdentity {
  /// SHA-256 of the certificate.
  fileprivate var fingerprintBytes: [UInt8] {
    fingerprint.split(separator: ":").compactMap { UInt8($0, radix: 16) }
  }
}

extension RoomClientConfiguration {
  fileprivate init(_ configuration: GatewayConfiguration, _ server: ServerSettings) {
    self.init(url: server.url, version: "")
    codec = configuration.media.roomCodec == .opus ? .opus : .pcmu
    reconnectTimeout = server.reconnectTimeout
  }
}

extension CallSounds {
  fileprivate init(_ configuration: GatewayConfiguration) {
    announcements = configuration.announcements.compactMapValues { PhoneSound($0) }
    reconnectPrompt = configuration.server?.reconnectPrompt.flatMap { announcements[$0] }
  }
}

extension RoomMediaOptions {
  init(_ settings: MediaSettings) {
    let opus = OpusOptions(
      application: settings.opus.application == .lowDelay ? .lowDelay : .voice,
      bitRate: settings.opus.bitrateBitsPerSecond, complexity: settings.opus.complexity)
    self.init(codec: settings.roomCodec == .opus ? .opus : .pcmu, opus: opus)
  }
}

/// What each part of the gateway tells its peers as its address.
private struct AnnouncedAddresses {
  /// Nil: the address that the packet was sent to.
  let sip: IPAddress?
  let media: IPAddress?
  let rooms: IPAddress
  /// For people, where `sip` is nil.
  let shown: IPAddress

  static func find(_ configuration: GatewayConfiguration) async throws(Gateway.StartError) -> AnnouncedAddresses {
    let bound = configuration.sip.listenAddress
    do {
      let shown = try await LocalAddresses.announced(.local, bound: bound)
      let sip = configuration.sip.announced
      let media = configuration.media.announced
      return AnnouncedAddresses(
        sip: sip == .local ? nil : try await LocalAddresses.announced(sip, bound: bound),
        media: media == .local ? nil : try await LocalAddresses.announced(media, bound: bound),
        rooms: try await LocalAddresses.announced(configuration.room.announced, bound: bound), shown: shown)
    } catch {
      throw Gateway.StartError(description: error.description)
    }
  }
}
