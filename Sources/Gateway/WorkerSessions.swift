import AgentCore
import Base
import Configuration
import LiveKitProtocol
import RoomCore
import WebServer

/// The agent workers that are connected, and what the room server keeps for them.
struct WorkerSessions {
  /// A worker's message is an answer of a few lines; with the metadata that an agent may have it stays below this.
  static let messageByteLimit = 256 * 1024

  struct Session {
    let connection: WebSocketConnection
    /// The key that the worker's token names: its jobs' tokens are signed with it.
    let apiKey: String
    /// It is answered in the coding that it used last.
    var coding = SignalCoding.protobuf
  }

  /// Secret by API key.
  let secrets: [String: String]
  var pool: AgentPool
  /// What rooms have told and the pool has not heard yet.
  var news: [AgentInput] = []
  var isTelling = false
  private var sessions: [WorkerID: Session] = [:]
  private var nextID: UInt64 = 1

  init(secrets: [String: String], configuration: AgentPoolConfiguration) {
    self.secrets = secrets
    pool = AgentPool(configuration: configuration)
  }

  subscript(_ id: WorkerID) -> Session? { sessions[id] }

  mutating func open(_ connection: WebSocketConnection, apiKey: String) -> WorkerID {
    let id = WorkerID(rawValue: nextID)
    nextID += 1
    sessions[id] = Session(connection: connection, apiKey: apiKey)
    return id
  }

  mutating func setCoding(of id: WorkerID, _ coding: SignalCoding) { sessions[id]?.coding = coding }

  /// Nil when it was closed already.
  mutating func remove(_ id: WorkerID) -> Session? { sessions.removeValue(forKey: id) }

  /// A message's coding and what is in it, nil when that is no worker's message. Done on no actor.
  @concurrent
  static func decode(_ message: WebSocketMessage) async -> (coding: SignalCoding, message: Livekit_WorkerMessage?) {
    switch message {
    case .binary(let bytes):
      (.protobuf, bytes.count > messageByteLimit ? nil : SignalCoding.protobuf.decode(bytes))
    case .text(let text):
      (.json, text.utf8.count > messageByteLimit ? nil : SignalCoding.json.decode(Array(text.utf8)))
    }
  }

  func send(_ message: Livekit_ServerMessage, to id: WorkerID) {
    guard let session = sessions[id], let bytes = session.coding.encode(message) else { return }
    session.connection.send(
      session.coding == .protobuf ? .binary(bytes) : .text(String(decoding: bytes, as: UTF8.self)))
  }
}

extension WorkerSessions {
  init(_ configuration: GatewayConfiguration, _ rooms: RoomServerConfiguration) {
    self.init(
      secrets: [String: String](configuration.keys.map { ($0.name, $0.secret) }, uniquingKeysWith: { $1 }),
      configuration: AgentPoolConfiguration(
        unixNanosecondsAtZero: rooms.unixMillisecondsAtZero * 1_000_000, serverInfo: rooms.serverInfo))
  }
}

extension AgentInput {
  /// What of a room concerns agents. Nil for the rest.
  init?(_ event: RoomEvent) {
    switch event {
    case .roomStarted(let room, let configuration): self = .roomStarted(room, agents: configuration.agents)
    case .roomFinished(let room, _): self = .roomFinished(name: room.name)
    case .participantJoined(let room, let info): self = .participantJoined(room, info)
    case .participantLeft(let room, let info): self = .participantLeft(room, info)
    case .participantDropped(let room, let info): self = .participantDropped(room: room.name, identity: info.identity)
    case .participantResumed(let room, let info): self = .participantResumed(room: room.name, identity: info.identity)
    case .trackPublished(let room, let info, _): self = .trackPublished(room, info)
    default: return nil
    }
  }
}
