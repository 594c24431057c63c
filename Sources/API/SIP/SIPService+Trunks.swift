import LiveKitProtocol
import Telephony

extension SIPService {
  var trunkMethods: [TwirpMethod] { inboundMethods + outboundMethods + commonMethods }

  private var inboundMethods: [TwirpMethod] {
    [
      TwirpMethod("CreateSIPInboundTrunk", needs: .sipAdmin) {
        [catalog] (request: Livekit_CreateSIPInboundTrunkRequest, _) async throws(TwirpError) in
        guard request.hasTrunk else { throw MessageField.invalid("trunk", "expected a trunk") }
        return try await catalog.create(request.trunk)
      },
      TwirpMethod("UpdateSIPInboundTrunk", needs: .sipAdmin) {
        [catalog] (request: Livekit_UpdateSIPInboundTrunkRequest, _) async throws(TwirpError) -> Advised<
          Livekit_SIPInboundTrunkInfo
        > in
        switch request.action {
        case .replace(let trunk): return try await catalog.replace(request.sipTrunkID, with: trunk)
        case .update(let update):
          return try await catalog.update(request.sipTrunkID) { (trunk) throws(TwirpError) in
            try update.apply(to: &trunk)
          }
        case nil: throw MessageField.invalid("action", "expected replace or update")
        }
      },
      TwirpMethod("GetSIPInboundTrunk", needs: .sipAdmin) {
        [catalog] (request: Livekit_GetSIPInboundTrunkRequest, _) async throws(TwirpError) in
        var response = Livekit_GetSIPInboundTrunkResponse()
        response.trunk = try await catalog.get(request.sipTrunkID)
        return response
      },
      TwirpMethod("ListSIPInboundTrunk", needs: .sipAdmin) {
        [catalog] (request: Livekit_ListSIPInboundTrunkRequest, _) async throws(TwirpError) in
        var response = Livekit_ListSIPInboundTrunkResponse()
        let wanted = Set(request.numbers.map { PhoneNumber.normalized($0) })
        response.items = try await catalog.list(ids: request.trunkIds, page: request.page) { trunk in
          wanted.isEmpty || trunk.numbers.isEmpty
            || trunk.numbers.contains { wanted.contains(PhoneNumber.normalized($0)) }
        }
        return response
      },
    ]
  }

  private var outboundMethods: [TwirpMethod] {
    [
      TwirpMethod("CreateSIPOutboundTrunk", needs: .sipAdmin) {
        [catalog] (request: Livekit_CreateSIPOutboundTrunkRequest, _) async throws(TwirpError) in
        guard request.hasTrunk else { throw MessageField.invalid("trunk", "expected a trunk") }
        return try await catalog.create(request.trunk)
      },
      TwirpMethod("UpdateSIPOutboundTrunk", needs: .sipAdmin) {
        [catalog] (request: Livekit_UpdateSIPOutboundTrunkRequest, _) async throws(TwirpError) -> Advised<
          Livekit_SIPOutboundTrunkInfo
        > in
        switch request.action {
        case .replace(let trunk): return try await catalog.replace(request.sipTrunkID, with: trunk)
        case .update(let update):
          return try await catalog.update(request.sipTrunkID) { (trunk) throws(TwirpError) in
            try update.apply(to: &trunk)
          }
        case nil: throw MessageField.invalid("action", "expected replace or update")
        }
      },
      TwirpMethod("GetSIPOutboundTrunk", needs: .sipAdmin) {
        [catalog] (request: Livekit_GetSIPOutboundTrunkRequest, _) async throws(TwirpError) in
        var response = Livekit_GetSIPOutboundTrunkResponse()
        response.trunk = try await catalog.get(request.sipTrunkID)
        return response
      },
      TwirpMethod("ListSIPOutboundTrunk", needs: .sipAdmin) {
        [catalog] (request: Livekit_ListSIPOutboundTrunkRequest, _) async throws(TwirpError) in
        var response = Livekit_ListSIPOutboundTrunkResponse()
        let wanted = Set(request.numbers)
        response.items = try await catalog.list(ids: request.trunkIds, page: request.page) { trunk in
          wanted.isEmpty || trunk.numbers.isEmpty || !wanted.isDisjoint(with: trunk.numbers)
        }
        return response
      },
    ]
  }

  private var commonMethods: [TwirpMethod] {
    [
      TwirpMethod("ListSIPTrunk", needs: .sipAdmin) {
        [catalog] (request: Livekit_ListSIPTrunkRequest, _) async throws(TwirpError) in
        let inbound: [Livekit_SIPInboundTrunkInfo] = try await catalog.list(ids: [], page: request.page) { _ in true }
        let outbound: [Livekit_SIPOutboundTrunkInfo] = try await catalog.list(ids: [], page: request.page) { _ in true }
        var response = Livekit_ListSIPTrunkResponse()
        let all = inbound.map(Livekit_SIPTrunkInfo.init) + outbound.map(Livekit_SIPTrunkInfo.init)
        response.items = Array(all.sorted { $0.sipTrunkID < $1.sipTrunkID }.prefix(request.page.itemLimit))
        return response
      },
      TwirpMethod("DeleteSIPTrunk", needs: .sipAdmin) {
        [catalog] (request: Livekit_DeleteSIPTrunkRequest, _) async throws(TwirpError) in
        if await catalog.hasInboundTrunk(request.sipTrunkID) {
          let trunk: Livekit_SIPInboundTrunkInfo = try await catalog.delete(request.sipTrunkID)
          return Livekit_SIPTrunkInfo(trunk)
        }
        let trunk: Livekit_SIPOutboundTrunkInfo = try await catalog.delete(request.sipTrunkID)
        return Livekit_SIPTrunkInfo(trunk)
      },
    ]
  }
}

/// The message of LiveKit's deprecated methods, which had one kind of trunk for both directions.
extension Livekit_SIPTrunkInfo {
  init(_ trunk: Livekit_SIPInboundTrunkInfo) {
    self.init()
    sipTrunkID = trunk.sipTrunkID
    kind = .trunkInbound
    name = trunk.name
    metadata = trunk.metadata
    outboundNumber = trunk.numbers.first ?? ""
    inboundAddresses = trunk.allowedAddresses
    inboundNumbers = trunk.allowedNumbers
    inboundUsername = trunk.authUsername
    inboundPassword = trunk.authPassword
  }

  init(_ trunk: Livekit_SIPOutboundTrunkInfo) {
    self.init()
    sipTrunkID = trunk.sipTrunkID
    kind = .trunkOutbound
    name = trunk.name
    metadata = trunk.metadata
    outboundAddress = trunk.address
    outboundNumber = trunk.numbers.first ?? ""
    outboundUsername = trunk.authUsername
    outboundPassword = trunk.authPassword
    transport = trunk.transport
  }
}
