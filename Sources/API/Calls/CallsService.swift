import LiveKitProtocol

/// `trunkline.Calls`: the calls of this gateway, which LiveKit's services do not show.
public struct CallsService: Sendable {
  private let calls: any CallService

  public init(calls: any CallService) { self.calls = calls }

  public var methods: [TwirpMethod] {
    [
      TwirpMethod("ListCalls", needs: .sipAdmin) {
        [calls] (request: Trunkline_ListCallsRequest, _) async throws(TwirpError) in
        var response = Trunkline_ListCallsResponse()
        response.calls = await calls.calls().filter { request.roomName.isEmpty || $0.roomName == request.roomName }
        return response
      },
      TwirpMethod("GetCall", needs: .sipAdmin) {
        [calls] (request: Trunkline_GetCallRequest, _) async throws(TwirpError) in
        guard let call = await calls.calls().first(where: { $0.callID == request.callID }) else {
          throw TwirpError(.notFound, "there is no call \(request.callID.prefix(64))")
        }
        return call
      },
      TwirpMethod("HangUp", needs: .sipCall) { [calls] (request: Trunkline_HangUpRequest, _) async throws(TwirpError) in
        try await calls.hangUp(request.callID)
      },
    ]
  }
}
