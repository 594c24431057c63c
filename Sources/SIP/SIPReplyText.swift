import CSofia

/// Stateless replies.
enum SIPReplyText {
  static func send(_ response: SIPResponse, tag: String?, to request: OpaquePointer) {
    SIPHeader.block(response.headers).withStackText { headers in
      tag.withStackText { tag in
        response.reasonPhrase.withCString {
          csofia_request_reply(request, Int32(response.status), $0, tag, headers)
        }
      }
    }
  }
}

/// Reason phrases for statuses that the agent picks itself (RFC 3261 §21).
enum SIPReasonPhrase {
  static func of(_ status: Int) -> String {
    switch status {
    case 404: "Not Found"
    case 408: "Request Timeout"
    case 480: "Temporarily Unavailable"
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
