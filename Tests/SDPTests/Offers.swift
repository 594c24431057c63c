import Base
import SDP

/// Descriptions that the tests share, in the shapes that real peers send; numbers and addresses are documentation ones.
enum Offers {
  static func lines(_ lines: [String]) -> String { lines.joined(separator: "\r\n") + "\r\n" }

  static func sip(
    address: String = "192.0.2.10", sessionConnection: Bool = true, media: [String]
  ) -> String {
    let family = address.contains(":") ? "IP6" : "IP4"
    return lines(
      ["v=0", "o=root 1311022221 1311022221 IN \(family) \(address)", "s=Gateway"]
        + (sessionConnection ? ["c=IN \(family) \(address)"] : []) + ["t=0 0"] + media)
  }

  static let twilio = sip(media: [
    "m=audio 12692 RTP/AVP 0 8 101", "a=maxptime:20", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=sendrecv", "a=rtcp:12693", "a=ptime:20",
  ])

  static let telnyx = sip(media: [
    "m=audio 19888 RTP/AVP 9 18 102 8 0 103 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:9 G722/8000", "a=rtpmap:18 G729/8000", "a=fmtp:18 annexb=no", "a=rtpmap:102 opus/48000/2",
    "a=fmtp:102 useinbandfec=1; maxaveragebitrate=30000; ptime=20; minptime=10; maxptime=40",
    "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=rtpmap:103 telephone-event/48000", "a=fmtp:103 0-15",
    "a=sendrecv", "a=rtcp:19889 IN IP4 192.0.2.10", "a=ptime:20",
  ])

  /// A one-codec offer with what the test wants to vary.
  static func plain(
    _ attributes: [String] = [], address: String = "192.0.2.10", formats: String = "0 101",
    transport: String = "RTP/AVP"
  ) -> String {
    sip(
      address: address,
      media: ["m=audio 4000 \(transport) \(formats)", "a=rtpmap:101 telephone-event/8000"] + attributes)
  }

  static let local = LocalMedia(endpoint: Endpoint(IPAddress(v4: 0xC633_6405), 10_000))
  static let digest = (0..<32).map { UInt8($0 * 7) }

  /// A libwebrtc offer: BUNDLE over everything, the transport's lines in every section.
  static func webRTC(
    _ sections: [(kind: String, lines: [String])], ufrag: String = "4RB3", extra: [String] = [], version: Int = 2
  ) -> String {
    let shared = [
      "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0", "a=ice-ufrag:\(ufrag)", "a=ice-pwd:i/3rTp1zkf2T3WsxFTzeOQTS",
      "a=ice-options:trickle", "a=fingerprint:\(Fingerprint(digest: digest))", "a=setup:actpass",
    ]
    let mids = sections.indices.map(String.init).joined(separator: " ")
    var text = ["v=0", "o=- 8490098960492972333 \(version) IN IP4 127.0.0.1", "s=-", "t=0 0"]
    text += ["a=group:BUNDLE \(mids)", "a=extmap-allow-mixed", "a=msid-semantic: WMS"] + extra
    for (mid, section) in sections.enumerated() {
      text.append(mLine[section.kind] ?? "m=\(section.kind) 9 UDP/TLS/RTP/SAVPF 99")
      text += shared + ["a=mid:\(mid)"] + (codecLines[section.kind] ?? []) + section.lines
    }
    return lines(text)
  }

  /// What a LiveKit client sends in its join request.
  static var joinRequest: String {
    webRTC(
      Array(repeating: ("audio", ["a=recvonly"]), count: 3) + Array(repeating: ("video", ["a=recvonly"]), count: 3)
        + [("application", [])])
  }

  private static let mLine = [
    "audio": "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126",
    "video": "m=video 9 UDP/TLS/RTP/SAVPF 96 97 103",
    "application": "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
  ]

  private static let codecLines = [
    "audio": [
      "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
      "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
      "a=extmap:4/sendrecv urn:ietf:params:rtp-hdrext:sdes:mid", "a=rtcp-mux", "a=rtcp-rsize",
      "a=rtpmap:111 opus/48000/2", "a=rtcp-fb:111 transport-cc", "a=fmtp:111 minptime=10;useinbandfec=1",
      "a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111", "a=rtpmap:9 G722/8000", "a=rtpmap:0 PCMU/8000",
      "a=rtpmap:8 PCMA/8000", "a=rtpmap:13 CN/8000", "a=rtpmap:110 telephone-event/48000",
      "a=rtpmap:126 telephone-event/8000",
    ],
    "video": ["a=rtcp-mux", "a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96"],
    "application": [
      "a=sctp-port:5000", "a=max-message-size:262144", "a=sctp-init:AQAAHtH6fvMAUAAA/////x4x1WzAAAAEgAgABoLA",
    ],
  ]
}
