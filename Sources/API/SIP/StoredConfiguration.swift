import LiveKitProtocol

/// Everything that the API has made and that lasts, in ascending order of ids.
public struct StoredConfiguration: Sendable, Equatable {
  public var inboundTrunks: [Livekit_SIPInboundTrunkInfo] = []
  public var outboundTrunks: [Livekit_SIPOutboundTrunkInfo] = []
  public var rules: [Livekit_SIPDispatchRuleInfo] = []

  public init() {}
}
