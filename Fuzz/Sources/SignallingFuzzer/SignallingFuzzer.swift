import Base
import FuzzDriver
import LiveKitProtocol
import RoomCore
import SDP

@main
enum SignallingFuzzer {
  static func main() { fuzz(parse) }
}

/// A conversation: one byte of who and what, two of length, then the message.
private func parse(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let input = UnsafeRawBufferPointer(start: start, count: count)
  var conversation = Conversation()
  var offset = 0
  while offset + 3 <= input.count {
    let end = min(input.count, offset + 3 + Int(input[offset + 1]) << 8 + Int(input[offset + 2]))
    conversation.take(input[offset], Array(input[(offset + 3)..<end]))
    offset = end
  }
  return 0
}

/// A phone call and two clients in one room, one with a single peer connection and one with two. A client that is sent
/// away comes back as a new one.
private struct Conversation {
  /// More than the room can need for one input of 64 kB.
  static let maximumActionCount = 5_000
  static let room = "room"

  private var core: RoomServerCore
  private var now = MonotonicTime(nanoseconds: 1)
  private var sessions: [SessionID]
  private var nextSession: UInt64 = 3
  private var transports: [MediaTransportID] = []
  private var tracks: [MediaTrackID] = []

  init() {
    let address = MediaAddress(
      candidates: [Endpoint(.loopbackV4, 7882)], fingerprint: Array(repeating: 7, count: 32))
    var configuration = RoomServerConfiguration(mediaAddresses: [address], unixMillisecondsAtZero: 0)
    configuration.localRPCMethods = ["hangup"]
    core = RoomServerCore(configuration: configuration, seed: 1)
    sessions = [SessionID(rawValue: 1), SessionID(rawValue: 2)]
    if let call = try? core.joinLocal(LocalParticipant(identity: "phone", name: "phone"), room: Self.room, now: now) {
      perform(call.actions)
    }
    for who in 0...1 { join(who, Livekit_JoinRequest()) }
  }

  mutating func take(_ selector: UInt8, _ message: [UInt8]) {
    let who = Int(selector & 1)
    now += .milliseconds(20)
    switch selector >> 1 & 7 {
    case 0: request(who, .protobuf, message)
    case 1: request(who, .json, message)
    case 2: data("_reliable", message)
    case 3: data("_lossy", message)
    case 4: media(message)
    case 5: rejoin(who, message, compression: .none)
    case 6: rejoin(who, message, compression: .gzip)
    default: rejoinClassic(who, message)
    }
  }

  private mutating func request(_ who: Int, _ coding: SignalCoding, _ message: [UInt8]) {
    guard let request = coding.decode(message, as: Livekit_SignalRequest.self) else { return }
    handle(.request(sessions[who], request))
  }

  /// From the transport that the first byte picks.
  private mutating func data(_ label: String, _ message: [UInt8]) {
    guard let first = message.first, let transport = transports.element(first) else { return }
    handle(.data(transport, label: label, Array(message.dropFirst())))
  }

  /// Two bytes an event: which, and of what.
  private mutating func media(_ message: [UInt8]) {
    for index in stride(from: 0, to: message.count - 1, by: 2) {
      guard let transport = transports.element(message[index + 1]), let track = tracks.element(message[index + 1])
      else {
        return
      }
      let share = Float(message[index + 1]) / 255
      switch message[index] & 15 {
      case 0: handle(.transportConnected(transport))
      case 1: handle(.transportFailed(transport))
      case 2: handle(.dataChannelOpened(transport, label: "_reliable"))
      case 3: handle(.dataChannelOpened(transport, label: "_lossy"))
      case 4: handle(.trackActive(track))
      case 5: handle(.trackFlowing(track, to: transport))
      case 6: handle(.audioLevel(track, level: share, isActive: true))
      case 7: handle(.audioLevelsReported(MediaRoomID(rawValue: 1)))
      case 8: handle(.trackReceived(track, loss: share, jitter: .milliseconds(3)))
      case 9: handle(.trackSent(track, to: transport, loss: share, jitter: .milliseconds(3)))
      case 10: handle(.sessionClosed(sessions[Int(message[index + 1] & 1)]))
      default:
        now += .milliseconds(Int(message[index + 1]) * 100)
        handle(.tick)
      }
    }
  }

  private mutating func rejoin(_ who: Int, _ message: [UInt8], compression: Livekit_WrappedJoinRequest.Compression) {
    var wrapped = Livekit_WrappedJoinRequest()
    wrapped.compression = compression
    wrapped.joinRequest = .init(message)
    guard let bytes: [UInt8] = try? wrapped.serializedBytes() else { return }
    rejoin(who, .v1, [("join_request", base64(bytes))])
  }

  /// Names and values, each ended by a zero byte.
  private mutating func rejoinClassic(_ who: Int, _ message: [UInt8]) {
    let words = message.split(separator: 0, omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
    rejoin(who, .classic, stride(from: 0, to: words.count - 1, by: 2).map { (words[$0], words[$0 + 1]) })
  }

  private mutating func rejoin(_ who: Int, _ path: SignalQuery.Path, _ parameters: [(name: String, value: String)]) {
    guard let query = try? SignalQuery(path: path, parameters: parameters) else { return }
    handle(.sessionClosed(sessions[who]))
    join(who, query.joinRequest)
  }

  private mutating func join(_ who: Int, _ request: Livekit_JoinRequest) {
    sessions[who] = SessionID(rawValue: nextSession)
    nextSession += 1
    var grants = Grants(identity: "p\(who)", name: "p\(who)")
    grants.video.roomJoin = true
    grants.video.canUpdateOwnMetadata = true
    grants.video.room = Self.room
    let query = SignalQuery(joinRequest: request, isSinglePeerConnection: who == 0)
    let intent = JoinIntent(grants: grants, query: query)
    if core.refusal(of: intent) == nil { handle(.join(sessions[who], intent)) }
  }

  private mutating func handle(_ input: RoomInput) { perform(core.handle(input, now: now)) }

  private mutating func perform(_ actions: [RoomAction]) {
    precondition(actions.count <= Self.maximumActionCount, "\(actions.count) actions")
    var leavers: [Int] = []
    for action in actions {
      switch action {
      case .send(_, let message):
        precondition(SignalCoding.protobuf.encode(message) != nil, "no protobuf")
        precondition(SignalCoding.json.encode(message) != nil, "no JSON")
      case .close(let session, _, _): leavers += sessions.indices.filter { sessions[$0] == session }
      case .media(_, .openTransport(let transport)): transports.append(transport.id)
      case .media(_, .publishTrack(_, let track, _)): tracks.append(track)
      case .media, .event: break
      }
    }
    let participants = core.rooms.reduce(0) { $0 + Int($1.numParticipants) }
    precondition(participants <= 3, "\(participants) participants")
    for who in leavers where nextSession < 100 { join(who, Livekit_JoinRequest()) }
  }
}

extension Array {
  /// Counted from the last, which is the most alive.
  fileprivate func element(_ number: UInt8) -> Element? {
    isEmpty ? nil : self[count - 1 - Int(number) % count]
  }
}

/// RFC 4648 §5 without padding.
private func base64(_ bytes: [UInt8]) -> String {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
  var symbols: [UInt8] = []
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let group = bytes[start..<Swift.min(start + 3, bytes.count)]
    let bits = group.enumerated().reduce(0) { $0 | Int($1.element) << (16 - 8 * $1.offset) }
    symbols += (0...group.count).map { alphabet[bits >> (18 - 6 * $0) & 63] }
  }
  return String(decoding: symbols, as: UTF8.self)
}
