import Base

/// One candidate as signalling carries it beside the descriptions: `RTCIceCandidateInit` of WebRTC in JSON
/// (RFC 8838, RFC 9429 §3.5.2.1), which is `TrickleRequest.candidateInit` of a LiveKit server.
///
///     {"candidate":"candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host","sdpMid":"0","sdpMLineIndex":0}
public struct TrickledCandidate: Hashable, Sendable {
  /// Nil: there are no more.
  public var candidate: ICECandidate?
  /// Of the section that the candidate belongs to.
  public var mid: String?
  public var mediaLineIndex: Int?
  /// The ICE generation that the candidate belongs to.
  public var usernameFragment: String?

  /// Longer JSON is none of it.
  public static let maximumByteCount = 2_048

  public init(
    candidate: ICECandidate?, mid: String? = nil, mediaLineIndex: Int? = nil, usernameFragment: String? = nil
  ) {
    self.candidate = candidate
    self.mid = mid
    self.mediaLineIndex = mediaLineIndex
    self.usernameFragment = usernameFragment
  }

  /// Nil for anything but such an object, and for a candidate that `ICECandidate` does not take. An empty `candidate`
  /// ends the candidates; unknown members are passed over.
  public init?(json: String) {
    guard json.utf8.count <= Self.maximumByteCount, let members = FlatJSONObject(json)?.members,
      case .string(let text)? = members["candidate"]
    else { return nil }
    if text.isEmpty {
      candidate = nil
    } else {
      guard let candidate = ICECandidate(parsing: text) else { return nil }
      self.candidate = candidate
    }
    if case .string(let mid)? = members["sdpMid"] { self.mid = mid }
    if case .number(let text)? = members["sdpMLineIndex"] { mediaLineIndex = Int(text) }
    if case .string(let fragment)? = members["usernameFragment"] { usernameFragment = fragment }
  }

  public var json: String {
    let text = candidate.map { "candidate:" + $0.attributeValue } ?? ""
    var members = ["\"candidate\":\(FlatJSONObject.quoted(text))"]
    if let mid { members.append("\"sdpMid\":\(FlatJSONObject.quoted(mid))") }
    if let mediaLineIndex { members.append("\"sdpMLineIndex\":\(mediaLineIndex)") }
    if let usernameFragment { members.append("\"usernameFragment\":\(FlatJSONObject.quoted(usernameFragment))") }
    return "{" + members.joined(separator: ",") + "}"
  }
}
