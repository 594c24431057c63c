import SDP

/// A peer connection of a libwebrtc client, as far as its offers show it.
struct ClientPeer {
  struct Section {
    var mid: String
    var kind: String
    /// `recvonly`, `sendonly`, `inactive`.
    var direction: String
    /// The client's track id; in the offer's msid.
    var cid: String?
    var ssrc: UInt32 = 0
    var isRejected = false
  }

  var sections: [Section] = []
  var usernameFragment = "4tQz"
  var password = "n0tAR3alPassw0rdButLongEnough"
  var fingerprint = (0..<32).map { UInt8($0 * 7 & 0xFF) }
  var setup = "actpass"
  var audioFormats = ["111", "63", "9", "0", "8", "13", "110", "126"]
  private var version = 1

  /// The first offer of the stock client: three audio and three video sections to receive, and data channels.
  static func stock(seed: Int = 0) -> ClientPeer {
    var peer = ClientPeer()
    peer.usernameFragment = "u\(1_000 + seed)"
    peer.fingerprint = (0..<32).map { UInt8(truncatingIfNeeded: $0 &* 11 &+ seed) }
    for index in 0..<6 { peer.add(index < 3 ? "audio" : "video", "recvonly") }
    peer.add("application", "sendrecv")
    return peer
  }

  mutating func add(_ kind: String, _ direction: String, cid: String? = nil) {
    let number = sections.count
    sections.append(
      Section(mid: String(number), kind: kind, direction: direction, cid: cid, ssrc: UInt32(9_000 + number)))
  }

  mutating func offer() -> String {
    version += 1
    let bundle = sections.filter { !$0.isRejected }.map(\.mid).joined(separator: " ")
    var lines = [
      "v=0", "o=- 5577006791947779410 \(version) IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE \(bundle)",
      "a=extmap-allow-mixed", "a=msid-semantic: WMS",
    ]
    for section in sections { lines += media(section) }
    return lines.joined(separator: "\r\n") + "\r\n"
  }

  /// An answer that takes all that is offered.
  mutating func answer(to offer: WebRTCDescription) -> String {
    version += 1
    var lines = [
      "v=0", "o=- 8674665223082153551 \(version) IN IP4 127.0.0.1", "s=-", "t=0 0",
      "a=group:BUNDLE " + offer.bundle.joined(separator: " "),
    ]
    for section in offer.sections {
      let direction = section.direction.sends ? "recvonly" : "inactive"
      lines += media(Section(mid: section.mid, kind: section.kind.rawValue, direction: direction), setup: "active")
    }
    return lines.joined(separator: "\r\n") + "\r\n"
  }

  private func media(_ section: Section, setup: String? = nil) -> [String] {
    let port = section.isRejected ? 0 : 9
    var lines: [String]
    switch section.kind {
    case "audio": lines = ["m=audio \(port) UDP/TLS/RTP/SAVPF " + audioFormats.joined(separator: " ")]
    case "video": lines = ["m=video \(port) UDP/TLS/RTP/SAVPF 96 97"]
    default: lines = ["m=application \(port) UDP/DTLS/SCTP webrtc-datachannel"]
    }
    let print = fingerprint.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }
    lines += [
      "c=IN IP4 0.0.0.0", "a=ice-ufrag:\(usernameFragment)", "a=ice-pwd:\(password)", "a=ice-options:trickle",
      "a=fingerprint:sha-256 " + print.joined(separator: ":"), "a=setup:\(setup ?? self.setup)", "a=mid:\(section.mid)",
    ]
    if section.kind == "application" { return lines + ["a=sctp-port:5000", "a=max-message-size:262144"] }
    lines += [
      "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level", "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
    ]
    lines += ["a=\(section.direction)", "a=rtcp-mux", "a=rtcp-rsize"]
    if section.kind == "audio" { lines += audioFormats.compactMap { Self.formats[$0].map { "a=rtpmap:" + $0 } } }
    if section.kind == "video" { lines += ["a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96"] }
    if let cid = section.cid, section.direction == "sendonly" {
      lines += [
        "a=msid:stream-\(cid) \(cid)", "a=ssrc:\(section.ssrc) cname:c", "a=ssrc:\(section.ssrc) msid:x \(cid)",
      ]
    }
    return lines
  }

  private static let formats = [
    "111": "111 opus/48000/2", "63": "63 red/48000/2", "9": "9 G722/8000", "0": "0 PCMU/8000", "8": "8 PCMA/8000",
    "13": "13 CN/8000", "110": "110 telephone-event/48000", "126": "126 telephone-event/8000",
  ]
}
