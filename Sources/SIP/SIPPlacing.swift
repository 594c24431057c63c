import Base
import Telephony

/// A call that we place: where it may still be sent, and what has been heard of it.
@SIPActor
struct SIPPlacing {
  /// A target and the socket of ours that reaches it.
  struct Attempt {
    var target: Endpoint
    var transport: SIPTransport
    var listener: Endpoint
  }

  /// Provisional responses that are told of one call; a peer may send any number.
  private static let progressLimit = 64

  let invite: OutgoingInvite
  /// First choice first; what has been tried is not in it.
  var attempts: [Attempt] = []
  var digest: DigestClient?
  /// Where requests of the dialog may come from: wherever the INVITE was sent, and where its answer says.
  var peers: Set<IPAddress> = []
  /// The ringing timeout has passed; the CANCEL is ours.
  var isOverdue = false
  /// Gives a target up that does not answer.
  var attemptTimer: SIPTimer?
  var ringingTimer: SIPTimer?
  private var lastProgress: (status: Int, toTag: String, body: [UInt8])?
  private var progressCount = 0

  init(_ invite: OutgoingInvite) {
    self.invite = invite
    digest = invite.credentials.map { DigestClient(username: $0.username, password: $0.password) }
  }

  func stopTimers() {
    attemptTimer?.cancel()
    ringingTimer?.cancel()
  }

  /// What every attempt of the INVITE says besides credentials.
  var headers: [SIPHeader] { invite.routes.map { SIPHeader("Route", $0) } + invite.headers }

  /// Whether the handler has not heard this yet.
  mutating func isNews(_ reply: SIPReply) -> Bool {
    if let last = lastProgress, last == (reply.status, reply.toTag, reply.body) { return false }
    lastProgress = (reply.status, reply.toTag, reply.body)
    progressCount += 1
    return progressCount <= Self.progressLimit
  }
}

extension OutgoingInvite {
  /// Headers, and nothing that could end one early.
  var isSendable: Bool {
    let texts = [uri, from, to, fromTag, callID].compactMap { $0 } + routes
    let isClean = texts.allSatisfy { text in text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } && !text.isEmpty }
    let hasToken = [fromTag, callID].allSatisfy { text in
      text?.utf8.allSatisfy { SIPHeader.isTokenByte($0) || $0 == UInt8(ascii: "@") } ?? true
    }
    let scheme = uri.prefix { $0 != ":" }.lowercased()
    let isURI = !uri.utf8.contains { " <>\"".utf8.contains($0) }
    return isClean && hasToken && isURI && (scheme == "sip" || scheme == "tel")
  }

  /// Where to send the INVITE. Nil when nothing names a server.
  var query: ServerQuery? {
    let next = routes.first.map { SIPAddress.addrSpec($0) } ?? uri
    let named = SIPURI(text: next)
    guard let server = target ?? named.map({ SIPHostPort(host: $0.host, port: $0.port) }),
      SIPHostPort(server.description) != nil
    else { return nil }
    let parameter = named?.parameters.lowercased().split(separator: ";").first { $0.hasPrefix("transport=") }
    let written: TrunkTransport =
      switch parameter {
      case nil: .auto
      case "transport=udp": .udp
      case "transport=tcp": .tcp
      default: .tls
      }
    return ServerQuery(server, transport: transport == .auto ? written : transport)
  }
}

extension SIPAddress {
  /// The URI of a name-addr or addr-spec (RFC 3261 §25.1), without display name and header parameters.
  static func addrSpec(_ text: String) -> String {
    var isQuoted = false
    var isEscaped = false
    for (offset, byte) in text.utf8.enumerated() {
      switch byte {
      case _ where isEscaped: isEscaped = false
      case UInt8(ascii: "\\") where isQuoted: isEscaped = true
      case UInt8(ascii: "\""): isQuoted.toggle()
      case UInt8(ascii: "<") where !isQuoted:
        return String(decoding: text.utf8.dropFirst(offset + 1).prefix { $0 != UInt8(ascii: ">") }, as: UTF8.self)
      default: break
      }
    }
    return text.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
  }
}
