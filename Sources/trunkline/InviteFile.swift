import Base
import Capture
import Foundation
import Telephony

/// Reads what `explain` needs of an INVITE out of files.
enum InviteFile {
  /// Nobody's capture of a failing call is larger.
  static let byteLimit = 1 << 30

  /// A file that holds one request as text, with line ends of either kind.
  static func facts(ofText path: String, source: IPAddress?) throws(CommandFailure) -> CallFacts {
    let bytes = try read(path)
    guard let message = SIPMessage(parsing: withNetworkLineEnds(bytes)), message.method == "INVITE" else {
      throw CommandFailure(.usage, "\(path): expected one INVITE as text, from its first line to its body")
    }
    guard let source = source ?? viaAddress(message) else {
      throw CommandFailure(.usage, "\(path): its topmost Via names no address; say where it came from with --source")
    }
    return facts(of: message, source: source)
  }

  /// Every call of a capture, in the order of their first INVITE.
  static func facts(ofCapture path: String) throws(CommandFailure) -> [CallFacts] {
    let bytes = try read(path)
    let calls: [CapturedCall]
    do {
      calls = CapturedCall.calls(in: try CapturedTraffic(bytes))
    } catch {
      throw CommandFailure(.usage, "\(path): \(error)")
    }
    guard !calls.isEmpty else {
      throw CommandFailure(.usage, "\(path): no SIP call in it, expected an INVITE over UDP or TCP")
    }
    return calls.map { facts(of: $0.invite, source: $0.caller.address) }
  }

  static func facts(of invite: SIPMessage, source: IPAddress) -> CallFacts {
    let from = SIPValue.uri(of: invite.value("From") ?? "")
    let to = SIPValue.uri(of: invite.value("To") ?? "")
    return CallFacts(
      sipCallID: invite.callID ?? "", fromUser: SIPValue.user(ofURI: from) ?? "", fromHost: host(from),
      fromTag: invite.fromTag ?? "", toUser: SIPValue.user(ofURI: to) ?? "", toHost: host(to),
      requestURI: invite.requestURI ?? "", source: source,
      headers: invite.headers.map { CallFacts.Header($0.name, $0.value) })
  }

  /// Without port and without the brackets of an IPv6 address.
  private static func host(_ uri: String) -> String {
    let text = SIPValue.hostPort(ofURI: uri)
    if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
      return String(text[text.index(after: text.startIndex)..<end])
    }
    return String(text.prefix { $0 != ":" })
  }

  /// Where the last hop says it sent the request from: `received`, else the sent-by when it is an address.
  private static func viaAddress(_ invite: SIPMessage) -> IPAddress? {
    guard let via = invite.value("Via") else { return nil }
    if let received = SIPValue.parameter("received", of: via), let address = IPAddress(received) { return address }
    guard let sentBy = via.prefix(while: { $0 != ";" }).split(separator: " ").last else { return nil }
    return IPAddress(sentBy) ?? Endpoint(sentBy)?.address
  }

  private static func withNetworkLineEnds(_ bytes: [UInt8]) -> [UInt8] {
    let (lf, cr) = (UInt8(ascii: "\n"), UInt8(ascii: "\r"))
    var result: [UInt8] = []
    for byte in bytes {
      if byte == lf, result.last != cr { result.append(cr) }
      result.append(byte)
    }
    return result
  }

  private static func read(_ path: String) throws(CommandFailure) -> [UInt8] {
    guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.read(upToCount: byteLimit) else {
      throw CommandFailure(.usage, "\(path): cannot be read")
    }
    return Array(data)
  }
}
