import API
import Configuration
import LiveKitProtocol
import MediaCore
import Telephony
import WebServer

/// The rooms of another server.
struct RoomsOfServer: RoomSide {
  private let rooms: RemoteRooms
  private let elsewhere: RoomsElsewhere
  private let jobs: AsyncStream<RemoteRooms.Job>
  private let asked: AsyncStream<RemoteRooms.Job>.Continuation

  init(_ rooms: RemoteRooms) {
    self.rooms = rooms
    elsewhere = RoomsElsewhere(url: rooms.access.settings.url)
    (jobs, asked) = AsyncStream.makeStream(of: RemoteRooms.Job.self)
  }

  var calls: any CallRooms { RemoteRoomCalls(jobs: asked) }
  var administration: any RoomAdministration & AgentDispatching { elsewhere }

  func endpoint(verifier: TokenVerifier, api: TwirpServer) -> any WebHandler {
    ServiceEndpoint(api: api)
  }

  func run(_ events: MediaEventQueue) async {
    // Not cancelled with the rest: the last calls leave their rooms in it.
    let worker = Task { await rooms.work(jobs) }
    await withTaskGroup { group in
      group.addTask { await rooms.consume(events) }
      group.addTask { await rooms.consumeSockets() }
      group.addTask { await rooms.keepTime() }
    }
    await worker.value
  }

  func finish() { asked.finish() }

  /// Words of leave are sent before.
  func close() async { await rooms.close() }
}

/// What calls ask goes to the sessions as jobs.
private struct RemoteRoomCalls: CallRooms {
  let jobs: AsyncStream<RemoteRooms.Job>.Continuation

  func join(
    _ call: PhoneLegID, _ entry: RoomEntry, attributes: [String: String],
    answer: @escaping @Sendable (Result<RoomPlace, JoinFault>) -> Void,
    notify: @escaping @Sendable (CallerRoomEvent) -> Void
  ) {
    jobs.yield { $0.join(call, entry, attributes: attributes, answer: answer, notify: notify) }
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
