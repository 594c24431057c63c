import API
import LiveKitProtocol
import MediaCore
import RoomCore
import Telephony

/// The rooms of this process: what calls ask goes to the room server as jobs.
struct HostedRooms: CallRooms {
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
