import Foundation
import Telephony

/// Reads `outbound_trunks`, whose items are LiveKit's `SIPOutboundTrunkInfo` in protojson, with keys of ours.
struct OutboundTrunkReader {
  /// Where the file lies, with a trailing slash; nil without a file.
  let directory: String?
  /// Numbers that are never dialled, by the path of their file as trunks name it.
  private(set) var doNotCallLists: [String: DoNotCallList] = [:]

  init(directory: String?) { self.directory = directory }

  mutating func read(_ root: Section) -> [Placed<OutboundTrunk>] {
    var lists: [String: DoNotCallList] = [:]
    let trunks = root.items("outbound_trunks", wrapper: "trunk") { section, _ in
      trunk(section, &lists).map { Placed(value: $0, section: section) }
    }
    doNotCallLists = lists
    return trunks
  }

  private func trunk(_ section: Section, _ lists: inout [String: DoNotCallList]) -> OutboundTrunk? {
    let address = section.value("address", .trunkAddress)
    if address == nil, !section.has("address") { _ = section.requires("address") }
    var trunk = OutboundTrunk(id: "", address: address ?? SIPHostPort(host: "localhost"))
    section.read("name", into: &trunk.name, .text)
    section.read("metadata", into: &trunk.metadata, .text)
    trunk.numbers = section.list("numbers", of: .number) ?? []
    section.read("transport", into: &trunk.transport, .protoEnum(TrunkTransport.allCases.map(\.rawValue)))
    trunk.authUsername = section.value("auth_username", .text) ?? ""
    trunk.authPassword = section.value("auth_password", .text, isSecret: true) ?? ""
    trunk.headers = HeaderTables.headers(section, "headers")
    trunk.headersToAttributes = HeaderTables.headersToAttributes(section)
    trunk.attributesToHeaders = HeaderTables.attributesToHeaders(section)
    section.read(
      "include_headers", into: &trunk.includeHeaders, .protoEnum(HeaderInclusion.allCases.map(\.rawValue)))
    trunk.media = MediaOptionsReader.read(section)
    section.read("destination_country", into: &trunk.destinationCountry, .text)
    section.read("from_host", into: &trunk.fromHost, .text)
    trunk.limits = DialPolicyReader.read(section)
    trunk.limits.doNotCallList = doNotCallList(section, &lists)
    trunk.earlyMedia = section.value("early_media", .bool)
    trunk.transfer = TransferPolicyReader.read(section)
    trunk.call = CallOverridesReader.read(section)
    trunk.id = section.value("sip_trunk_id", .nonEmptyText) ?? StableID.make("ST_", identity(trunk))
    section.ignored("created_at")
    section.ignored("updated_at")
    check(trunk, section)
    return address == nil ? nil : trunk
  }

  private func check(_ trunk: OutboundTrunk, _ section: Section) {
    section.reading.knowAsUnsettable(section.path(of: "answer_policy"))
    guard section.isPresent else { return }
    if trunk.call.answerPolicy != nil { section.refuse("answer_policy", "the other side answers calls out") }
    if trunk.transport == .tls { section.refuse("transport", "SIP over TLS is not available in this version") }
    for problem in OutboundTrunkCheck.problems(trunk) {
      // Header tables and media were refused with their own places already.
      if ["numbers", "destination_country", "from_host", "auth_username", "auth_password", "calling_hours"]
        .contains(problem.field)
      {
        section.refuse(problem.field, isSecret: problem.field.hasPrefix("auth_"), problem.sentence)
      }
    }
  }

  private func identity(_ trunk: OutboundTrunk) -> String {
    "outbound " + (trunk.name.isEmpty ? trunk.address.description : trunk.name)
  }

  /// The file's path as written, which names the list. A relative one counts from the configuration file.
  private func doNotCallList(_ section: Section, _ lists: inout [String: DoNotCallList]) -> String {
    guard let name = section.value("do_not_call_list", .nonEmptyText) else { return "" }
    guard lists[name] == nil else { return name }
    let path = name.hasPrefix("/") ? name : (directory ?? "") + name
    do throws(ConfigurationError) {
      var list = DoNotCallList()
      let text = try TextFile.read(path, byteLimit: TextFile.listByteLimit)
      for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
        let entry = line.prefix { $0 != "#" }.filter { !$0.isWhitespace }
        guard entry.isEmpty || list.insert(entry) else {
          section.refuse(
            "do_not_call_list", "\(path):\(index + 1): expected at most \(DoNotCallList.prefixLimit) prefixes")
          return name
        }
      }
      lists[name] = list
    } catch {
      section.refuse("do_not_call_list", error.description)
    }
    return name
  }
}

/// What may be dialled, when, and how often: keys of ours on outbound trunks.
enum DialPolicyReader {
  static let rate = ValueFormat<Int>.integer(0...1_000_000)

  static func read(_ section: Section) -> DialPolicy {
    DialPolicy(
      callsPerSecond: section.value("calls_per_second", rate),
      concurrentCalls: section.value("concurrent_calls", rate),
      allowedDestinations: section.list("allowed_destinations", of: .number) ?? [],
      deniedDestinations: section.list("denied_destinations", of: .number) ?? [],
      callingHours: section.items("calling_hours", wrapper: "hours") { hours, _ in callingHours(hours) })
  }

  private static func callingHours(_ section: Section) -> CallingHours {
    let hours = section.value("hours", .clockRange)
    if hours == nil, !section.has("hours") { _ = section.requires("hours") }
    let days = section.list("days", of: .weekday)
    return CallingHours(
      destination: .init(section.value("destination", .nonEmptyText) ?? section.requires("destination")),
      timeZones: section.list("time_zones", of: .timeZone) ?? [],
      weekdays: days.map { Set($0.map(\.rawValue)) } ?? [1, 2, 3, 4, 5, 6, 7],
      opensAt: hours?.opensAt ?? 0, closesAt: hours?.closesAt ?? 1440)
  }
}

/// How calls of a trunk are transferred: keys of ours on trunks in both directions.
enum TransferPolicyReader {
  static func read(_ section: Section) -> TransferPolicy {
    var policy = TransferPolicy()
    section.read("transfer_mode", into: &policy.mode, .choice)
    section.read("transfer_trunk", into: &policy.trunk, .nonEmptyText)
    section.read("accept_refer", into: &policy.acceptsRefer, .bool)
    section.read("accept_replaces", into: &policy.acceptsReplaces, .bool)
    return policy
  }
}
