import Base

/// Decides about an INVITE: its trunk, then its rule, then its room. A value made from configuration; nothing changes
/// in it, so any thread may hold a copy.
public struct Dispatcher: Sendable {
  /// Whether a call goes on to digest and dispatch.
  public enum Admission: Hashable, Sendable {
    case trunk(InboundTrunk)
    /// No trunk matched, which is allowed here.
    case unmatched
    case refuse(Refusal)
  }

  public let options: DispatchOptions
  let matcher: TrunkMatcher
  let selector: RuleSelector

  public init(trunks: [InboundTrunk], rules: [DispatchRule], options: DispatchOptions = DispatchOptions()) {
    self.options = options
    matcher = TrunkMatcher(trunks: trunks, trustsFromHost: options.trustsFromHost)
    selector = RuleSelector(rules: rules, trunks: trunks)
  }

  /// Ascending id.
  public var trunks: [InboundTrunk] { matcher.trunks }
  /// Ascending id.
  public var rules: [DispatchRule] { selector.rules }

  /// Whether some trunk lists the address, its provider or its host name: such a source is no stranger.
  public func knows(_ source: IPAddress, addresses: AddressTable) -> Bool {
    matcher.knows(source, addresses: addresses)
  }

  /// The first step: nothing about a call is kept before it has passed.
  public func admit(_ call: CallFacts, addresses: AddressTable) -> Admission {
    switch matcher.match(call, addresses: addresses) {
    case .trunk(let trunk): .trunk(trunk)
    case .none where options.acceptUnmatchedTrunk: .unmatched
    case .none: .refuse(Refusal(.noTrunk, sentence: noTrunkSentence(call, addresses)))
    case .several(let first, let second):
      .refuse(Refusal(.severalTrunks, sentence: Self.severalSentence(first, second, call)))
    }
  }

  /// The second step, after digest, and again for each PIN.
  public func dispatch(
    _ call: CallFacts, trunk: InboundTrunk?, pin: PINEntry = .notAsked,
    using generator: inout some RandomNumberGenerator
  ) -> DispatchOutcome {
    switch selector.select(call, trunk: trunk, pin: pin) {
    case .none:
      return .refuse(Refusal(.noRule, sentence: noRuleSentence(call, trunk, pin)))
    case .conflict(let first, let second):
      return .refuse(Refusal(.conflictingRules, sentence: Self.conflictSentence(first, second)))
    case .rule(let rule) where !rule.pin.isEmpty && pin == .notAsked:
      return .requestPIN(pinRequest(trunk, rule))
    case .rule(let rule):
      let from = rule.hidePhoneNumber ? ParticipantProfile.masked(call.fromUser) : call.fromUser
      let room = RoomName.make(rule.kind, from: from, to: call.toUser, using: &generator)
      return .accept(dispatch(call, trunk, rule, room))
    }
  }

  /// Both steps, without digest between them.
  public func decide(
    _ call: CallFacts, addresses: AddressTable, pin: PINEntry = .notAsked,
    using generator: inout some RandomNumberGenerator
  ) -> DispatchOutcome {
    switch admit(call, addresses: addresses) {
    case .trunk(let trunk): dispatch(call, trunk: trunk, pin: pin, using: &generator)
    case .unmatched: dispatch(call, trunk: nil, pin: pin, using: &generator)
    case .refuse(let refusal): .refuse(refusal)
    }
  }

  private func dispatch(_ call: CallFacts, _ trunk: InboundTrunk?, _ rule: DispatchRule, _ room: String) -> Dispatch {
    Dispatch(
      trunkID: trunk?.id ?? "", trunkLabel: trunk?.label ?? "", ruleID: rule.id, ruleLabel: rule.label,
      roomName: room, roomPreset: rule.roomPreset, roomConfiguration: rule.roomConfiguration,
      participant: ParticipantProfile(call: call, trunk: trunk, rule: rule), policy: policy(trunk, rule),
      media: media(trunk, rule), headers: trunk?.headers ?? [:], attributesToHeaders: trunk?.attributesToHeaders ?? [:],
      krispEnabled: rule.krispEnabled || trunk?.krispEnabled ?? false, transfer: trunk?.transfer ?? TransferPolicy())
  }

  private func pinRequest(_ trunk: InboundTrunk?, _ rule: DispatchRule) -> PINRequest {
    PINRequest(
      trunkID: trunk?.id ?? "", trunkLabel: trunk?.label ?? "", ruleID: rule.id, ruleLabel: rule.label,
      policy: policy(trunk, rule), media: media(trunk, rule), headers: trunk?.headers ?? [:])
  }

  private func policy(_ trunk: InboundTrunk?, _ rule: DispatchRule) -> CallPolicy {
    options.policy.overlaid(by: trunk?.call ?? CallOverrides()).overlaid(by: rule.call)
  }

  private func media(_ trunk: InboundTrunk?, _ rule: DispatchRule) -> MediaOptions {
    (trunk?.media ?? MediaOptions()).merged(with: rule.media)
  }
}
