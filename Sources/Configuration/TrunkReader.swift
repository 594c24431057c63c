import Telephony

/// Reads `inbound_trunks`, whose items are LiveKit's `SIPInboundTrunkInfo` in protojson.
struct TrunkReader {
  let addresses: AddressTable

  func read(_ root: Section) -> [Placed<InboundTrunk>] {
    root.items("inbound_trunks", wrapper: "trunk") { section, _ in Placed(value: trunk(section), section: section) }
  }

  private func trunk(_ section: Section) -> InboundTrunk {
    var trunk = InboundTrunk(id: "")
    section.read("name", into: &trunk.name, .text)
    section.read("metadata", into: &trunk.metadata, .text)
    trunk.numbers = section.list("numbers", of: .number) ?? []
    trunk.allowedAddresses = section.list("allowed_addresses", of: .addressPattern, problem: problem) ?? []
    trunk.allowedNumbers = section.list("allowed_numbers", of: .number) ?? []
    trunk.authUsername = section.value("auth_username", .text) ?? ""
    trunk.authPassword = section.value("auth_password", .text, isSecret: true) ?? ""
    trunk.authRealm = section.value("auth_realm", .realm) ?? ""
    trunk.headers = HeaderTables.headers(section, "headers")
    trunk.headersToAttributes = HeaderTables.headersToAttributes(section)
    trunk.attributesToHeaders = HeaderTables.attributesToHeaders(section)
    section.read(
      "include_headers", into: &trunk.includeHeaders,
      .protoEnum(["SIP_NO_HEADERS", "SIP_X_HEADERS", "SIP_ALL_HEADERS"]))
    section.read("krisp_enabled", into: &trunk.krispEnabled, .bool)
    trunk.media = MediaOptionsReader.read(section)
    trunk.call = CallOverridesReader.read(section)
    NoAgentReader(section).write(to: &trunk.call)
    trunk.call.prompts = PromptReader(section).sounds
    trunk.transfer = TransferPolicyReader.read(section)
    trunk.id = section.value("sip_trunk_id", .nonEmptyText) ?? StableID.make("ST_", identity(trunk))
    section.ignored("created_at")
    section.ignored("updated_at")
    check(trunk, section)
    return trunk
  }

  private func problem(_ pattern: AddressPattern) -> String? {
    if case .provider(let name) = pattern.kind, addresses.providers[name] == nil {
      let known = addresses.providers.keys.sorted()
      return "expected a provider of \(ProviderFile.name)" + (known.isEmpty ? "" : ": " + known.joined(separator: ", "))
    }
    return pattern.problem
  }

  /// One of user name and password alone would ask for nothing, which is not what anyone means by it.
  private func check(_ trunk: InboundTrunk, _ section: Section) {
    if trunk.authUsername.isEmpty != trunk.authPassword.isEmpty {
      let (given, missing) =
        trunk.authUsername.isEmpty
        ? ("auth_password", "auth_username") : ("auth_username", "auth_password")
      section.refuse(given, isSecret: true, "expected `\(missing)` beside it")
    }
  }

  private func identity(_ trunk: InboundTrunk) -> String {
    trunk.name.isEmpty
      ? (trunk.numbers.map(\.body) + trunk.allowedAddresses.map(\.text)).joined(separator: " ") : trunk.name
  }
}
