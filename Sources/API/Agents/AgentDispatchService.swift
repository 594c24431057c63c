import LiveKitProtocol

/// `livekit.AgentDispatchService`.
public struct AgentDispatchService: Sendable {
  private let agents: any AgentDispatching

  public init(agents: any AgentDispatching) { self.agents = agents }

  public var methods: [TwirpMethod] {
    [
      TwirpMethod(
        "CreateDispatch", needs: .roomAdmin(\.room)
      ) { [agents] (request: Livekit_CreateAgentDispatchRequest, _) async throws(TwirpError) in
        try await agents.createDispatch(request)
      },
      TwirpMethod("ListDispatch", needs: .roomAdmin(\.room)) {
        [agents] (request: Livekit_ListAgentDispatchRequest, _) async throws(TwirpError) in
        try await agents.listDispatch(request)
      },
      TwirpMethod(
        "DeleteDispatch", needs: .roomAdmin(\.room)
      ) { [agents] (request: Livekit_DeleteAgentDispatchRequest, _) async throws(TwirpError) in
        try await agents.deleteDispatch(request)
      },
    ]
  }
}
