import Base

/// Makes a captured message one of today's call: its own ids and tags, our addresses, the other side's tag and target.
/// What identifies the provider stays: header shapes, display names, lower Vias, private Contacts, X- headers.
public struct CallRewriter: Sendable {
  /// Where we are and whom we call.
  public struct Ends: Hashable, Sendable {
    public var transport: CapturedMessage.Transport
    public var signalling: Endpoint
    public var media: Endpoint
    /// `host:port` for the Request-URI.
    public var target: String

    public init(transport: CapturedMessage.Transport, signalling: Endpoint, media: Endpoint, target: String) {
      self.transport = transport
      self.signalling = signalling
      self.media = media
      self.target = target
    }
  }

  public let callID: String
  public let localTag: String
  private let ends: Ends
  private let token: String
  private var branchCount = 0

  /// `token` makes this replay's ids unlike those of every other.
  public init(call: CapturedCall, ends: Ends, token: String) {
    self.ends = ends
    self.token = token
    callID = "\(token)-\(call.callID)"
    localTag = "\(token)-\(call.invite.fromTag ?? "")"
  }

  /// A branch that no other transaction has.
  public mutating func nextBranch() -> String {
    branchCount += 1
    return "z9hG4bK\(token)\(branchCount)"
  }

  /// An INVITE outside a dialog, its credentials taken out.
  public func invite(_ captured: SIPMessage, sequenceNumber: UInt32, branch: String) -> SIPMessage {
    var message = rewritten(captured, method: "INVITE", sequenceNumber: sequenceNumber, branch: branch)
    if let uri = captured.requestURI {
      message.startLine = "INVITE \(SIPValue.settingHostPort(ends.target, inURI: settingTransport(uri))) SIP/2.0"
    }
    message.remove("Authorization")
    message.remove("Proxy-Authorization")
    return message
  }

  /// A request inside the dialog, to the other side's Contact.
  public func dialogRequest(
    _ captured: SIPMessage, method: String, sequenceNumber: UInt32, branch: String, remoteTag: String, target: String
  ) -> SIPMessage {
    var message = rewritten(captured, method: method, sequenceNumber: sequenceNumber, branch: branch)
    message.startLine = "\(method) \(target) SIP/2.0"
    message.set("To", SIPValue.setting("tag", to: remoteTag, in: message.value("To") ?? ""))
    // The other side is the last hop: it has put no Record-Route into its answers.
    message.remove("Route")
    message.remove("Authorization")
    message.remove("Proxy-Authorization")
    return message
  }

  /// ACK of a refusal, or CANCEL: the INVITE's own target, Via and number (RFC 3261 §9.1, §17.1.1.3).
  public func companion(of invite: SIPMessage, method: String, to: String?) -> SIPMessage {
    let kept = ["via", "v", "from", "f", "call-id", "i", "max-forwards", "route"]
    var via = 0
    var headers = invite.headers.filter { header in
      let name = header.name.lowercased()
      if name == "via" || name == "v" {
        via += 1
        return via == 1
      }
      return kept.contains(name)
    }
    headers.append(.init("To", to ?? invite.value("To") ?? ""))
    headers.append(.init("CSeq", "\(invite.cseq?.number ?? 1) \(method)"))
    headers.append(.init("Content-Length", "0"))
    return SIPMessage(startLine: "\(method) \(invite.requestURI ?? "") SIP/2.0", headers: headers)
  }

  /// An answer to a request of the other side.
  public func response(to request: SIPMessage, status: Int, reason: String) -> SIPMessage {
    let kept = ["via", "v", "from", "f", "to", "t", "call-id", "i", "cseq", "record-route"]
    var headers = request.headers.filter { kept.contains($0.name.lowercased()) }
    headers.append(.init("Content-Length", "0"))
    return SIPMessage(startLine: "SIP/2.0 \(status) \(reason)", headers: headers)
  }

  private func rewritten(
    _ captured: SIPMessage, method: String, sequenceNumber: UInt32, branch: String
  ) -> SIPMessage {
    var message = captured
    message.set("Call-ID", callID)
    message.set("CSeq", "\(sequenceNumber) \(method)")
    message.set("From", SIPValue.setting("tag", to: localTag, in: captured.value("From") ?? ""))
    message.set("Via", via(captured.value("Via") ?? "SIP/2.0/UDP unknown", branch: branch))
    // The next hop of the other side's requests is the topmost Record-Route, else the Contact: that is us now.
    if let route = captured.value("Record-Route") {
      message.set("Record-Route", pointingHere(route))
    } else if let contact = captured.value("Contact") {
      message.set("Contact", pointingHere(contact))
    }
    if !captured.body.isEmpty {
      message.setBody(isSDP(captured) ? SDPText.movingAudio(to: ends.media, in: captured.body) : captured.body)
    }
    return message
  }

  private func via(_ captured: String, branch: String) -> String {
    // A provider may put all its Vias into one header.
    let first = captured.firstIndex(of: ",").map { captured[..<$0] } ?? captured[...]
    var via = SIPValue.settingSentBy(
      transport: ends.transport.rawValue.uppercased(), ends.signalling.description, inVia: String(first))
    via = SIPValue.setting("branch", to: branch, in: via)
    via = SIPValue.setting("received", to: nil, in: via)
    via = SIPValue.setting("rport", to: nil, in: via)
    return SIPValue.setting("rport", to: "", in: via) + captured[first.endIndex...]
  }

  private func pointingHere(_ value: String) -> String {
    let uri = SIPValue.settingHostPort(ends.signalling.description, inURI: SIPValue.uri(of: value))
    return SIPValue.settingURI(settingTransport(uri), in: value)
  }

  /// A URI that names a transport must name ours; over TCP it must be named.
  private func settingTransport(_ uri: String) -> String {
    let isNamed = uri.lowercased().contains(";transport=")
    guard isNamed || ends.transport == .tcp else { return uri }
    // `parameter` looks outside brackets, and a bare URI has none.
    return SIPValue.setting("transport", to: ends.transport.rawValue, in: uri)
  }

  private func isSDP(_ message: SIPMessage) -> Bool {
    message.value("Content-Type")?.lowercased().hasPrefix("application/sdp") ?? false
  }
}
