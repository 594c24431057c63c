import Base
import FuzzDriver
import Telephony

@main
enum SIPTextFuzzer {
  static func main() { fuzz(parse) }
}

/// Header values of peers: credentials and challenges, transfer targets and their outcome, numbers.
private func parse(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = Array(UnsafeRawBufferPointer(start: start, count: count))
  let text = String(decoding: bytes, as: UTF8.self)
  var authenticator = DigestAuthenticator(key: Array(0..<32))
  let context = DigestContext(username: "u", password: "p", realm: "r", uris: ["sip:a@b.c"])
  let verdict = authenticator.verify([text], for: context, now: .zero)
  precondition(verdict != .accepted, "guessed credentials")
  var client = DigestClient(username: "u", password: "p")
  let headers = client.answer([text], isProxy: true, method: "INVITE", uri: "sip:a@b.c", clientNonce: "c")
  for header in headers ?? [] {
    precondition(DigestParameters(header.value)?["uri"] == "sip:a@b.c", "our own credentials cannot be read")
  }
  if let target = ReferTarget(text) {
    precondition(ReferTarget(target.headerValue)?.uri == target.uri, "a target does not survive its own header")
  }
  if let replaces = ReplacesHeader(text) {
    precondition(ReplacesHeader(replaces.description) == replaces, "a dialog does not survive its own header")
  }
  _ = ReferNotification(event: text, subscriptionState: text, body: bytes)
  _ = ReferNotification(event: "refer", subscriptionState: "active", body: bytes)
  if let server = SIPHostPort(text) {
    precondition(SIPHostPort(server.description) == server, "a host does not survive its own text")
  }
  _ = PhoneNumber.normalized(text)
  precondition(NumberRedaction.full.redactNumbers(in: text) == text, "full is full")
  _ = NumberRedaction.last4.redactNumbers(in: text)
  return 0
}
