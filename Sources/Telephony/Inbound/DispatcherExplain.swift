/// The long form of a decision, for `trunkline explain`.
extension Dispatcher {
  public func explain(_ call: CallFacts, addresses: AddressTable, pin: PINEntry = .notAsked) -> Explanation {
    let admission = admit(call, addresses: addresses)
    var generator = SystemRandomNumberGenerator()
    let outcome = decide(call, addresses: addresses, pin: pin, using: &generator)
    let trunk: InboundTrunk? = if case .trunk(let trunk) = admission { trunk } else { nil }
    var explanation = Explanation(from: call.fromUser, to: call.toUser, source: call.source.map { "\($0)" })
    explanation.trunks = trunkSteps(call, addresses, admission)
    explanation.rules = ruleSteps(call, admission, trunk, pin)
    explanation.requiresDigest = trunk?.requiresDigest ?? false
    switch outcome {
    case .accept(let dispatch):
      let rule = rules.first { $0.id == dispatch.ruleID }
      explanation.roomName = rule.map { roomForm($0, call) }
      explanation.identity = dispatch.participant.identity
      explanation.sentence = takenSentence(trunk, dispatch.ruleLabel) + " into room \(explanation.roomName ?? "")"
    case .requestPIN(let request):
      explanation.requiresPIN = true
      explanation.sentence = takenSentence(trunk, request.ruleLabel) + " after it has asked for the PIN"
    case .refuse(let refusal):
      explanation.refuse(refusal)
    }
    return explanation
  }

  private func roomForm(_ rule: DispatchRule, _ call: CallFacts) -> String {
    let from = rule.hidePhoneNumber ? ParticipantProfile.masked(call.fromUser) : call.fromUser
    return RoomName.form(rule.kind, from: from, to: call.toUser)
  }

  private func takenSentence(_ trunk: InboundTrunk?, _ rule: String) -> String {
    (trunk.map { "trunk \($0.label)" } ?? "no trunk") + " and rule \(rule) take the call"
  }

  private func trunkSteps(
    _ call: CallFacts, _ addresses: AddressTable, _ admission: Admission
  ) -> [Explanation.Step] {
    let match = matcher.match(call, addresses: addresses)
    return trunks.map { trunk in
      var step = Explanation.Step(id: trunk.id, label: trunk.label, result: .outranked, failedKey: nil, sentence: "")
      if let failed = matcher.failedCondition(of: trunk, for: call, addresses: addresses) {
        step.result = .failed
        step.failedKey = failed.rawValue
        step.sentence = Self.sentence(failed, of: trunk, call, addresses)
        return step
      }
      switch match {
      case .trunk(let chosen) where chosen.id == trunk.id:
        step.result = .chosen
        step.sentence = trunk.numbers.isEmpty ? "takes calls to any number" : "names the called number"
      case .several(let first, let second) where first.numbers.isEmpty == trunk.numbers.isEmpty:
        step.result = .conflicting
        step.sentence = "fits as well as trunk \(first.id == trunk.id ? second.label : first.label)"
      case .trunk(let chosen), .several(let chosen, _):
        step.sentence = "fits, but trunk \(chosen.label) names the called number"
      case .none: break
      }
      return step
    }
  }

  /// Without a trunk the rules are looked at all the same, so that the second obstacle shows with the first.
  private func ruleSteps(
    _ call: CallFacts, _ admission: Admission, _ trunk: InboundTrunk?, _ pin: PINEntry
  ) -> [Explanation.Step] {
    let conflict = selector.conflict(for: trunk)
    let selection = selector.select(call, trunk: trunk, pin: pin)
    let best: DispatchRule? = if case .rule(let rule) = selection { rule } else { nil }
    let isRefused: Bool = if case .refuse = admission { true } else { false }
    return rules.map { rule in
      var step = Explanation.Step(id: rule.id, label: rule.label, result: .outranked, failedKey: nil, sentence: "")
      if let conflict, conflict.0.id == rule.id || conflict.1.id == rule.id {
        step.result = .conflicting
        step.sentence = Self.conflictSentence(conflict.0, conflict.1)
      } else if let failed = selector.failedCondition(of: rule, for: call, trunk: trunk, pin: pin) {
        step.result = .failed
        step.failedKey = failed.rawValue
        step.sentence = Self.sentence(failed, of: rule, call, trunk)
      } else if let best, best.id != rule.id {
        step.sentence = "fits, but rule \(best.label) \(precedence(best, rule, call))"
      } else if isRefused {
        step.sentence = "fits, but no trunk lets the call in"
      } else if best != nil {
        step.result = .chosen
        step.sentence = "takes the call"
      } else {
        step.sentence = "fits, but two rules that could be asked are in conflict"
      }
      return step
    }
  }

  /// Why `best` goes before `other`; follows its label.
  private func precedence(_ best: DispatchRule, _ other: DispatchRule, _ call: CallFacts) -> String {
    if best.trunkIDs.isEmpty != other.trunkIDs.isEmpty { return "names the trunk" }
    let ranks = (RuleSelector.Rank(best, call), RuleSelector.Rank(other, call))
    if ranks.0.priority != ranks.1.priority {
      return "has rank \(ranks.0.priority), which goes before \(ranks.1.priority)"
    }
    if ranks.0.precision != ranks.1.precision { return "names the number more closely" }
    return "has the room name or prefix that sorts first"
  }
}
