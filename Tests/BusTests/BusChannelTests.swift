import Testing

@testable import Bus

@Suite("Channel names")
struct BusChannelTests {
  @Test(
    "services, methods and topics become Redis channels",
    arguments: [
      (BusChannel.request("IOInfo", "GetSIPTrunkAuthentication"), "IOInfo|GetSIPTrunkAuthentication|REQ"),
      (BusChannel.request("SIPInternal", "CreateSIPParticipant", topic: [""]), "SIPInternal|CreateSIPParticipant|REQ"),
      (BusChannel.request("SIPInternal", "CreateSIPParticipant", topic: []), "SIPInternal|CreateSIPParticipant|REQ"),
      (
        BusChannel.request("SIPInternal", "CreateSIPParticipant", topic: ["eu"]),
        "SIPInternal|CreateSIPParticipant|eu|REQ"
      ),
      (
        BusChannel.request("SIPInternal", "TransferSIPParticipant", topic: ["SCL_k3SxW8dQm2Ab"]),
        "SIPInternal|TransferSIPParticipant|SCL_k3SxW8dQm2Ab|REQ"
      ),
      (BusChannel.claimResponse("S", "M", topic: ["t"]), "S|M|t|RCLAIM"),
      (BusChannel.claim("IOInfo", client: "CLI_abc"), "IOInfo|CLI_abc|CLAIM"),
      (BusChannel.response("IOInfo", client: "CLI_abc"), "IOInfo|CLI_abc|RES"),
      (BusChannel.request("S", "M", topic: ["eu-west.1"]), "S|M|euu+002dwestu+002e1|REQ"),
      (BusChannel.request("S", "M", topic: ["a|b"]), "S|M|au+007cb|REQ"),
      (BusChannel.request("S", "M", topic: ["", "b"]), "S|M|b|REQ"),
      (BusChannel.request("S", "M", topic: ["a", "b"]), "S|M|a|b|REQ"),
    ])
  func names(found: String, expected: String) { #expect(found == expected) }

  @Test("what is no letter, digit or underscore is escaped by its code point")
  func escapes() {
    let parts = ["🚀_É", "🛰_bar", "软件", "END"]
    #expect(
      BusChannel.join(parts.map { [$0] }, separator: ".")
        == "U+0001f680_u+00c9.U+0001f6f0_bar.u+8f6fu+4ef6.END")
    #expect(BusChannel.join([["e\u{301}"]]) == "eu+0301", "a combining mark is a part of its own")
    #expect(BusChannel.join([["\u{0}\n\u{FFFF}\u{10000}"]]) == "u+0000u+000au+ffffU+00010000")
  }
}
