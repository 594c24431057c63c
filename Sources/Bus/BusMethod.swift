/// A remote procedure and how its servers share the work.
public struct BusMethod: Hashable, Sendable {
  public var service: String
  public var name: String
  /// The client names the one server that serves, after servers have offered themselves.
  public var requiresClaim: Bool
  /// Of the servers that hear a request, the first to lock it goes on.
  public var isQueued: Bool
  /// The client waits for the best offer instead of taking the first.
  public var hasAffinity: Bool
  /// Every server serves, and the client collects what they say.
  public var isMulti: Bool

  public init(
    service: String, name: String, requiresClaim: Bool = true, isQueued: Bool = true, hasAffinity: Bool = false,
    isMulti: Bool = false
  ) {
    self.service = service
    self.name = name
    self.requiresClaim = requiresClaim && !isMulti
    self.isQueued = isQueued && !isMulti
    self.hasAffinity = hasAffinity
    self.isMulti = isMulti
  }
}

/// The methods that a SIP service calls and serves (livekit-wire 4.4): claimed, queued, without affinity.
extension BusMethod {
  public static let getSIPTrunkAuthentication = io("GetSIPTrunkAuthentication")
  public static let evaluateSIPDispatchRules = io("EvaluateSIPDispatchRules")
  public static let updateSIPCallState = io("UpdateSIPCallState")
  public static let recordCallContext = io("RecordCallContext")
  public static let createSIPParticipant = BusMethod(service: sipService, name: "CreateSIPParticipant")
  public static let transferSIPParticipant = BusMethod(service: sipService, name: "TransferSIPParticipant")

  /// Served by every livekit-server.
  public static let ioService = "IOInfo"
  /// Served by SIP services.
  public static let sipService = "SIPInternal"

  private static func io(_ name: String) -> BusMethod { BusMethod(service: ioService, name: name) }
}
