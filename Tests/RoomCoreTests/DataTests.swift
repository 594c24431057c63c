import Base
import FoundationEssentials
import LiveKitProtocol
import SwiftProtobuf
import Testing

@testable import RoomCore

@Suite("Data packets")
struct DataTests {
  private func user(_ text: String, to identities: [String] = [], sequence: UInt32 = 0) -> Livekit_DataPacket {
    var packet = Livekit_DataPacket()
    packet.user.payload = Data(text.utf8)
    packet.destinationIdentities = identities
    packet.sequence = sequence
    return packet
  }

  /// What clients got since the last call: identity, label, packet.
  private func received(
    _ harness: Harness, by clients: [Client]
  ) throws -> [(identity: String, label: String, packet: Livekit_DataPacket)] {
    let sent = harness.media.takeSent()
    return try clients.flatMap { client in
      let transport = try #require(harness.transport(of: client))
      return try sent.filter { $0.transport == transport }.map {
        (client.identity, $0.label, try Livekit_DataPacket(serializedBytes: $0.bytes))
      }
    }
  }

  @Test("a packet goes to everybody else, stamped with its sender", arguments: [true, false], [true, false])
  func stamped(isReliable: Bool, isSingle: Bool) throws {
    let harness = Harness()
    let alice = harness.join("alice", isSingle: isSingle)
    if !isSingle { harness.publish("mic", from: alice) }
    let others = [harness.join("bob"), harness.join("carol", isSingle: false)]
    var packet = user("hi")
    packet.participantIdentity = "mallory"
    packet.participantSid = "PA_mallory"
    packet.user.participantIdentity = "mallory"
    packet.user.participantSid = "PA_mallory"
    try harness.sendData(packet, from: alice, label: isReliable ? "_reliable" : "_lossy")
    let got = try received(harness, by: [alice] + others)
    #expect(got.map(\.identity) == ["bob", "carol"])
    for (_, label, packet) in got {
      #expect(label == (isReliable ? "_reliable" : "_lossy") && packet.kind == (isReliable ? .reliable : .lossy))
      #expect(packet.participantIdentity == "alice" && packet.participantSid == alice.me.sid)
      #expect(packet.user.participantIdentity == "alice" && packet.user.participantSid == alice.me.sid)
      #expect(packet.user.payload == Data("hi".utf8))
    }
  }

  @Test("destinations limit who gets it, in the new place or the old", arguments: ["packet", "user", "sids"])
  func destinations(place: String) throws {
    let harness = Harness()
    let alice = harness.join("alice")
    let bob = harness.join("bob")
    let carol = harness.join("carol")
    var packet = user("psst")
    if place == "packet" { packet.destinationIdentities = ["carol", "nobody", "alice"] }
    if place == "user" { packet.user.destinationIdentities = ["carol"] }
    if place == "sids" { packet.user.destinationSids = [carol.me.sid] }
    try harness.sendData(packet, from: alice)
    #expect(try received(harness, by: [alice, bob, carol]).map(\.identity) == ["carol"])
  }

  @Test("a reliable packet is passed on once, however often it is sent")
  func sequences() throws {
    let harness = Harness()
    let alice = harness.join("alice")
    let bob = harness.join("bob")
    for sequence in [1, 2, 2, 1, 3, 5, 4, 6] as [UInt32] {
      try harness.sendData(user("\(sequence)", sequence: sequence), from: alice)
    }
    #expect(try received(harness, by: [bob]).map(\.packet.sequence) == [1, 2, 3, 5, 6])
    #expect(harness.core.counters.dataPacketsRepeated == 3)
    harness.perform(.sessionClosed(alice.session))
    harness.resume(alice)
    #expect(alice.messages.last { $0.hasReconnect }?.reconnect.lastMessageSeq == 6)
  }

  @Test("lossy packets carry no memory")
  func lossy() throws {
    let harness = Harness()
    let alice = harness.join("alice")
    let bob = harness.join("bob")
    for sequence in [2, 1, 1] as [UInt32] {
      try harness.sendData(user("x", sequence: sequence), from: alice, label: "_lossy")
    }
    #expect(try received(harness, by: [bob]).count == 3)
  }

