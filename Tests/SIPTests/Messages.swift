import Base

/// One call as a test's peer speaks it: builds requests and remembers what a dialog needs.
struct Caller {
  static let offer = """
    v=0\r
    o=- 20 1 IN IP4 127.0.0.1\r
    s=-\r
    c=IN IP4 127.0.0.1\r
    t=0 0\r
    m=audio 30000 RTP/AVP 0 8\r
    a=rtpmap:0 PCMU/8000\r\n
    """

  var target: Endpoint
  var local: Endpoint
  var transport = "UDP"
  var callID = GUID.make(prefix: "call-")
  var fromTag = GUID.make()
  var toTag: String?
  var sequenceNumber = 1
  var branch = GUID.make(prefix: "z9hG4bK")
  /// Instead of one that names `local`.
  var contact: String?

  init(_ target: Endpoint, _ peer: RawPeer) {
    self.target = target
    local = peer.local
    transport = peer.isTCP ? "TCP" : "UDP"
  }

  /// A request with the mandatory headers; `extra` lines end with CRLF.
  func request(
    _ method: String, extra: String = "", body: String = "", contentType: String = "application/sdp",
    cseqMethod: String? = nil, maxForwards: String = "Max-Forwards: 70\r\n"
  ) -> String {
    let to = toTag.map { ";tag=\($0)" } ?? ""
    let type = body.isEmpty ? "" : "Content-Type: \(contentType)\r\n"
    return """
      \(method) sip:100@\(target) SIP/2.0\r
      Via: SIP/2.0/\(transport) \(local);rport;branch=\(branch)\r
      \(maxForwards)From: "Caller" <sip:+15550100@example.com>;tag=\(fromTag)\r
      To: <sip:100@\(target)>\(to)\r
      Call-ID: \(callID)\r
      CSeq: \(sequenceNumber) \(cseqMethod ?? method)\r
      Contact: \(contact ?? "<sip:caller@\(local)>")\r
      \(extra)\(type)Content-Length: \(body.utf8.count)\r
      \r
      \(body)
      """
  }

  func invite(extra: String = "", body: String = Caller.offer) -> String {
    request("INVITE", extra: extra, body: body)
  }

  /// Starts the next transaction of the dialog.
  mutating func next() {
    sequenceNumber += 1
    branch = GUID.make(prefix: "z9hG4bK")
  }

  /// The callee's side of a dialog: `invite` is the agent's, `tag` the callee's own.
  mutating func reverse(_ invite: String, tag: String) {
    callID = Self.header("Call-ID", of: invite) ?? ""
    fromTag = tag
    toTag = Self.header("From", of: invite)?.split(separator: ";tag=").last.map(String.init)
  }

  mutating func learnTag(_ response: String?) {
    toTag = response.flatMap { Self.header("To", of: $0) }.flatMap {
      $0.split(separator: ";tag=").last.map(String.init)
    }
  }

  /// The value of the first header called `name`.
  static func header(_ name: String, of message: String) -> String? {
    headers(name, of: message).first
  }

  static func headers(_ name: String, of message: String) -> [String] {
    message.split(separator: "\r\n").compactMap { line in
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, parts[0].lowercased() == name.lowercased() else { return nil }
      return String(parts[1].drop { $0 == " " })
    }
  }

  /// The status line.
  static func statusLine(_ message: String?) -> String {
    message?.split(separator: "\r\n").first.map(String.init) ?? "none"
  }

  /// A plain answer to a request that the agent sent.
  static func response(
    _ status: String, to request: String, toTag: String? = nil, extra: String = "", body: String = ""
  )
    -> String
  {
    var lines = ["SIP/2.0 \(status)"]
    for name in ["Via", "Record-Route", "From", "Call-ID", "CSeq"] {
      lines += headers(name, of: request).map { "\(name): \($0)" }
    }
    let to = header("To", of: request) ?? ""
    lines.append("To: \(to)\(toTag.map { to.contains("tag=") ? "" : ";tag=\($0)" } ?? "")")
    if !body.isEmpty { lines.append("Content-Type: application/sdp") }
    lines.append("Content-Length: \(body.utf8.count)")
    return lines.joined(separator: "\r\n") + "\r\n" + extra + "\r\n" + body
  }
}

extension RawPeer {
  /// The final response to the caller's latest request; whatever else comes, retransmissions too, is skipped.
  func answer(to caller: Caller, _ method: String) async -> String? {
    while let message = await receive("SIP/2.0 ") {
      if message.hasPrefix("SIP/2.0 1") { continue }
      if Caller.header("CSeq", of: message) == "\(caller.sequenceNumber) \(method)" { return message }
    }
    return nil
  }

  /// INVITE, 180, 200, ACK. The caller has the dialog's tag afterwards; nil when no 200 came.
  func establish(_ caller: inout Caller, extra: String = "") async -> String? {
    send(caller.invite(extra: extra))
    guard let ok = await receive("SIP/2.0 200") else { return nil }
    caller.learnTag(ok)
    send(caller.request("ACK"))
    return ok
  }
}
