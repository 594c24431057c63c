import LiveKitProtocol
import SwiftProtobuf

/// `livekit.SIP`: trunks, dispatch rules, calls out and transfers.
public struct SIPService: Sendable {
  let catalog: TrunkCatalog
  let calls: any CallService

  public init(catalog: TrunkCatalog, calls: any CallService) {
    self.catalog = catalog
    self.calls = calls
  }

  public var methods: [TwirpMethod] { trunkMethods + ruleMethods + callMethods }

  private var callMethods: [TwirpMethod] {
    [
      TwirpMethod("CreateSIPParticipant", needs: .sipCall) {
        [calls] (request: Livekit_CreateSIPParticipantRequest, caller) async throws(TwirpError) in
        let limit = Self.timeLimit(of: request)
        return try await Deadline.run(limit, "the call") { () async throws(TwirpError) in
          try await calls.createParticipant(request, for: caller)
        }
      },
      TwirpMethod(
        "TransferSIPParticipant",
        needs: .sipCallInRoom(\.roomName)
      ) { [calls] (request: Livekit_TransferSIPParticipantRequest, caller) async throws(TwirpError) in
        try await calls.transferParticipant(request, for: caller)
      },
    ]
  }

  /// What LiveKit's server waits, and longer where the request lets the phone ring longer.
  private static func timeLimit(of request: Livekit_CreateSIPParticipantRequest) -> Duration {
    guard request.waitUntilAnswered else { return .seconds(30) }
    return max(.seconds(80), .seconds(min(max(request.ringingTimeout.seconds, 0), 3600) + 10))
  }
}
