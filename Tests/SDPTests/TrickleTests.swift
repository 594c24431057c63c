import Base
import Testing

@testable import SDP

@Suite("ICE candidates")
struct ICECandidateTests {
  @Test(
    "a candidate is read and written as it was",
    arguments: [
      "1 1 udp 2130706431 192.0.2.1 7882 typ host",
      "udphost 1 udp 2130706431 2001:db8::1 50000 typ host",
      "2 1 tcp 1671430143 192.0.2.1 7881 typ host tcptype passive",
      "3 1 tcp 1671430143 192.0.2.1 9 typ host tcptype active",
      "4 2 udp 16777215 203.0.113.1 50000 typ relay raddr 192.0.2.1 rport 7882",
      "5 1 udp 1694498815 203.0.113.1 50000 typ srflx raddr 0.0.0.0 rport 0",
      "6 1 tcp 1010827775 198.51.100.2 3478 typ prflx raddr 10.0.0.1 rport 8998 tcptype so",
    ])
  func roundTrip(text: String) throws {
    let candidate = try #require(ICECandidate(parsing: text))
    #expect(candidate.attributeValue == text)
    #expect(ICECandidate(parsing: "candidate:" + text) == candidate)
  }

  @Test("every field is where it belongs")
  func fields() throws {
    let candidate = try #require(
      ICECandidate(
        parsing: "candidate:842163049 1 UDP 1677729535 203.0.113.9 46154 typ srflx raddr 10.0.0.17 rport 46154 "
          + "generation 0 ufrag EEtu network-id 3 network-cost 10"))
    #expect(candidate.foundation == "842163049")
    #expect(candidate.component == 1)
    #expect(candidate.transport == .udp)
    #expect(candidate.priority == 1_677_729_535)
    #expect(candidate.endpoint == Endpoint("203.0.113.9:46154"))
    #expect(candidate.kind == .serverReflexive)
    #expect(candidate.related == Endpoint("10.0.0.17:46154"))
  }

  @Test(
    "what is no candidate that we could use is none",
    arguments: [
      "", "candidate:", "1 1 udp 2130706431 192.0.2.1 7882", "1 1 udp 2130706431 192.0.2.1 7882 host typ",
      "1 1 udp 2130706431 f3c0a5e1.local 7882 typ host", "1 1 sctp 2130706431 192.0.2.1 7882 typ host",
      "1 1 udp 4294967296 192.0.2.1 7882 typ host", "1 1 udp 1 192.0.2.1 65536 typ host",
      "1 0 udp 1 192.0.2.1 1 typ host", "1 257 udp 1 192.0.2.1 1 typ host", "1 1 udp -1 192.0.2.1 1 typ host",
      "1 1 udp 1 192.0.2.1 1 typ other", "1 1 tcp 1 192.0.2.1 1 typ host tcptype both",
      String(repeating: "1", count: 33) + " 1 udp 1 192.0.2.1 1 typ host",
      "1 1 udp 1 192.0.2.1 1 typ host" + String(repeating: " x", count: 300),
    ])
  func refused(text: String) {
    #expect(ICECandidate(parsing: text) == nil)
  }

  @Test("priorities are those of RFC 8445")
  func priorities() {
    #expect(ICECandidate.priority(of: .host) == 2_130_706_431)
    #expect(ICECandidate.priority(of: .relayed) == 16_777_215)
    #expect(ICECandidate.priority(of: .peerReflexive, localPreference: 0) == 110 << 24 | 255)
  }
}

@Suite("Trickled candidates")
struct TrickledCandidateTests {
  private static let host = "candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host"

  @Test("what a LiveKit server sends is understood")
  func reads() throws {
    let json = #" { "candidate" : "\#(Self.host)", "sdpMid":"0","sdpMLineIndex":0,"usernameFragment":null } "#
    let trickled = try #require(TrickledCandidate(json: json))
    #expect(trickled.candidate == ICECandidate(parsing: Self.host))
    #expect(trickled.mid == "0")
    #expect(trickled.mediaLineIndex == 0)
    #expect(trickled.usernameFragment == nil)
  }

