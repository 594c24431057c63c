import Base

/// Decides how a call out is placed. A value made from configuration and the API's trunks; nothing changes in it.
public struct OutboundPlanner: Sendable {
  /// Ascending id.
  public let trunks: [OutboundTrunk]
  public let options: OutboundOptions

  public init(trunks: [OutboundTrunk], options: OutboundOptions = OutboundOptions()) {
    self.trunks = trunks.sorted { $0.id < $1.id }
    self.options = options
  }

  /// Every field of the request honoured or refused; throws the first thing that is wrong with it.
  ///
  /// - Parameter callID: `SCL_…`, made by the caller of this function.
  public func plan(
    _ request: OutboundCallRequest, callID: String, using generator: inout some RandomNumberGenerator
  ) throws(OutboundRefusal) -> OutboundCallPlan {
    throw .invalid("", "not yet")
  }

  /// The second leg of a transfer that the gateway carries out itself.
  public func plan(
    _ target: TransferTarget, callID: String, using generator: inout some RandomNumberGenerator
  ) throws(OutboundRefusal) -> OutboundCallPlan {
    throw .invalid("", "not yet")
  }
}
