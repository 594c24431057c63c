import API
import LiveKitProtocol
import MediaCore
import RoomCore
import Telephony
import WebServer

/// The rooms of this process.
struct HostedRooms: RoomSide {
  let server: RoomServer
  private let jobs: AsyncStream<RoomServer.Job>
  private let asked: AsyncStream<RoomServer.Job>.Continuation

  init(_ server: RoomServer) {
    self.server = server
    (jobs, asked) = AsyncStream.makeStream(of: RoomServer.Job.self)
  }

  var calls: any CallRooms { HostedRoomCalls(jobs: asked) }
  var administration: any RoomAdministration & AgentDispatching { server }

  func endpoint(verifier: TokenVerifier, api: TwirpServer) -> any WebHandler {
    SignalEndpoint(rooms: server, verifier: verifier, api: api)
  }

  func run(_ events: MediaEventQueue) async {
    await withTaskGroup { group in
      group.addTask { await server.consume(events) }
      group.addTask { await server.work(jobs) }
      group.addTask { await server.keepTime() }
    }
  }

  func finish() { asked.finish() }

  func close() {}
}

/// What calls ask goes to the room server as jobs.
private struct HostedRoomCalls: CallRooms {
  let jobs: AsyncStream<RoomServer.Job>.Continuation

  func join(
    _ call: PhoneLegID, _ entry: RoomEntry, attributes: [String: String],
    answer: @escaping @Sendable (Result<RoomPlace, JoinFault>) -> Void,
    notify: @escaping @Sendable (CallerRoomEvent) -> Void
  ) {
    var participant = LocalParticipant(identity: entry.participant.identity, name: entry.participant.name)
    participant.metadata = entry.participant.metadata
    participant.attributes = attributes
    let caller = participant
    let configuration = entry.roomConfiguration.map { Livekit_RoomConfiguration($0) }
    jobs.yield { rooms in
      do throws(RoomError) {
        let join = try rooms.join(
          call, as: caller, room: entry.roomName, configuration: configuration, notify: notify)
        answer(.success(RoomPlace(join)))
      } catch {
        answer(.failure(error.code == .resourceExhausted ? .roomFull : .failed(error.reason)))
      }
    }
  }

  func leave(_ call: PhoneLegID, reason: DisconnectReason) { jobs.yield { $0.leave(call, reason: reason) } }

  func rebind(_ old: PhoneLegID, to new: PhoneLegID, notify: @escaping @Sendable (CallerRoomEvent) -> Void) {
    jobs.yield { $0.rebind(old, to: new, notify: notify) }
  }

  func update(_ call: PhoneLegID, attributes: [String: String]) {
    jobs.yield { $0.update(call, attributes: attributes) }
  }

  func sendDigit(_ digit: DTMFDigit, from call: PhoneLegID) { jobs.yield { $0.sendDigit(digit, from: call) } }
}

extension RoomPlace {
  init(_ join: LocalJoin) {
    self.init(
      participantSID: join.participantSID, mediaRoom: RoomID(join.mediaRoom), mediaTrack: TrackID(join.mediaTrack),
      loop: join.loop)
  }
}
