import LiveKitProtocol

/// Takes what is to be told to the configured URLs. Never blocks and never fails: what does not fit its queue is dropped
/// and counted.
public protocol WebhookEvents: Sendable {
  /// Fills in `id` and `created_at`.
  func post(_ event: Livekit_WebhookEvent)
  /// About a call: `sip_call_started`, `sip_call_ringing`, `sip_call_answered`, `sip_call_ended`, `sip_transfer_ended`,
  /// `sip_dtmf_received`. Fills in `id` and `created_at`.
  func post(_ event: Trunkline_CallEvent)
}