  @Test(
    "what may not be passed on is dropped and counted",
    arguments: ["no right", "speaker", "metrics", "transcription", "label", "large RPC", "large", "rubbish"])
  func dropped(what: String) throws {
    let harness = Harness()
    let alice = harness.join("alice") { if what == "no right" { $0.video.canPublishData = false } }
    let bob = harness.join("bob")
    var packet = user("x")
    if what == "speaker" { packet.speaker = Livekit_ActiveSpeakerUpdate() }
    if what == "metrics" { packet.metrics = Livekit_MetricsBatch() }
    if what == "transcription" { packet.transcription = Livekit_Transcription() }
    if what == "large RPC" { packet.rpcRequest.payload = String(repeating: "p", count: 15 * 1_024 + 1) }
    if what == "large" { packet = user(String(repeating: "x", count: 65_536)) }
    if what == "rubbish" {
      harness.perform(.data(try #require(harness.transport(of: alice)), label: "_reliable", [0xFF, 0xFF, 0xFF]))
    } else {
      try harness.sendData(packet, from: alice, label: what == "label" ? "other" : "_reliable")
    }
    #expect(try received(harness, by: [bob]).isEmpty)
    let counters = harness.core.counters
    #expect(counters.dataPacketsNotAllowed + counters.dataPacketsMalformed == 1)
  }

  @Test("the rate is bounded")
  func rate() throws {
    var configuration = Harness.configuration
    configuration.limits.dataPacketBurst = 5
    let harness = Harness(configuration: configuration)
    let alice = harness.join("alice")
    let bob = harness.join("bob")
    for _ in 0..<9 { try harness.sendData(user("x"), from: alice) }
    #expect(try received(harness, by: [bob]).count == 5 && harness.core.counters.dataPacketsOverRate == 4)
  }

  @Test("an agent may pass on the words of another, nobody else may", arguments: [true, false])
  func agentSpeaksForAnother(isAgent: Bool) throws {
    let harness = Harness()
    let agent = harness.join("agent") { if isAgent { $0.kind = .agent } }
    let bob = harness.join("bob")
    var packet = Livekit_DataPacket()
    packet.streamHeader.topic = "lk.transcription"
    packet.streamHeader.textHeader = Livekit_DataStream.TextHeader()
    packet.participantIdentity = "sip_+1555"
    try harness.sendData(packet, from: agent)
    let got = try #require(try received(harness, by: [bob]).first).packet
    #expect(got.participantIdentity == (isAgent ? "sip_+1555" : "agent"))
    #expect(got.streamHeader.textHeader.generated == isAgent)
  }

  @Test("a hidden sender stays unnamed")
  func hidden() throws {
    let harness = Harness()
    let ghost = harness.join("ghost") { $0.video.hidden = true }
    let bob = harness.join("bob")
    try harness.sendData(user("boo"), from: ghost)
    let got = try #require(try received(harness, by: [bob]).first).packet
    #expect(got.participantIdentity.isEmpty && got.participantSid.isEmpty && got.user.participantSid.isEmpty)
  }

  @Test("digits reach a call, chatter does not")
  func digits() throws {
    let harness = Harness()
    _ = try harness.call("sip_1")
    _ = try harness.call("sip_2")
    let alice = harness.join("alice")
    _ = harness.takeEvents()
    var packet = Livekit_DataPacket()
    packet.sipDtmf.digit = "5w6"
    packet.sipDtmf.code = 5
    packet.destinationIdentities = ["sip_2"]
    try harness.sendData(packet, from: alice)
    try harness.sendData(user("hello"), from: alice)
    #expect(harness.takeEvents() == ["call gets data of alice"])
    packet.destinationIdentities = []
    try harness.sendData(packet, from: alice, label: "_lossy")
    #expect(harness.takeEvents().count == 2)
  }

  @Test("a packet of more digits than a call keeps waiting does not occupy a media thread")
  func manyDigits() throws {
    let harness = Harness()
    _ = try harness.call("sip_1")
    let alice = harness.join("alice")
    _ = harness.takeEvents()
    var packet = Livekit_DataPacket()
    packet.sipDtmf.digit = String(repeating: "w", count: 64)
    try harness.sendData(packet, from: alice)
    #expect(harness.takeEvents() == ["call gets data of alice"])
    packet.sipDtmf.digit += "5"
    try harness.sendData(packet, from: alice)
    #expect(harness.takeEvents().isEmpty && harness.core.counters.dataPacketsNotAllowed == 1)
  }

  @Test("a call's digits reach the clients, each with its own sequence number")
  func callDigits() throws {
    let harness = Harness()
    let call = try harness.call("sip_1")
    let bob = harness.join("bob")
    for digit in ["1", "#"] {
      var packet = Livekit_DataPacket()
      packet.sipDtmf.digit = digit
      harness.perform(harness.core.sendLocal(call.participantSID, packet, now: harness.now))
    }
    let got = try received(harness, by: [bob])
    #expect(got.map(\.packet.sipDtmf.digit) == ["1", "#"] && got.map(\.packet.sequence) == [1, 2])
    #expect(got.allSatisfy { $0.packet.participantIdentity == "sip_1" && $0.label == "_reliable" })
    #expect(got.allSatisfy { $0.packet.participantSid == call.participantSID })
  }

  @Test("an RPC that a call does not know is answered at once; one it knows is passed on")
  func rpc() throws {
    var configuration = Harness.configuration
    configuration.localRPCMethods = ["lk.sip.EndCall"]
    let harness = Harness(configuration: configuration)
    _ = try harness.call("sip_1")
    let alice = harness.join("alice")
    _ = harness.takeEvents()
    var packet = Livekit_DataPacket()
    packet.rpcRequest.id = "r1"
    packet.rpcRequest.method = "dance"
    packet.destinationIdentities = ["sip_1"]
    try harness.sendData(packet, from: alice)
    let got = try received(harness, by: [alice]).map(\.packet)
    #expect(got.map(\.participantIdentity) == ["sip_1", "sip_1"])
    #expect(got.first?.rpcAck.requestID == "r1" && got.last?.rpcResponse.requestID == "r1")
    #expect(got.last?.rpcResponse.error.code == 1_400)
    packet.rpcRequest.method = "lk.sip.EndCall"
    try harness.sendData(packet, from: alice)
    #expect(harness.takeEvents() == ["call gets data of alice"])
  }

  @Test("RPC between clients is passed on as it is")
  func clientRPC() throws {
    let harness = Harness()
    let alice = harness.join("alice")
    let bob = harness.join("bob")
    var packet = Livekit_DataPacket()
    packet.rpcRequest.id = "r1"
    packet.rpcRequest.method = "greet"
    packet.rpcRequest.payload = String(repeating: "p", count: 15 * 1_024)
    packet.destinationIdentities = ["bob"]
    try harness.sendData(packet, from: alice)
    #expect(try received(harness, by: [alice, bob]).map(\.packet.rpcRequest) == [packet.rpcRequest])
  }

  @Test("reliable packets wait for the data channel, as many as may; lossy ones do not")
  func queue() throws {
    var configuration = Harness.configuration
    configuration.limits.queuedDataPackets = 3
    let harness = Harness(configuration: configuration)
    let call = try harness.call("sip_1")
    harness.connectsTransports = false
    let alice = harness.join("alice")
    for number in 0..<5 {
      let packet = user("\(number)")
      harness.perform(harness.core.sendLocal(call.participantSID, packet, now: harness.now))
      harness.perform(
        harness.core.sendLocal(call.participantSID, packet, isReliable: false, now: harness.now))
    }
    #expect(harness.media.sent.isEmpty && harness.core.counters.dataPacketsQueueFull == 2)
    let transport = try #require(harness.transport(of: alice))
    harness.perform(.dataChannelOpened(transport, label: "_reliable"))
    let got = try received(harness, by: [alice]).map(\.packet)
    #expect(got.map { String(decoding: $0.user.payload, as: UTF8.self) } == ["0", "1", "2"])
  }
}
