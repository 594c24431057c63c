import Telephony

/// Calls that the gateway places: trunks, defaults and bounds.
public struct OutboundSettings: Sendable, Equatable {
  /// `outbound_trunks`, in the order of the file.
  public var trunks: [OutboundTrunk] = []
  public var options = OutboundOptions()
  public var rules = DialRules()

  public init() {}
}
