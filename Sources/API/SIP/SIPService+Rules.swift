import LiveKitProtocol

extension SIPService {
  var ruleMethods: [TwirpMethod] {
    [
      TwirpMethod("CreateSIPDispatchRule", needs: .sipAdmin) {
        [catalog] (request: Livekit_CreateSIPDispatchRuleRequest, _) async throws(TwirpError) in
        try await catalog.create(request.ruleInfo)
      },
      TwirpMethod("UpdateSIPDispatchRule", needs: .sipAdmin) {
        [catalog] (request: Livekit_UpdateSIPDispatchRuleRequest, _) async throws(TwirpError) -> Advised<
          Livekit_SIPDispatchRuleInfo
        > in
        switch request.action {
        case .replace(let rule): return try await catalog.replace(request.sipDispatchRuleID, with: rule)
        case .update(let update):
          return try await catalog.update(request.sipDispatchRuleID) { (rule) throws(TwirpError) in
            try update.apply(to: &rule)
          }
        case nil: throw MessageField.invalid("action", "expected replace or update")
        }
      },
      TwirpMethod("ListSIPDispatchRule", needs: .sipAdmin) {
        [catalog] (request: Livekit_ListSIPDispatchRuleRequest, _) async throws(TwirpError) in
        var response = Livekit_ListSIPDispatchRuleResponse()
        let wanted = Set(request.trunkIds)
        response.items = try await catalog.list(ids: request.dispatchRuleIds, page: request.page) { rule in
          wanted.isEmpty || rule.trunkIds.isEmpty || !wanted.isDisjoint(with: rule.trunkIds)
        }
        return response
      },
      TwirpMethod("DeleteSIPDispatchRule", needs: .sipAdmin) {
        [catalog] (request: Livekit_DeleteSIPDispatchRuleRequest, _) async throws(TwirpError)
          -> Livekit_SIPDispatchRuleInfo in
        try await catalog.delete(request.sipDispatchRuleID)
      },
    ]
  }
}

extension Livekit_CreateSIPDispatchRuleRequest {
  /// The rule of the nested form, or what the older flat fields say.
  var ruleInfo: Livekit_SIPDispatchRuleInfo {
    get throws(TwirpError) {
      if hasDispatchRule {
        guard flat == Livekit_SIPDispatchRuleInfo() else {
          throw MessageField.invalid("dispatch_rule", "expected either it or the older fields beside it, not both")
        }
        return dispatchRule
      }
      return flat
    }
  }

  private var flat: Livekit_SIPDispatchRuleInfo {
    var info = Livekit_SIPDispatchRuleInfo()
    if hasRule { info.rule = rule }
    info.trunkIds = trunkIds
    info.hidePhoneNumber = hidePhoneNumber
    info.name = name
    info.metadata = metadata
    info.inboundNumbers = inboundNumbers
    info.attributes = attributes
    info.roomPreset = roomPreset
    if hasRoomConfig { info.roomConfig = roomConfig }
    return info
  }
}
