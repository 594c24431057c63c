import CSofia

/// What the agent refuses by itself, from the request alone (RFC 3261 §8.2, §16.3).
struct RequestPolicy {
  static let allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY"
  static let supported = "timer, replaces"
  /// Of our own INVITEs: no session timer is asked for, and none is offered (RFC 4028 §7.1).
  static let supportedByCaller = "replaces"
  private static let dialogMethods: Set = [
    "INVITE", "BYE", "OPTIONS", "INFO", "UPDATE", "PRACK", "NOTIFY", "REFER", "CANCEL",
  ]

  var method: String
  var uriScheme: String
  var hasFromTag: Bool
  var hasToTag: Bool
  var hasContact: Bool
  /// Nil when the header is absent.
  var maxForwards: Int?
  var contentType: String
  var contentEncoding: String?
  var hasBody: Bool
  var headers: [SIPHeader]

  /// The refusal of a request outside a dialog; nil for an INVITE or OPTIONS that is fit to be answered.
  func refusalOutsideDialog() -> SIPResponse? {
    if hasToTag, Self.dialogMethods.contains(method) { return SIPResponse(481, "Call/Transaction Does Not Exist") }
    switch method {
    case "INVITE", "OPTIONS": break
    case "CANCEL": return SIPResponse(481, "Call/Transaction Does Not Exist")
    case "BYE", "NOTIFY": return SIPResponse(400, "Missing To Tag")
    default: return SIPResponse(405, "Method Not Allowed", headers: [SIPHeader("Allow", Self.allow)])
    }
    if maxForwards == 0 { return SIPResponse(483, "Too Many Hops") }
    guard ["sip", "sips", "tel"].contains(uriScheme) else { return SIPResponse(416, "Unsupported URI Scheme") }
    if method == "INVITE" {
      if !hasFromTag { return SIPResponse(400, "Missing From Tag") }
      if !hasContact { return SIPResponse(400, "Missing Contact Header") }
    }
    return refusalOfContent()
  }

  /// The refusal of an INVITE or UPDATE for what it requires or carries.
  func refusalOfContent() -> SIPResponse? {
    let unsupported = unsupportedExtensions()
    if !unsupported.isEmpty {
      return SIPResponse(
        420, "Bad Extension", headers: [SIPHeader("Unsupported", unsupported.joined(separator: ", "))])
    }
    guard hasBody, method == "INVITE" || method == "UPDATE" else { return nil }
    if let contentEncoding, contentEncoding.lowercased() != "identity" {
      return SIPResponse(415, "Unsupported Media Type", headers: [SIPHeader("Accept-Encoding", "identity")])
    }
    if contentType.isEmpty { return SIPResponse(400, "Missing Content-Type Header") }
    if contentType != "application/sdp" {
      return SIPResponse(415, "Unsupported Media Type", headers: [SIPHeader("Accept", "application/sdp")])
    }
    return nil
  }

  /// What to say about session timers in a 2xx (RFC 4028 §9): the peer refreshes, or there is no timer.
  static func sessionTimerHeaders(_ request: [SIPHeader]) -> [SIPHeader] {
    guard let value = request.first("Session-Expires"), isTimerKnown(request) else { return [] }
    let parts = value.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
    guard let seconds = parts.first.flatMap({ UInt32($0) }), !parts.contains("refresher=uas") else { return [] }
    return [SIPHeader("Session-Expires", "\(seconds);refresher=uac"), SIPHeader("Require", "timer")]
  }

  /// Option tags of Require that we cannot honour. `timer` we can as long as the peer does the refreshing.
  private func unsupportedExtensions() -> [String] {
    Self.tokens(headers.all("Require")).filter { $0 != "replaces" && ($0 != "timer" || isRefreshAskedOfUs) }
  }

  private var isRefreshAskedOfUs: Bool {
    headers.first("Session-Expires")?.filter { $0 != " " }.lowercased().contains("refresher=uas") ?? false
  }

  private static func isTimerKnown(_ request: [SIPHeader]) -> Bool {
    tokens(request.all("Supported") + request.all("Require")).contains("timer")
  }

  private static func tokens(_ values: [String]) -> [String] {
    values.flatMap { $0.split(separator: ",") }.map { $0.filter { $0 != " " && $0 != "\t" } }.filter { !$0.isEmpty }
  }
}

extension RequestPolicy {
  init(_ facts: csofia_facts) {
    method = String(stack: facts.method) ?? ""
    uriScheme = (String(stack: facts.request_uri.scheme) ?? "").lowercased()
    hasFromTag = facts.from.tag != nil
    hasToTag = facts.to.tag != nil
    hasContact = facts.has_contact
    maxForwards = facts.max_forwards < 0 ? nil : Int(facts.max_forwards)
    contentType = facts.mediaType
    contentEncoding = String(stack: facts.content_encoding)
    hasBody = facts.body_count > 0
    headers = facts.headers
  }
}
