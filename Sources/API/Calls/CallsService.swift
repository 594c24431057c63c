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
      TwirpMethod("HangUp", needs: .sipCall) {
        [calls] (request: Trunkline_HangUpRequest, caller) async throws(TwirpError) in
        try Self.check(caller, mayEnd: await calls.calls().first { $0.callID == request.callID })
        return try await calls.hangUp(request.callID)
      },
    ]
  }

  /// Whoever may end one room's calls may not end another's.
  private static func check(_ caller: APICaller, mayEnd call: Trunkline_Call?) throws(TwirpError) {
    guard !caller.grants.sip.mayAdminister, !caller.grants.video.mayAdminister(call?.roomName ?? "") else { return }
    throw TwirpError(
      .permissionDenied, "the token does not grant sip.admin, or video.roomAdmin for the room of the call")
  }
}
