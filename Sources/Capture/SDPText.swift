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
    let lines = String(decoding: body, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    let moved = lines.map { line -> String in
      let end = line.hasSuffix("\r") ? "\r" : ""
      let text = String(line.dropLast(end.count))
      if text.hasPrefix("m=") {
        section = isMoved || !text.hasPrefix("m=audio ") || text.hasPrefix("m=audio 0 ") ? "other" : "audio"
        guard section == "audio" else { return String(line) }
        isMoved = true
        let fields = text.split(separator: " ", maxSplits: 2)
        return fields.count == 3 ? "\(fields[0]) \(endpoint.port) \(fields[2])" + end : String(line)
      }
      if text.hasPrefix("c="), section != "other", !text.hasSuffix(" 0.0.0.0"), !text.hasSuffix(" ::") {
        return "c=\(ConnectionAddress(endpoint.address))" + end
      }
      if text.hasPrefix("a=rtcp:"), section == "audio" {
        let port = endpoint.port &+ 1
        return (text.contains(" ") ? "a=rtcp:\(port) \(ConnectionAddress(endpoint.address))" : "a=rtcp:\(port)") + end
      }
      return String(line)
    }
    return Array(moved.joined(separator: "\n").utf8)
  }
}
