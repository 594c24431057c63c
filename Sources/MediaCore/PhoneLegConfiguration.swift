import Base

/// What is fixed for the life of a phone leg.
public struct PhoneLegConfiguration: Hashable, Sendable {
  public var id: PhoneLegID
  /// The longest silence on the wire after the first packet before `MediaEvent.phoneMediaTimedOut`.
  /// It does not run while the call is on hold. Nil: none.
  public var mediaTimeout: Duration?
  /// The same from the first negotiation (or the end of a hold) to the first packet. Nil: none.
  public var initialMediaTimeout: Duration?
  /// Who may send to the leg.
  public var sourcePolicy: PhoneSourcePolicy
  /// It comes from another media loop in mid-call.
  public var hasMoved = false

  public init(
    id: PhoneLegID, mediaTimeout: Duration? = .seconds(15), initialMediaTimeout: Duration? = .seconds(30),
    sourcePolicy: PhoneSourcePolicy = .negotiatedOrLearnedBehindNAT
  ) {
    self.id = id
    self.mediaTimeout = mediaTimeout
    self.initialMediaTimeout = initialMediaTimeout
    self.sourcePolicy = sourcePolicy
  }
}
