import LiveKitProtocol

/// `livekit.AgentDispatchService`.
public struct AgentDispatchService: Sendable {
  private let agents: any AgentDispatching

  public init(agents: any AgentDispatching) { self.agents = agents }

  public var methods: [TwirpMethod] {
    [
      TwirpMethod(
        "CreateDispatch", needs: { (request: Livekit_CreateAgentDispatchRequest) in .roomAdmin(request.room) }
      ) { [agents] (request, _) async throws(TwirpError) in try await agents.createDispatch(request) },
      TwirpMethod("ListDispatch", needs: { (request: Livekit_ListAgentDispatchRequest) in .roomAdmin(request.room) }) {
        [agents] (request, _) async throws(TwirpError) in try await agents.listDispatch(request)
      },
      TwirpMethod(
        "DeleteDispatch", needs: { (request: Livekit_DeleteAgentDispatchRequest) in .roomAdmin(request.room) }
      ) { [agents] (request, _) async throws(TwirpError) in try await agents.deleteDispatch(request) },
    ]
  }
}
