/// Why a request of the API about a call failed: the code, the sentence and the `livekit.SIPStatus` detail.
public struct CallError: Error, Hashable, Sendable {
  public var code: RPCCode
  public var message: String
  /// What the other side answered. Nil when it was not asked, or did not answer.
  public var sipStatus: SIPStatus?
  /// More for programs: `limit`, `argument`.
  public var details: [String: String] = [:]

  public init(_ code: RPCCode, _ message: String, sipStatus: SIPStatus? = nil) {
    self.code = code
    self.message = message
    self.sipStatus = sipStatus
  }

  /// `sip status <code>: <text>`
  public init(sipStatus: SIPStatus) {
    self.init(
      RPCCode(sipStatus: sipStatus.code), "sip status \(sipStatus.code): \(sipStatus.phrase)", sipStatus: sipStatus)
  }

  /// Twirp `meta`: the details, `sip_status_code` and `sip_status`.
  public var meta: [String: String] {
    guard let sipStatus else { return details }
    return details.merging(["sip_status_code": String(sipStatus.code), "sip_status": sipStatus.phrase]) { $1 }
  }
}
