import Base

/// Finds the inbound trunk of a call, as LiveKit does: numbers, then the caller's number, then where it comes from.
public struct TrunkMatcher: Sendable {
  /// The condition of a trunk that a call does not meet, in the order they are looked at.
  public enum Condition: String, Hashable, Sendable, CaseIterable {
    case numbers
    case allowedNumbers = "allowed_numbers"
    case allowedAddresses = "allowed_addresses"
  }

  public enum Match: Hashable, Sendable {
    case trunk(InboundTrunk)
    /// Two trunks that name the called number, or two default trunks.
    case several(InboundTrunk, InboundTrunk)
    case none
  }

  /// Ascending id.
  public let trunks: [InboundTrunk]
  private let trustsFromHost: Bool

  public init(trunks: [InboundTrunk], trustsFromHost: Bool = true) {
    self.trunks = trunks.sorted { $0.id < $1.id }
    self.trustsFromHost = trustsFromHost
  }

  /// A trunk that names the called number goes before the default trunks, which name none.
  public func match(_ call: CallFacts, addresses: AddressTable) -> Match {
    var specific: InboundTrunk?
    var fallback: InboundTrunk?
    var otherFallback: InboundTrunk?
    for trunk in trunks where failedCondition(of: trunk, for: call, addresses: addresses) == nil {
      if trunk.numbers.isEmpty {
        if fallback == nil { fallback = trunk } else { otherFallback = otherFallback ?? trunk }
      } else if let specific {
        return .several(specific, trunk)
      } else {
        specific = trunk
      }
    }
    if let specific { return .trunk(specific) }
    if let fallback, let otherFallback { return .several(fallback, otherFallback) }
    return fallback.map(Match.trunk) ?? .none
  }

  /// Whether some trunk lists the address, its provider or its host name: such a source is no stranger.
  public func knows(_ source: IPAddress, addresses: AddressTable) -> Bool {
    trunks.contains { $0.allowedAddresses.contains { addresses.matches($0, source) } }
  }

  /// The first condition that the call does not meet. Nil: the trunk takes it.
  func failedCondition(of trunk: InboundTrunk, for call: CallFacts, addresses: AddressTable) -> Condition? {
    Condition.allCases.first { verdict($0, of: trunk, for: call, addresses: addresses) == .failed }
  }

  enum Verdict { case failed, open, met }

  /// `open`: the trunk does not set the condition.
  func verdict(
    _ condition: Condition, of trunk: InboundTrunk, for call: CallFacts, addresses: AddressTable
  ) -> Verdict {
    switch condition {
    case .numbers: Self.verdict(trunk.numbers, call.toUser)
    case .allowedNumbers: Self.verdict(trunk.allowedNumbers, call.fromUser)
    case .allowedAddresses: addressVerdict(trunk.allowedAddresses, call, addresses)
    }
  }

  static func verdict(_ patterns: [NumberPattern], _ number: String) -> Verdict {
    if patterns.isEmpty { return .open }
    let normalized = PhoneNumber.normalized(number)
    return patterns.contains { $0.matches(normalized: normalized) } ? .met : .failed
  }

  private func addressVerdict(_ patterns: [AddressPattern], _ call: CallFacts, _ addresses: AddressTable) -> Verdict {
    guard let source = call.source else { return .open }
    let patterns = patterns.filter { $0.kind != .ignored }
    if patterns.isEmpty { return .open }
    let isAllowed = patterns.contains { pattern in
      trustsFromHost && pattern.isHostText(call.fromHost) || addresses.matches(pattern, source)
    }
    return isAllowed ? .met : .failed
  }
}

extension TrunkMatcher {
  /// The trunk that meets most of what it asks, and the first thing it asks in vain. Nil when there is no trunk.
  func nearestMiss(_ call: CallFacts, addresses: AddressTable) -> (trunk: InboundTrunk, condition: Condition)? {
    var best: (trunk: InboundTrunk, condition: Condition, score: Int)?
    for trunk in trunks {
      guard let failed = failedCondition(of: trunk, for: call, addresses: addresses) else { continue }
      let score = Condition.allCases.reduce(0) { sum, condition in
        sum + Self.weight(condition, verdict(condition, of: trunk, for: call, addresses: addresses))
      }
      if score > best?.score ?? .min { best = (trunk, failed, score) }
    }
    return best.map { ($0.trunk, $0.condition) }
  }

  /// A called number that a trunk names tells most about which trunk was meant.
  private static func weight(_ condition: Condition, _ verdict: Verdict) -> Int {
    switch (verdict, condition) {
    case (.met, .numbers): 8
    case (.met, .allowedAddresses): 4
    case (.met, .allowedNumbers): 2
    case (.open, _): 0
    case (.failed, _): -1
    }
  }
}
