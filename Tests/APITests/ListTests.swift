import LiveKitProtocol
import SwiftProtobuf
import Telephony
import Testing

@testable import API

@Suite struct ListTests {
  let gateway: TestGateway

  /// ST_a … ST_e: +15550100 … +15550103, and one without numbers. A rule for each of the first two, and one for all.
  init() throws {
    var stored = StoredConfiguration()
    for (letter, number) in zip("abcd", ["+15550100", "+15550101", "+15550102", "(1) 555-0103"]) {
      var trunk = Livekit_SIPInboundTrunkInfo()
      trunk.sipTrunkID = "ST_\(letter)"
      trunk.numbers = [number]
      stored.inboundTrunks.append(trunk)
    }
    var open = Livekit_SIPInboundTrunkInfo()
    open.sipTrunkID = "ST_e"
    open.allowedAddresses = ["10.0.0.1"]
    stored.inboundTrunks.append(open)
    for (id, trunks) in [("SDR_a", ["ST_a"]), ("SDR_b", ["ST_b"]), ("SDR_c", [])] {
      var rule = Livekit_SIPDispatchRuleInfo()
      rule.sipDispatchRuleID = id
      rule.trunkIds = trunks
      rule.rule.dispatchRuleDirect.roomName = id
      stored.rules.append(rule)
    }
    for (id, number) in [("ST_x", "+15550100"), ("ST_y", "+15550101")] {
      var trunk = Livekit_SIPOutboundTrunkInfo()
      trunk.sipTrunkID = id
      trunk.address = "example.com"
      trunk.numbers = [number]
      stored.outboundTrunks.append(trunk)
    }
    gateway = try TestGateway(stored: stored)
  }

  func trunks(
    ids: [String] = [], numbers: [String] = [], after: String? = nil, limit: Int32? = nil
  ) async throws -> [String] {
    var request = Livekit_ListSIPInboundTrunkRequest()
    request.trunkIds = ids
    request.numbers = numbers
    if let after { request.page.afterID = after }
    if let limit { request.page.limit = limit }
    let response: Livekit_ListSIPInboundTrunkResponse = try await gateway.ask("ListSIPInboundTrunk", request)
    return response.items.map(\.sipTrunkID)
  }

  @Test("without a filter: all, in the order of ids")
  func all() async throws { #expect(try await trunks() == ["ST_a", "ST_b", "ST_c", "ST_d", "ST_e"]) }

  @Test("with ids: those, in that order, and an empty one for each that is not there")
  func byID() async throws {
    #expect(try await trunks(ids: ["ST_c", "ST_zz", "ST_a"]) == ["ST_c", "", "ST_a"])
  }

  @Test("with numbers: those that have one of them in any spelling, and those that take every number")
  func byNumber() async throws {
    #expect(try await trunks(numbers: ["1 555 0100", "+15550103"]) == ["ST_a", "ST_d", "ST_e"])
    #expect(try await trunks(ids: ["ST_a", "ST_b"], numbers: ["+15550101"]) == ["ST_b"])
  }

  @Test("pages follow each other")
  func pages() async throws {
    #expect(try await trunks(limit: 2) == ["ST_a", "ST_b"])
    #expect(try await trunks(after: "ST_b", limit: 2) == ["ST_c", "ST_d"])
    #expect(try await trunks(after: "ST_bb", limit: 2) == ["ST_c", "ST_d"])
    #expect(try await trunks(after: "ST_d", limit: 2) == ["ST_e"])
    #expect(try await trunks(after: "ST_e") == [])
    #expect(try await trunks(limit: -1).count == 5)
  }

  @Test("outbound trunks are found by a number as it is written")
  func outbound() async throws {
    for (numbers, ids) in [(["+15550100"], ["ST_x"]), (["1 555 0100"], []), ([], ["ST_x", "ST_y"])] {
      var request = Livekit_ListSIPOutboundTrunkRequest()
      request.numbers = numbers
      let response: Livekit_ListSIPOutboundTrunkResponse = try await gateway.ask("ListSIPOutboundTrunk", request)
      #expect(response.items.map(\.sipTrunkID) == ids)
    }
  }

  @Test("rules are found by a trunk that they name, and those that name none with them")
  func rules() async throws {
    for (ids, trunks, found) in [
      ([], [], ["SDR_a", "SDR_b", "SDR_c"]), ([], ["ST_a"], ["SDR_a", "SDR_c"]), ([], ["ST_zz"], ["SDR_c"]),
      (["SDR_b", "SDR_zz"], [], ["SDR_b", ""]),
    ] as [([String], [String], [String])] {
      var request = Livekit_ListSIPDispatchRuleRequest()
      request.dispatchRuleIds = ids
      request.trunkIds = trunks
      let response: Livekit_ListSIPDispatchRuleResponse = try await gateway.ask("ListSIPDispatchRule", request)
      #expect(response.items.map(\.sipDispatchRuleID) == found)
    }
  }

  @Test("LiveKit's older list has trunks of both directions")
  func older() async throws {
    let response: Livekit_ListSIPTrunkResponse = try await gateway.ask("ListSIPTrunk", Livekit_ListSIPTrunkRequest())
    #expect(response.items.map(\.sipTrunkID) == ["ST_a", "ST_b", "ST_c", "ST_d", "ST_e", "ST_x", "ST_y"])
    #expect(response.items.last?.kind == .trunkOutbound && response.items.last?.outboundAddress == "example.com")
  }

  @Test("LiveKit's older list loses nothing between its pages", arguments: [nil, 700, 5000] as [Int32?])
  func olderPages(limit: Int32?) async throws {
    var stored = StoredConfiguration()
    for number in 0..<1300 {
      // Most of one kind come first, and most of the other last.
      var inbound = Livekit_SIPInboundTrunkInfo()
      inbound.sipTrunkID = "ST_\(10_000 + number + (number > 1100 ? 2000 : 0))"
      inbound.numbers = ["+1555\(10_000 + number)"]
      stored.inboundTrunks.append(inbound)
      var outbound = Livekit_SIPOutboundTrunkInfo()
      outbound.sipTrunkID = "ST_\(11_500 + number)"
      outbound.address = "example.com"
      outbound.numbers = ["+1"]
      stored.outboundTrunks.append(outbound)
    }
    let gateway = try TestGateway(stored: stored)
    var request = Livekit_ListSIPTrunkRequest()
    if let limit { request.page.limit = limit }
    var found: [String] = []
    while true {
      let page: Livekit_ListSIPTrunkResponse = try await gateway.ask("ListSIPTrunk", request)
      guard let last = page.items.last else { break }
      #expect(page.items.count <= 1000)
      found += page.items.map(\.sipTrunkID)
      request.page.afterID = last.sipTrunkID
    }
    let all = stored.inboundTrunks.map(\.sipTrunkID) + stored.outboundTrunks.map(\.sipTrunkID)
    #expect(found == all.sorted())
  }

  @Test("more ids than a page has items are refused, not left out")
  func tooManyIDs() async throws {
    #expect(try await trunks(ids: Array(repeating: "ST_a", count: 1000)).count == 1000)
    await #expect {
      try await trunks(ids: Array(repeating: "ST_a", count: 1001))
    } throws: { ($0 as? Refused)?.meta?["argument"] == "sip_trunk_ids" }
  }
}
