import Foundation
import Telephony
import Testing

@testable import Configuration

@Suite struct OutboundTests {
  func load(_ text: String) throws(ConfigurationError) -> GatewayConfiguration {
    try GatewayConfiguration.load(ConfigurationSource(body: text))
  }

  static let trunk = """
    outbound_trunks:
      - trunk:
          name: carrier
          address: sip.example.com:5070
          transport: SIP_TRANSPORT_TCP
          numbers: ["+15550100"]
          authUsername: me
          authPassword: secret
          destinationCountry: GB
          allowed_destinations: ["+44*"]
          calls_per_second: 2
          calling_hours:
            - {destination: GB, time_zones: [Europe/London], days: [mon, friday], hours: 09:00-17:30}
          early_media: true
          transfer_mode: bridge
    """

  @Test("an outbound trunk is LiveKit's JSON with keys of ours")
  func trunk() throws {
    let configuration = try load(Self.trunk)
    let trunk = try #require(configuration.outbound.trunks.first)
    #expect(trunk.name == "carrier" && trunk.address == SIPHostPort(host: "sip.example.com", port: 5070))
    #expect(trunk.transport == .tcp && trunk.numbers == ["+15550100"] && trunk.id.hasPrefix("ST_"))
    #expect(trunk.authUsername == "me" && trunk.authPassword == "secret" && trunk.destinationCountry == "GB")
    #expect(trunk.limits.callsPerSecond == 2 && trunk.limits.allowedDestinations == ["+44*"])
    #expect(trunk.earlyMedia == true && trunk.transfer.mode == .bridge)
    #expect(
      trunk.limits.callingHours == [
        CallingHours(
          destination: .country("GB"), timeZones: ["Europe/London"], weekdays: [1, 5], opensAt: 540, closesAt: 1050)
      ])
    #expect(configuration.places[trunk.id] == "configuration:3")
  }

  static let refused: [(String, String)] = [
    ("{numbers: ['+1']}", "outbound_trunks[0].address: expected this key"),
    ("{address: 'sip:example.com', numbers: ['+15550100']}", "without sip:"),
    ("{address: 'user@example.com', numbers: ['+15550100']}", "address"),
    ("{address: example.com}", "no number of the trunk is given"),
    ("{address: example.com, numbers: ['+15550100'], auth_username: me}", "auth_password is missing"),
    ("{address: example.com, numbers: ['+15550100'], transport: SIP_TRANSPORT_TLS}", "not available"),
    ("{address: example.com, numbers: ['+15550100'], destination_country: XX}", "country"),
    ("{address: example.com, numbers: ['+15550100'], answer_policy: immediately}", "the other side answers"),
    ("{address: example.com, numbers: ['+15550100'], do_not_call_list: /nonexistent}", "there is no such file"),
    (
      "{address: example.com, numbers: ['+15550100'], calling_hours: [{destination: GB, hours: '9-17'}]}",
      "expected two times of day"
    ),
    (
      "{address: example.com, numbers: ['+15550100'], calling_hours: [{destination: GB, hours: '09:00-17:00'}]}",
      "need a time zone"
    ),
    (
      "{address: example.com, numbers: ['+15550100'], "
        + "calling_hours: [{destination: GB, time_zones: [Nowhere/X], hours: '09:00-17:00'}]}", "time zone's name"
    ),
  ]

  @Test("an outbound trunk that cannot be meant so is refused", arguments: refused)
  func refusing(trunk: String, sentence: String) {
    let error = #expect(throws: ConfigurationError.self) { try load("outbound_trunks: [\(trunk)]") }
    #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
  }

  @Test("a do-not-call list is read beside the file, with comments, prefixes and spellings of numbers")
  func doNotCallList() throws {
    let list = "# never\n+44 20 7946 0000  # a regulator\n\n+1900*\n"
    let path = try temporaryFile(list, named: "never.txt")
    let configuration = try load(
      "outbound_trunks: [{address: example.com, numbers: ['+15550100'], do_not_call_list: \(path)}]")
    let name = try #require(configuration.outbound.trunks.first).limits.doNotCallList
    let read = try #require(configuration.outbound.rules.doNotCallLists[name])
    #expect(read.count == 2 && read.contains("+442079460000") && read.contains("+19005550100"))
    #expect(!read.contains("+15550100"))
  }

  @Test("bounds on calls out")
  func bounds() throws {
    let outbound = try load(
      """
      outbound: {calls_per_second: 1, per_trunk: {concurrent_calls: 2}, per_key: {calls_per_second: 3}, inline_trunks: false}
      outbound_route_headers: ["<sip:proxy.example.com;lr>"]
      """
    ).outbound
    #expect(outbound.rules.total == DialQuota(callsPerSecond: 1, concurrentCalls: 500))
    #expect(outbound.rules.trunk == DialQuota(callsPerSecond: 5, concurrentCalls: 2))
    #expect(outbound.rules.key == DialQuota(callsPerSecond: 3, concurrentCalls: 200))
    #expect(outbound.options.routes == ["<sip:proxy.example.com;lr>"] && !outbound.options.allowsInlineTrunks)
  }

  @Test("webhooks are signed with one of the keys, the first unless another is named")
  func webhook() throws {
    let keys = "keys: {first: one, second: two}\n"
    let first = try load(keys + "webhook: {urls: ['https://example.com/a', 'http://127.0.0.1:1/b']}").webhook
    #expect(first.key == APIKey(name: "first", secret: "one"))
    #expect(first.urls.map(\.absoluteString) == ["https://example.com/a", "http://127.0.0.1:1/b"])
    let second = try load(keys + "webhook: {urls: ['https://example.com/a'], api_key: second}").webhook
    #expect(second.key.secret == "two")
  }

  @Test(
    "a webhook that could not be sent is refused",
    arguments: [
      ("{urls: [example.com]}", "expected a URL"), ("{urls: ['ftp://example.com']}", "expected a URL"),
      ("{urls: ['http://a'], api_key: other}", "expected one of `keys`: devkey"),
    ])
  func webhookRefused(webhook: String, sentence: String) {
    let error = #expect(throws: ConfigurationError.self) { try load("webhook: \(webhook)") }
    #expect(error?.description.contains(sentence) == true)
  }
}
