import LiveKitProtocol

/// What the APIs ask of the gateway's calls. Requests come decoded and with their grants checked, not otherwise checked.
public protocol CallService: Sendable {
  /// Places a call. Returns when the participant is in the room, or with `wait_until_answered` when the call is
  /// answered. The task is cancelled when the client goes away or its time is up.
  func createParticipant(
    _ request: Livekit_CreateSIPParticipantRequest, for caller: APICaller
  ) async throws(TwirpError) -> Livekit_SIPParticipantInfo

  /// Transfers the call of a participant; returns when the outcome is known.
  func transferParticipant(
    _ request: Livekit_TransferSIPParticipantRequest, for caller: APICaller
  ) async throws(TwirpError) -> Livekit_TransferSIPParticipantResponse

  /// Takes a phone's participant to another room. `not_found` when the room has no such participant.
  func moveParticipant(_ request: Livekit_MoveParticipantRequest) async throws(TwirpError)

  /// The calls that have not ended, the oldest first.
  func calls() async -> [Trunkline_Call]

  /// Ends a call as its own side would: BYE, CANCEL, or a refusal of what rings. `not_found` when there is none.
  func hangUp(_ callID: String) async throws(TwirpError) -> Trunkline_Call
}

/// Who sent a request: the API key that signed its token, and what the token grants.
public struct APICaller: Hashable, Sendable {
  public var apiKey: String
  public var grants: Grants

  public init(apiKey: String, grants: Grants) {
    self.apiKey = apiKey
    self.grants = grants
  }
}
