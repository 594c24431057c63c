import Base

/// What names in `allowed_addresses` stand for at the moment: filled in by whoever reads the provider file and asks DNS.
public struct AddressTable: Hashable, Sendable {
  /// Provider name → its addresses, blocks and host names.
  public var providers: [String: [AddressPattern]]
  /// Host name in lower case → its addresses.
  public var resolved: [String: Set<IPAddress>]

  public init(providers: [String: [AddressPattern]] = [:], resolved: [String: Set<IPAddress>] = [:]) {
    self.providers = providers
    self.resolved = resolved
  }

  /// Whether `address` is one that `pattern` stands for. A provider's list may not name another provider.
  public func matches(_ pattern: AddressPattern, _ address: IPAddress) -> Bool {
    switch pattern.kind {
    case .block(let block): block.contains(address)
    case .host(let name): resolved[name]?.contains(address) ?? false
    case .provider(let name): (providers[name] ?? []).contains { matchesPlain($0, address) }
    case .ignored: false
    }
  }

  /// Whether a trunk lists the address itself, rather than a good part of the Internet: who sends from such an address may
  /// be forged by anyone.
  public func lists(_ address: IPAddress, in trunks: [InboundTrunk]) -> Bool {
    trunks.contains { trunk in
      trunk.allowedAddresses.contains { pattern in
        if case .block(let block) = pattern.kind, block.length < Self.widestBlock { return false }
        return matches(pattern, address)
      }
    }
  }

  /// Bits of the prefix.
  private static let widestBlock = 8

  /// The host names that DNS must be asked for.
  public func hostNames(in trunks: [InboundTrunk]) -> Set<String> {
    var names: Set<String> = []
    func add(_ pattern: AddressPattern) { if case .host(let name) = pattern.kind { names.insert(name) } }
    for pattern in trunks.flatMap(\.allowedAddresses) {
      add(pattern)
      if case .provider(let name) = pattern.kind { providers[name]?.forEach(add) }
    }
    return names
  }

  private func matchesPlain(_ pattern: AddressPattern, _ address: IPAddress) -> Bool {
    if case .provider = pattern.kind { return false }
    return matches(pattern, address)
  }
}
