import LiveKitProtocol

extension Livekit_ListUpdate {
  /// The list after the update: `set` replaces it, `clear` empties it, `remove` and `add` change single entries.
  func applied(to list: [String], _ field: String) throws(TwirpError) -> [String] {
    let edits = !add.isEmpty || !remove.isEmpty
    guard [!set.isEmpty, clear, edits].count(where: { $0 }) <= 1 else {
      throw MessageField.invalid(field, "expected one of set, clear, and add with remove")
    }
    guard max(set.count, add.count, remove.count) <= MessageField.listLimit else {
      throw MessageField.invalid(field, "expected at most \(MessageField.listLimit) entries")
    }
    if !set.isEmpty { return set }
    if clear { return [] }
    let kept = list.filter { !remove.contains($0) }
    var added: [String] = []
    for entry in add where !kept.contains(entry) && !added.contains(entry) { added.append(entry) }
    return kept + added
  }
}

extension Livekit_SIPInboundTrunkUpdate {
  /// Fields that are not set stay (livekit-wire 2.7).
  func apply(to info: inout Livekit_SIPInboundTrunkInfo) throws(TwirpError) {
    if hasNumbers { info.numbers = try numbers.applied(to: info.numbers, "numbers") }
    if hasAllowedAddresses {
      info.allowedAddresses = try allowedAddresses.applied(to: info.allowedAddresses, "allowed_addresses")
    }
    if hasAllowedNumbers {
      info.allowedNumbers = try allowedNumbers.applied(to: info.allowedNumbers, "allowed_numbers")
    }
    if hasAuthUsername { info.authUsername = authUsername }
    if hasAuthPassword { info.authPassword = authPassword }
    if hasAuthRealm { info.authRealm = authRealm }
    if hasName { info.name = name }
    if hasMetadata { info.metadata = metadata }
    if hasMediaEncryption { info.mediaEncryption = mediaEncryption }
    if hasMedia { info.media = media }
  }
}

extension Livekit_SIPOutboundTrunkUpdate {
  /// Fields that are not set stay (livekit-wire 2.7).
  func apply(to info: inout Livekit_SIPOutboundTrunkInfo) throws(TwirpError) {
    if hasAddress { info.address = address }
    if hasTransport { info.transport = transport }
    if hasNumbers { info.numbers = try numbers.applied(to: info.numbers, "numbers") }
    if hasAuthUsername { info.authUsername = authUsername }
    if hasAuthPassword { info.authPassword = authPassword }
    if hasName { info.name = name }
    if hasMetadata { info.metadata = metadata }
    if hasMediaEncryption { info.mediaEncryption = mediaEncryption }
    if hasDestinationCountry { info.destinationCountry = destinationCountry }
    if hasFromHost { info.fromHost = fromHost }
    if hasMedia { info.media = media }
  }
}

extension Livekit_SIPDispatchRuleUpdate {
  /// Fields that are not set stay; an attribute with an empty value goes (livekit-wire 2.7).
  func apply(to info: inout Livekit_SIPDispatchRuleInfo) throws(TwirpError) {
    if hasTrunkIds { info.trunkIds = try trunkIds.applied(to: info.trunkIds, "trunk_ids") }
    if hasRule { info.rule = rule }
    if hasName { info.name = name }
    if hasMetadata { info.metadata = metadata }
    for (key, value) in attributes { info.attributes[key] = value.isEmpty ? nil : value }
    if hasMediaEncryption { info.mediaEncryption = mediaEncryption }
    if hasMedia { info.media = media }
  }
}
