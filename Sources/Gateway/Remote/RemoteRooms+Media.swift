import Base
import Linux
import LiveKitProtocol
import Logging
import MediaCore
import MediaIO
import RoomClientCore
import RoomCore
import SDP
import Telephony

/// What sessions ask of media loops, and what these report.
extension RemoteRooms {
  func perform(_ action: RoomMediaAction, of number: UInt64) {
    guard sessions[number]?.held == nil else {
      sessions[number]?.held?.actions.append(action)
      return
    }
    guard case .openTransport(let transport) = action, !transport.iceServers.isEmpty else {
      return post(action, of: number)
    }
    let now = MonotonicClock.now()
    if let servers = hosts.known(transport.iceServers, now: now) { return open(transport, servers, of: number) }
    sessions[number]?.held = ([action], now)
    for name in hosts.namesToLookUp(transport.iceServers, now: now) {
      Task { found(name, await AddressResolver.addresses(of: name).first) }
    }
  }

  private func found(_ name: String, _ address: IPAddress?) {
    hosts.note(name, address, now: MonotonicClock.now())
    releaseHeld()
  }

  /// Goes on where all names are known. What takes longer is gone without, this time.
  func releaseHeld() {
    let now = MonotonicClock.now()
    for (number, session) in sessions {
      guard let held = session.held, case .openTransport(let transport)? = held.actions.first,
        now - held.since >= Self.lookupPatience || hosts.known(transport.iceServers, now: now) != nil
      else { continue }
      sessions[number]?.held = nil
      open(transport, hosts.servers(transport.iceServers, now: now), of: number)
      for action in held.actions.dropFirst() { perform(action, of: number) }
    }
  }

  /// A session that ends meanwhile leaves nothing behind on its loop.
  func closeHeld(of number: UInt64) {
    guard let held = sessions[number]?.held else { return }
    sessions[number]?.held = nil
    for action in held.actions {
      switch action {
      case .closeTransport, .closeRoom: post(action, of: number)
      default: break
      }
    }
  }

  private func post(_ action: RoomMediaAction, of number: UInt64) {
    switch action {
    case .openTransport(let transport): open(transport, [], of: number)
    case .closeTransport(let id):
      sessions[number]?.leases[id] = nil
      sessions[number]?.loop.post(.closeTransport(TransportID(id)))
    default:
      guard let loop = sessions[number]?.loop else { return }
      if let command = MediaCommand(action, options: options), loop.post(command) { return }
      if case .sendData = action { return }
      log.error("a media command was not taken", metadata: ["loop": "\(loop.index)"])
    }
  }

  private func open(_ transport: RoomTransport, _ servers: [ICEServer], of number: UInt64) {
    guard let session = sessions[number], let leases = sessions[number]?.leases.removeValue(forKey: transport.id),
      var configuration = TransportConfiguration(transport)
    else { return }
    configuration.iceServers = servers
    if session.loop.openTransport(configuration, on: leases) { return }
    log.error("a media command was not taken", metadata: ["loop": "\(session.loop.index)"])
  }
}

extension RoomClientInput {
  /// What a media loop reports, as a session's input, and the id that names the session. Nil for what concerns phone legs
  /// or statistics alone.
  static func of(_ event: MediaEvent) -> (id: UInt64, input: RoomClientInput)? {
    func transport(_ id: TransportID, _ input: (MediaTransportID) -> RoomClientInput) -> (UInt64, RoomClientInput) {
      (id.rawValue, input(MediaTransportID(rawValue: id.rawValue)))
    }
    switch event {
    case .transportConnected(let id): return transport(id) { .transportConnected($0) }
    case .transportInterrupted(let id): return transport(id) { .transportInterrupted($0) }
    case .transportResumed(let id): return transport(id) { .transportResumed($0) }
    case .transportFailed(let id, let failure): return transport(id) { .transportFailed($0, reason: failure.sentence) }
    case .localCandidate(let id, let candidate): return transport(id) { .localCandidate($0, candidate) }
    case .dataChannelOpened(let id, let label): return transport(id) { .dataChannelOpened($0, label: label) }
    case .data(let id, let label, let bytes): return transport(id) { .data($0, label: label, bytes) }
    case .trackActive(let id): return (id.rawValue, .trackActive(MediaTrackID(rawValue: id.rawValue)))
    default: return nil
    }
  }
}

extension TransportFailure {
  fileprivate var sentence: String {
    switch self {
    case .connectTimeout: "no connection came about in time"
    case .wrongFingerprint: "the server's certificate is not the announced one"
    case .handshakeFailed: "the DTLS handshake failed"
    case .consentExpired: "the server's media address answers no more"
    case .closedByPeer: "the server closed it"
    case .refused: "the media loop took no more"
    }
  }
}
