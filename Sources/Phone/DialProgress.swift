/// What happens to a call of the test phone, one line each.
public enum DialProgress: Hashable, Sendable, CustomStringConvertible {
  case calling(uri: String, address: String)
  case response(status: Int, reasonPhrase: String)
  case answered(codec: String, packetTime: Int, media: String)
  /// The far side changed the media: hold, resume, another address.
  case renegotiated(direction: String, media: String)
  case audioStarted(afterMilliseconds: Int)
  case digitsSent(String)
  case digitReceived(String)
  case hangingUp
  case ended(String)

  public var description: String {
    switch self {
    case .calling(let uri, let address): "calling \(uri) at \(address)"
    case .response(let status, let phrase): "\(status) \(phrase)"
    case .answered(let codec, let packetTime, let media):
      "answered: \(codec), \(packetTime) ms packets, media at \(media)"
    case .renegotiated(let direction, let media): "media changed: \(direction), \(media)"
    case .audioStarted(let milliseconds): "first audio packet after \(milliseconds) ms"
    case .digitsSent(let digits): "digits sent: \(digits)"
    case .digitReceived(let digit): "digit received: \(digit)"
    case .hangingUp: "hanging up"
    case .ended(let how): "ended: \(how)"
    }
  }
}
