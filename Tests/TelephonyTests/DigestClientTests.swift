import Base
import Testing

@testable import Telephony

@Suite("Answers to digest challenges")
struct DigestClientTests {
  private func answer(
    _ challenges: [String], isProxy: Bool = true, method: String = "INVITE", uri: String = "sip:b@example.com",
    _ client: inout DigestClient
  ) -> [DigestClient.Header]? {
    client.answer(challenges, isProxy: isProxy, method: method, uri: uri, clientNonce: "0a4f113b")
  }

  @Test(
    "the examples of RFC 2617 §3.5 and RFC 7616 §3.9.1",
    arguments: [
      (
        #"Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc""#,
        "Circle Of Life", "0a4f113b", "6629fae49393a05397450978507c4ef1"
      ),
      (
        #"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v""#,
        "Circle of Life", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "8ca523f5e9506fed4657c9700eebdbec"
      ),
      (
        #"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v""#,
        "Circle of Life", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
      ),
    ])
  func examples(challenge: String, password: String, clientNonce: String, response: String) throws {
    var client = DigestClient(username: "Mufasa", password: password)
    let answer = client.answer(
      [challenge], isProxy: false, method: "GET", uri: "/dir/index.html", clientNonce: clientNonce)
    let headers = try #require(answer)
    #expect(headers.count == 1 && headers[0].name == "Authorization")
    #expect(headers[0].value.contains("response=\"\(response)\""))
    #expect(headers[0].value.contains("qop=auth, nc=00000001, cnonce=\"\(clientNonce)\""))
  }

  @Test("what we answer is what our own authenticator accepts", arguments: [DigestAlgorithm.md5, .sha256])
  func accepted(algorithm: DigestAlgorithm) throws {
    let key = [UInt8](repeating: 7, count: 32)
    var authenticator = DigestAuthenticator(key: key, algorithms: [algorithm])
    let context = DigestContext(
      username: "a\"l", password: "p:w", realm: "r\\x", uris: ["sip:b@example.com"])
    var client = DigestClient(username: "a\"l", password: "p:w")
    let answer = self.answer(authenticator.challenge(for: context, now: .zero), &client)
    let headers = try #require(answer)
    #expect(authenticator.verify(headers.map(\.value), for: context, now: .zero) == .accepted)
    #expect(headers[0].name == "Proxy-Authorization")
  }

  @Test("without qop the answer has the form of RFC 2069")
  func withoutQuality() throws {
    var client = DigestClient(username: "u", password: "p")
    let answer = self.answer([#"Digest realm="r",nonce="n""#], &client)
    let value = try #require(answer?.first?.value)
    #expect(!value.contains("qop") && !value.contains("cnonce") && value.contains("algorithm=MD5"))
    let parameters = try #require(DigestParameters(value))
    let expected = DigestAlgorithm.md5.response(
      username: "u", realm: "r", password: "p", method: "INVITE", uri: "sip:b@example.com", nonce: "n", quality: nil)
    #expect(parameters["response"] == Digest.hexadecimal(expected))
  }

  @Test("the first challenge that we can answer counts, in each realm")
  func choice() throws {
    var client = DigestClient(username: "u", password: "p")
    let answer = self.answer(
      [
        #"Basic realm="a""#, #"Digest realm="a", nonce="1", algorithm=SHA-512-256"#,
        #"Digest realm="a", nonce="2", algorithm=sha-256, opaque="o\"p""#, #"Digest realm="a", nonce="3""#,
        #"Digest realm="b", nonce="4", qop="auth-int""#, #"Digest realm="b", nonce="5""#,
      ], &client)
    let headers = try #require(answer)
    let parameters = headers.compactMap { DigestParameters($0.value) }
    #expect(parameters.map { $0["nonce"] } == ["2", "5"])
    #expect(parameters.map { $0["algorithm"] } == ["SHA-256", "MD5"])
    #expect(parameters.map { $0["opaque"] } == ["o\"p", nil])
  }

  @Test(
    "a challenge that we cannot answer is the end",
    arguments: [
      [], ["Basic realm=\"a\""], ["Digest realm=\"a\""], ["Digest nonce=\"a\""], [""], ["Digest"],
      ["Digest realm=\"a\", nonce=\"b\", algorithm=SHA-512-256"], ["Digest realm=\"a\", nonce=\"b\", qop=\"auth-int\""],
      ["Digest =,=,\""], ["Digest realm=\"a"],
      (1...5).map { "Digest realm=\"\($0)\", nonce=\"n\"" },
    ])
  func unanswerable(challenges: [String]) {
    var client = DigestClient(username: "u", password: "p")
    #expect(self.answer(challenges, &client) == nil)
  }

  @Test("a password that was not liked is not tried again, and a stale nonce is not the password's fault")
  func wrongPassword() {
    var client = DigestClient(username: "u", password: "p")
    #expect(self.answer([#"Digest realm="r", nonce="1""#], &client) != nil)
    #expect(self.answer([#"Digest realm="r", nonce="2", stale=true"#], &client) != nil)
    #expect(self.answer([#"Digest realm="r", nonce="3", stale=false"#], &client) == nil)
    client.reset()
    #expect(self.answer([#"Digest realm="r", nonce="4""#], &client) != nil)
    for _ in 0..<3 { #expect(self.answer([#"Digest realm="r", nonce="5", stale=TRUE"#], &client) != nil) }
    #expect(self.answer([#"Digest realm="r", nonce="6", stale=TRUE"#], &client) == nil)
  }

  @Test("a proxy and the far end are answered side by side")
  func twoRealms() throws {
    var client = DigestClient(username: "u", password: "p")
    _ = self.answer([#"Digest realm="proxy", nonce="1""#], isProxy: true, &client)
    let answer = self.answer([#"Digest realm="far", nonce="2""#], isProxy: false, &client)
    let headers = try #require(answer)
    #expect(headers.map(\.name) == ["Proxy-Authorization", "Authorization"])
    // The same realm of another kind is another one.
    #expect(self.answer([#"Digest realm="proxy", nonce="3""#], isProxy: false, &client)?.count == 3)
  }

  @Test("the password is not printed")
  func secrecy() {
    let client = DigestClient(username: "alice", password: "secret")
    var text = ""
    dump(client, to: &text)
    #expect(!"\(client) \(text)".contains("secret"))
  }
}
