/// What may be dialled through one trunk, when, and how often.
public struct DialPolicy: Hashable, Sendable {
  /// New calls a second. Nil: the gateway's default for trunks. 0: no limit.
  public var callsPerSecond: Int?
  /// Calls at a time, ringing ones too. Nil: the gateway's default for trunks. 0: no limit.
  public var concurrentCalls: Int?
  /// Empty: every number outside `DialDestination.costly`. A pattern here opens those too.
  public var allowedDestinations: [NumberPattern]
  /// Goes before `allowedDestinations`.
  public var deniedDestinations: [NumberPattern]
  /// Name of a list of numbers that are never dialled (`DialRules.doNotCallLists`). Empty: none.
  public var doNotCallList: String
  /// Destinations that no entry matches may be called at any time.
  public var callingHours: [CallingHours]

  public init(
    callsPerSecond: Int? = nil, concurrentCalls: Int? = nil, allowedDestinations: [NumberPattern] = [],
    deniedDestinations: [NumberPattern] = [], doNotCallList: String = "", callingHours: [CallingHours] = []
  ) {
    self.callsPerSecond = callsPerSecond
    self.concurrentCalls = concurrentCalls
    self.allowedDestinations = allowedDestinations
    self.deniedDestinations = deniedDestinations
    self.doNotCallList = doNotCallList
    self.callingHours = callingHours
  }
}
