/// What stands behind `provider:<name>` in `allowed_addresses`: address blocks and DNS names of a SIP provider.
public struct ProviderTable: Sendable, Equatable {
  /// Provider name → address blocks, addresses or host names.
  public var addresses: [String: [String]]

  public init(_ addresses: [String: [String]] = [:]) { self.addresses = addresses }
}
