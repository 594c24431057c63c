/// How calls of a trunk are transferred, and what its phones may ask of us.
public struct TransferPolicy: Hashable, Sendable {
  public enum Mode: String, Hashable, Sendable, CaseIterable {
    /// REFER; where the provider refuses it, the transfer fails.
    case refer
    /// REFER; where the provider refuses it, we dial the target and join the two calls.
    case bridge
    /// We dial the target at once.
    case bridgeOnly = "bridge_only"
  }

  /// `transfer_mode`
  public var mode: Mode
  /// `transfer_trunk`: id or name of the outbound trunk that targets are dialled on. Empty: the call's own trunk when it
  /// is an outbound one, else the only outbound trunk there is.
  public var trunk: String
  /// `accept_refer`: a phone of this trunk may have us call someone else (REFER towards us), through `trunk` and within
  /// its limits.
  public var acceptsRefer: Bool
  /// `accept_replaces`: a call of this trunk may take the place of another one of this trunk (INVITE with Replaces).
  public var acceptsReplaces: Bool
  /// The provider transfers no calls: a cluster says so (`ProviderInfo.prevent_transfer`).
  public var isPrevented: Bool

  public init(
    mode: Mode = .refer, trunk: String = "", acceptsRefer: Bool = false, acceptsReplaces: Bool = true,
    isPrevented: Bool = false
  ) {
    self.mode = mode
    self.trunk = trunk
    self.acceptsRefer = acceptsRefer
    self.acceptsReplaces = acceptsReplaces
    self.isPrevented = isPrevented
  }
}