  @Test("an empty candidate ends the candidates")
  func end() throws {
    let trickled = try #require(TrickledCandidate(json: #"{"candidate":""}"#))
    #expect(trickled.candidate == nil)
  }

  @Test("what is written is read the same")
  func roundTrip() throws {
    let candidate = try #require(ICECandidate(parsing: Self.host))
    for trickled in [
      TrickledCandidate(candidate: candidate, mid: "0", mediaLineIndex: 0, usernameFragment: "abcd"),
      TrickledCandidate(candidate: candidate), TrickledCandidate(candidate: nil, mid: "quote\" back\\ tab\t é 😀"),
    ] {
      #expect(TrickledCandidate(json: trickled.json) == trickled)
    }
    #expect(TrickledCandidate(candidate: nil, mid: "0").json == #"{"candidate":"","sdpMid":"0"}"#)
  }

  @Test("escapes are read as JSON has them")
  func escapes() throws {
    let json = #"{"candidate":"","sdpMid":"\"\\\/\b\f\n\r\t\u0041\ud83d\uDE00"}"#
    #expect(TrickledCandidate(json: json)?.mid == "\"\\/\u{8}\u{C}\n\r\tA😀")
  }

  @Test(
    "anything else is refused",
    arguments: [
      "", "null", "[]", "{}", "{", #"{"candidate"}"#, #"{"candidate":}"#, #"{"candidate":1}"#, #"{"candidate":"x"}"#,
      #"{"candidate":"","a":{}}"#, #"{"candidate":"","a":[1]}"#, #"{"candidate":"",}"#, #"{"candidate":""}x"#,
      #"{"candidate":"","a":tru}"#, #"{"candidate":"","a":1.2.3}"#, #"{"candidate":"","a":"\ud83d"}"#,
      #"{"candidate":"","a":"\ud83dx"}"#, #"{"candidate":"","a":"\udE00"}"#, #"{"candidate":"","a":"\u12"}"#,
      #"{"candidate":"","a":"\x"}"#, #"{"candidate":"","a":"\"#, "{\"candidate\":\"\n\"}", #"{"candidate":"" "a":1}"#,
      #"{"candidate":"","a":""# + String(repeating: "a", count: 2_100) + "\"}",
    ])
  func refused(json: String) {
    #expect(TrickledCandidate(json: json) == nil)
  }
}

@Suite("ICE server URLs")
struct ICEServerURLTests {
  @Test(
    "scheme, host, port and transport are found",
    arguments: [
      ("stun:stun.example.org", "stun.example.org", 3478, false),
      ("turn:192.0.2.1:3479", "192.0.2.1", 3479, false),
      ("turn:turn.example.org?transport=udp", "turn.example.org", 3478, false),
      ("turn:turn.example.org:80?transport=tcp", "turn.example.org", 80, true),
      ("turns:turn.example.org", "turn.example.org", 5349, true),
      ("turns:turn.example.org:443?transport=tcp", "turn.example.org", 443, true),
      ("TURN:[2001:db8::1]:3478", "2001:db8::1", 3478, false), ("turn:[::1]", "::1", 3478, false),
    ] as [(String, String, Int, Bool)])
  func reads(text: String, host: String, port: Int, isStream: Bool) throws {
    let url = try #require(ICEServerURL(parsing: text))
    #expect(url.host == host)
    #expect(Int(url.port) == port)
    #expect(url.isStream == isStream)
  }

  @Test(
    "anything else is refused",
    arguments: [
      "", "turn", "turn:", "http://example.org", "turn:example.org:0", "turn:example.org:65536", "turn:example.org:x",
      "turn:example.org?transport=sctp", "turn:example.org?x=1", "turn://example.org", "turn:user@example.org",
      "turn:[::1", "turn:[::1]x",
    ])
  func refused(text: String) {
    #expect(ICEServerURL(parsing: text) == nil)
  }
}
