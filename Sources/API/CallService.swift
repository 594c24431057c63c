import LiveKitProtocol

/// What the APIs ask of the gateway's calls. Requests come decoded and with their grants checked, not otherwise checked.
public protocol CallService: Sendable {
  /// Places a call. Returns when the participant is in the room, or with `wait_until_answered` when the call is
  /// answered. The task is cancelled when the client goes away or its time is up.
  func createParticipant(
    _ request: Livekit_CreateSIPParticipantRequest
  ) async throws(TwirpError) -> Livekit_SIPParticipantInfo

  /// Transfers the call of a participant; returns when the outcome is known.
  func transferParticipant(
    _ request: Livekit_TransferSIPParticipantRequest
  ) async throws(TwirpError) -> Livekit_TransferSIPParticipantResponse

  /// The calls that have not ended, the oldest first.
  func calls() async -> [Trunkline_Call]

  /// Ends a call as its own side would: BYE, CANCEL, or a refusal of what rings. `not_found` when there is none.
  func hangUp(_ callID: String) async throws(TwirpError) -> Trunkline_Call
}
