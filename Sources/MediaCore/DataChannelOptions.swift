/// A data channel that our side opens (RFC 8832).
public struct DataChannelOptions: Hashable, Sendable {
  public var label: String
  public var isOrdered: Bool
  /// Nil: reliable.
  public var maxRetransmits: UInt16?

  public init(label: String, isOrdered: Bool = true, maxRetransmits: UInt16? = nil) {
    self.label = label
    self.isOrdered = isOrdered
    self.maxRetransmits = maxRetransmits
  }

  public static let reliable = DataChannelOptions(label: "_reliable")
  public static let lossy = DataChannelOptions(label: "_lossy", isOrdered: false, maxRetransmits: 0)
}
