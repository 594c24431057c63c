import Base
import SDP

/// Reads and changes addresses of a session description and leaves the rest of its text as the provider wrote it.
public enum SDPText {
  /// Where the first audio stream is received. Nil without one, on hold by address, or when the text is no SDP.
  public static func audioEndpoint(in body: [UInt8]) -> Endpoint? {
    guard !body.isEmpty, let description = try? SessionDescription(parsing: body),
      let audio = description.media.first(where: { $0.kind == "audio" && $0.port != 0 }),
      let address = description.connection(of: audio)?.address, !address.isUnspecified
    else { return nil }
    return Endpoint(address, audio.port)
  }

  /// Points the first audio stream at `endpoint`: every `c=` but a hold, the port, and `a=rtcp` beside it.
  public static func movingAudio(to endpoint: Endpoint, in body: [UInt8]) -> [UInt8] {
    var section = ""
    var isMoved = false
    // By bytes: as characters, CR and LF are one.
    let lines = body.split(separator: 0x0A, omittingEmptySubsequences: false)
    let moved = lines.map { bytes -> String in
      let line = String(decoding: bytes, as: UTF8.self)
      let end = bytes.last == 0x0D ? "\r" : ""
      let text = String(decoding: bytes.dropLast(end.utf8.count), as: UTF8.self)
      if text.hasPrefix("m=") {
        section = isMoved || !text.hasPrefix("m=audio ") || text.hasPrefix("m=audio 0 ") ? "other" : "audio"
        guard section == "audio" else { return line }
        isMoved = true
        let fields = text.split(separator: " ", maxSplits: 2)
        return fields.count == 3 ? "\(fields[0]) \(endpoint.port) \(fields[2])" + end : line
      }
      if text.hasPrefix("c="), section != "other", !text.hasSuffix(" 0.0.0.0"), !text.hasSuffix(" ::") {
        return "c=\(ConnectionAddress(endpoint.address))" + end
      }
      if text.hasPrefix("a=rtcp:"), section == "audio" {
        let port = endpoint.port &+ 1
        return (text.contains(" ") ? "a=rtcp:\(port) \(ConnectionAddress(endpoint.address))" : "a=rtcp:\(port)") + end
      }
      return line
    }
    return Array(moved.joined(separator: "\n").utf8)
  }
}
