import AgentCore
import Base
import FuzzDriver
import LiveKitProtocol

@main
enum AgentFuzzer {
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

/// Four workers, two of them of one name, and four rooms that come and go.
private struct Conversation {
  private var pool: AgentPool
  private var now = MonotonicTime(nanoseconds: 1)
  private var workers: [WorkerID] = []
  private var nextWorker: UInt64 = 1
  /// Job ids that workers have heard of, and dispatches that the API has made.
  private var jobs: [String] = []
  private var dispatches: [String] = []
  private var tokens: [AgentTokenRequest] = []

  init() {
    var configuration = AgentPoolConfiguration(unixNanosecondsAtZero: 0)
    configuration.limits.jobs = 50
    configuration.limits.workers = 6
    pool = AgentPool(configuration: configuration, seed: 1)
    workers = (0..<4).map { _ in WorkerID(rawValue: 0) }
    for who in workers.indices { connect(who) }
    for number in 0..<4 { event([0, UInt8(number)]) }
  }

  mutating func take(_ selector: UInt8, _ message: [UInt8]) {
    let who = Int(selector & 3)
    now += .milliseconds(20)
    switch selector >> 2 & 7 {
    case 0: send(who, SignalCoding.protobuf.decode(message))
    case 1: send(who, SignalCoding.json.decode(message))
    case 2: reply(who, message)
    case 3: for index in stride(from: 0, to: message.count - 1, by: 2) { event(Array(message[index...index + 1])) }
    case 4:
      perform(pool.handle(.disconnected(workers[who]), now: now))
      connect(who)
    case 5:
      now += .milliseconds(250 * (1 + message.count))
      perform(pool.handle(.tick, now: now))
    case 6: sign(message)
    default: ask(message)
    }
  }

  private mutating func connect(_ who: Int) {
    workers[who] = WorkerID(rawValue: nextWorker)
    nextWorker += 1
    perform(pool.handle(.connected(workers[who]), now: now))
    var message = Livekit_WorkerMessage()
    message.register.agentName = who < 2 ? "x" : ""
    message.register.type = who == 3 ? .jtParticipant : .jtRoom
    send(who, message)
  }

  private mutating func send(_ who: Int, _ message: Livekit_WorkerMessage?) {
    if let message { perform(pool.handle(.message(workers[who], message), now: now)) }
  }

  /// Two bytes an answer: about which job, and what.
  private mutating func reply(_ who: Int, _ message: [UInt8]) {
    for index in stride(from: 0, to: message.count - 1, by: 2) {
      guard !jobs.isEmpty else { return }
      let job = jobs[Int(message[index]) % jobs.count]
      var reply = Livekit_WorkerMessage()
      switch message[index + 1] & 7 {
      case 0, 1: (reply.availability.jobID, reply.availability.available) = (job, true)
      case 2: (reply.availability.jobID, reply.availability.terminate) = (job, false)
      case 3: (reply.availability.jobID, reply.availability.terminate) = (job, true)
      case 4: (reply.updateJob.jobID, reply.updateJob.status) = (job, .jsRunning)
      case 5: (reply.updateJob.jobID, reply.updateJob.status) = (job, .jsSuccess)
      case 6: (reply.updateJob.jobID, reply.updateJob.status) = (job, .jsFailed)
      default: reply.migrateJob.jobIds = [job]
      }
      send(who, reply)
    }
  }

  /// What happens, and to whom: two bits of room, the rest a participant, the last of them an agent.
  private mutating func event(_ bytes: [UInt8]) {
    var room = Livekit_Room()
    room.name = "r\(bytes[1] & 3)"
    var info = Livekit_ParticipantInfo()
    info.identity = bytes[1] > 127 ? jobs.last.map { "agent-\($0)" } ?? "a" : "p\(bytes[1] >> 2 & 7)"
    info.kind = bytes[1] > 127 ? .agent : .sip
    info.sid = info.identity
    info.disconnectReason = .init(rawValue: Int(bytes[0] >> 3)) ?? .unknownReason
    var agent = Livekit_RoomAgentDispatch()
    agent.agentName = "x"
    let input: AgentInput =
      switch bytes[0] & 7 {
      case 0: .roomStarted(room, agents: bytes[1] & 1 == 0 ? [agent] : [])
      case 1: .roomFinished(name: room.name)
      case 2, 3: .participantJoined(room, info)
      case 4: .participantLeft(room, info)
      case 5: .participantDropped(room: room.name, identity: info.identity)
      case 6: .participantResumed(room: room.name, identity: info.identity)
      default: .trackPublished(room, info)
      }
    perform(pool.handle(input, now: now))
  }

  private mutating func sign(_ message: [UInt8]) {
    for byte in message where !tokens.isEmpty {
      let request = tokens.remove(at: Int(byte) % tokens.count)
      perform(pool.handle(.minted(request, token: byte > 250 ? nil : "t"), now: now))
    }
  }

  private mutating func ask(_ message: [UInt8]) {
    if let request = SignalCoding.protobuf.decode(message, as: Livekit_CreateAgentDispatchRequest.self),
      let (dispatch, actions) = try? pool.createDispatch(request, now: now)
    {
      dispatches.append(dispatch.id)
      perform(actions)
    } else if let first = message.first, let id = dispatches.popLast(),
      let (_, actions) = try? pool.deleteDispatch(id, of: "r\(first & 3)", now: now)
    {
      perform(actions)
    }
    for number in 0..<4 { _ = try? pool.dispatches(of: "r\(number)") }
  }

  private mutating func perform(_ actions: [AgentAction]) {
    for action in actions {
      switch action {
      case .send(_, let message):
        for coding in [SignalCoding.protobuf, .json] {
          if coding.encode(message) == nil { fatalError("a message that cannot be written: \(message)") }
        }
        if case .availability(let offer) = message.message { jobs.append(offer.job.id) }
      case .mint(let request): tokens.append(request)
      case .close, .removeParticipant, .situationChanged, .note: break
      }
    }
  }
}
