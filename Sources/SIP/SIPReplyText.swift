import CSofia

/// Stateless replies. Over UDP a source may be forged: strangers are sent nothing that is larger than what they sent, so
/// that nobody can turn us against a third party.
struct SIPReplyText {
  let request: OpaquePointer
  /// Whether it came over TCP, or from a source that belongs to a trunk. Asked when it matters.
  let mayGrow: () -> Bool

  /// Headers without which a refusal has no point.
  private static let essentialNames = ["Proxy-Authenticate", "Retry-After", "Unsupported"]

  /// Sends the reply, without what is not needed if it must be small. False when even so it would be too large.
  func send(_ response: SIPResponse, tag: String?) -> Bool {
    if send(response.reasonPhrase, response.headers, response.status, tag) { return true }
    if mayGrow() { return send(response.reasonPhrase, response.headers, response.status, tag, mayGrow: true) }
    var essential = response.headers.filter { header in Self.essentialNames.contains { header.isNamed($0) } }
    if send(response.reasonPhrase, essential, response.status, tag) { return true }
    // One challenge of several: the one that stands first is the one most phones know.
    if let challenge = essential.first(where: { $0.isNamed("Proxy-Authenticate") }) { essential = [challenge] }
    return send(SIPReasonPhrase.of(response.status), essential, response.status, tag)
  }

  private func send(
    _ phrase: String, _ headers: [SIPHeader], _ status: Int, _ tag: String?, mayGrow: Bool = false
  ) -> Bool {
    SIPHeader.block(headers).withStackText { headers in
      tag.withStackText { tag in
        phrase.withCString { csofia_request_reply(request, Int32(status), $0, tag, headers, mayGrow) }
      }
    }
  }
}

/// Short reason phrases, for statuses that the agent picks itself and for replies that must be small (RFC 3261 §21).
enum SIPReasonPhrase {
  static func of(_ status: Int) -> String {
    switch status {
    case 200: "OK"
    case 400: "Bad Request"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Not Allowed"
    case 407: "Unauthorized"
    case 408: "Request Timeout"
    case 480: "Temporarily Unavailable"
    case 481: "No Such Call"
    case 486: "Busy Here"
    case 487: "Request Terminated"
    case 488: "Not Acceptable Here"
    case 500: "Server Internal Error"
    case 503: "Service Unavailable"
    case 600: "Busy Everywhere"
    case 603: "Decline"
    default: "Refused"
    }
  }
}
