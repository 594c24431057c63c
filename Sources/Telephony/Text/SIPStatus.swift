/// A SIP status line without its version: `404 Not Found`.
public struct SIPStatus: Hashable, Sendable, CustomStringConvertible {
  public var code: Int
  public var phrase: String

  public init(_ code: Int, _ phrase: String) {
    self.code = code
    self.phrase = phrase
  }

  public var description: String { "\(code) \(phrase)" }

  public static let ok = SIPStatus(200, "OK")
  public static let noSuchCall = SIPStatus(481, "Call/Transaction Does Not Exist")
  public static let requestTerminated = SIPStatus(487, "Request Terminated")
}
