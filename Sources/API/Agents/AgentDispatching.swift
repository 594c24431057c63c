import LiveKitProtocol

/// What `livekit.AgentDispatchService` asks of the agent server. Grants are checked by the API.
public protocol AgentDispatching: Sendable {
  func createDispatch(_ request: Livekit_CreateAgentDispatchRequest) async throws(TwirpError) -> Livekit_AgentDispatch

  /// Dispatches of `request.room`; of `request.dispatchID` alone when that is given.
  func listDispatch(
    _ request: Livekit_ListAgentDispatchRequest
  ) async throws(TwirpError) -> Livekit_ListAgentDispatchResponse

  /// The dispatch as it was. `not_found` when the room has none of that id.
  func deleteDispatch(_ request: Livekit_DeleteAgentDispatchRequest) async throws(TwirpError) -> Livekit_AgentDispatch
}
