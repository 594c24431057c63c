import Base
import LiveKitProtocol

/// What the AgentDispatchService API asks for.
extension AgentPool {
  /// An agent for a room that exists.
  public mutating func createDispatch(
    _ request: Livekit_CreateAgentDispatchRequest, now: MonotonicTime
  ) throws(AgentError) -> (dispatch: Livekit_AgentDispatch, actions: [AgentAction]) {
    self.now = now
    let room = try existing(request.room)
    if let reason = violation(of: request) { throw AgentError(.invalidArgument, reason) }
    guard room.dispatches.count < limits.dispatchesPerRoom else {
      throw AgentError(.resourceExhausted, "the room has \(limits.dispatchesPerRoom) dispatches and takes no more")
    }
    var wanted = Livekit_AgentDispatch()
    wanted.agentName = request.agentName
    wanted.metadata = request.metadata
    wanted.restartPolicy = request.restartPolicy
    wanted.deployment = request.deployment
    wanted.attributes = request.attributes
    let dispatch = add(wanted, to: request.room, isImplicit: false)
    return (dispatch, finishTurn())
  }

  /// Why a request cannot be fulfilled in any room. Nil: it can.
  public func violation(of request: Livekit_CreateAgentDispatchRequest) -> String? {
    if request.room.isEmpty { return "the request names no room" }
    if case .UNRECOGNIZED(let number) = request.restartPolicy { return "restart_policy: there is no value \(number)" }
    return limits.violation(
      names: [request.agentName, request.deployment], metadata: request.metadata, attributes: request.attributes)
  }

  /// In the order of making, with their jobs.
  public func dispatches(of room: String, id: String = "") throws(AgentError) -> [Livekit_AgentDispatch] {
    let room = try existing(room)
    return room.dispatches.filter { id.isEmpty ? !$0.isImplicit || !$0.work.isEmpty : $0.id == id }
      .map { info(of: $0, in: room) }
  }

  /// Ends its jobs. The dispatch as it was, with the time of its end.
  public mutating func deleteDispatch(
    _ id: String, of room: String, now: MonotonicTime
  ) throws(AgentError) -> (dispatch: Livekit_AgentDispatch, actions: [AgentAction]) {
    self.now = now
    guard let place = try existing(room).dispatches.firstIndex(where: { $0.id == id }) else {
      throw AgentError(.notFound, "the room has no dispatch of this id")
    }
    for job in liveJobs(of: id, in: try existing(room)) { cancel(job) }
    var deleted = info(of: try existing(room).dispatches[place], in: try existing(room))
    deleted.state.deletedAt = unixNanoseconds
    rooms[room]?.dispatches.removeAll { $0.id == id }
    review(room)
    return (deleted, finishTurn())
  }

  private func existing(_ room: String) throws(AgentError) -> AgentRoom {
    guard let room = rooms[room] else { throw AgentError(.notFound, "the room does not exist") }
    return room
  }

  private func info(of dispatch: AgentDispatch, in room: AgentRoom) -> Livekit_AgentDispatch {
    var info = dispatch.request
    info.state.jobs = dispatch.ended + liveJobs(of: dispatch.id, in: room).map(\.message)
    return info
  }

  /// Jobs of a dispatch that are not over, in the order of making.
  func liveJobs(of dispatch: String, in room: AgentRoom) -> [AgentJob] {
    room.jobs.compactMap { jobs[$0] }.filter { $0.message.dispatchID == dispatch }.sorted { $0.number < $1.number }
  }
}
