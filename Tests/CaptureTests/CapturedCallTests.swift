import Base
import Capture
import SDP
import Testing

@Suite("Captured calls")
struct CapturedCallTests {
  @Test("there are at least twelve captures, each one whole call of one caller", arguments: Files.names)
  func whole(name: String) throws {
    #expect(Files.names.count >= 12)
    let traffic = try CapturedTraffic(try Files.pcap(name))
    let calls = CapturedCall.calls(in: traffic)
    #expect(calls.count == 1)
    #expect(traffic.ignoredFrameCount == 0)
    let call = try #require(calls.first)
    #expect(call.transport == (name.hasSuffix("-tcp") ? .tcp : .udp))
    #expect(call.callee.port == 5_060)
    #expect(!call.responses.isEmpty)
    #expect((call.answerOffset != nil) == (call.media.count > 100))
  }

  @Test("an answered call shows its packets, its steps and its end")
  func answered() throws {
    let call = try Files.call("hold-resume")
    #expect(call.steps.map(\.request.method) == ["INVITE", "INVITE", "BYE"])
    #expect(call.steps.map(\.offset) == call.steps.map(\.offset).sorted())
    #expect(call.responses.compactMap(\.message.status) == [100, 180, 200, 200, 200, 200])
    #expect(call.media.count == 185)
    #expect(call.returnedPacketCount > 150)
    #expect(call.answeredDuration > .seconds(4))
    #expect(call.cancelOffset == nil)
    #expect(String(decoding: call.steps[0].request.body, as: UTF8.self).contains("a=sendonly"))
  }

  @Test("lost packets stay lost, late ones late, repeated ones repeated")
  func network() throws {
    #expect((185...205).contains(try Files.call("loss-5-percent").media.count))
    let shaken = try Files.call("reordered-jitter").media
    let sequences = shaken.map { UInt16($0.bytes[2]) << 8 | UInt16($0.bytes[3]) }
    #expect(Set(sequences).count < sequences.count)
    #expect(zip(sequences, sequences.dropFirst()).contains { Int16(bitPattern: $1 &- $0) < 0 })
    let traffic = try CapturedTraffic(try Files.pcap("ssrc-change"))
    #expect(traffic.rtpStreams.count == 3)
  }

  @Test("a call with a password shows each try")
  func digest() throws {
    #expect(try Files.call("digest-good").authorizedInvites.count == 1)
    let bad = try Files.call("digest-bad")
    #expect(bad.authorizedInvites.count == 2)
    #expect(bad.answerOffset == nil)
    let header = try #require(bad.authorizedInvites.first?.value("Proxy-Authorization"))
    #expect(header.contains("username=\"phone-one\""))
  }

  @Test("a call that was given up shows when")
  func cancelled() throws {
    let call = try Files.call("cancel-while-ringing")
    #expect(call.cancelOffset.map { (.milliseconds(1_200)...(.milliseconds(1_300))).contains($0) } == true)
    #expect(call.media.isEmpty)
    #expect(call.steps.isEmpty)
  }

  @Test("a delayed offer shows what the ACK answered")
  func delayedOffer() throws {
    let call = try Files.call("delayed-offer")
    #expect(call.invite.body.isEmpty)
    #expect(SDPText.audioEndpoint(in: call.acknowledgement) == Endpoint("203.0.113.20:20000"))
  }

  @Test("retransmissions are one request")
  func retransmissions() throws {
    let frames = try CaptureFile.frames(of: try Files.pcap("twilio-udp"))
    var writer = PcapWriter()
    for frame in frames {
      for repeated in 0..<2 { writer.append(frame: Array(frame.bytes.dropFirst(14)), at: frame.time + Int64(repeated)) }
    }
    let call = try #require(CapturedCall.calls(in: try CapturedTraffic(writer.bytes)).first)
    #expect(call.steps.map(\.request.method) == ["BYE"])
    #expect(call.responses.compactMap(\.message.status) == [100, 180, 200, 200])
  }

  @Test("a capture of the caller's side alone still shows when it was answered")
  func oneSided() throws {
    let frames = try CaptureFile.frames(of: try Files.pcap("twilio-udp"))
    let gateway: [UInt8] = [192, 0, 2, 80]
    var writer = PcapWriter()
    for frame in frames where Array(frame.bytes[26..<30]) != gateway {
      writer.append(frame: Array(frame.bytes.dropFirst(14)), at: frame.time)
    }
    let call = try #require(CapturedCall.calls(in: try CapturedTraffic(writer.bytes)).first)
    #expect(call.responses.isEmpty)
    #expect(call.answerOffset != nil)
    #expect(call.media.count > 190)
  }
}
