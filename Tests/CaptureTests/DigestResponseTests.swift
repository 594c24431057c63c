import Capture
import Testing

@Suite("Answers to digest challenges")
struct DigestResponseTests {
  private func challenge(_ headers: [String], status: Int = 407) -> DigestChallenge? {
    SIPMessage(parsing: Files.text(["SIP/2.0 \(status) Unauthorized"] + headers)).flatMap(DigestChallenge.init)
  }

  /// Shows what is hashed instead of hashing it.
  private func transparent(_ algorithm: DigestChallenge.Algorithm, _ bytes: [UInt8]) -> [UInt8] { bytes }

  private func unhex(_ text: String) -> String {
    let digits = Array(text.utf8).map { $0 < 0x3A ? $0 - 0x30 : $0 - 0x57 }
    return String(
      decoding: stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }, as: UTF8.self)
  }

  @Test("SHA-256 goes before MD5, unknown algorithms are passed over")
  func choice() throws {
    let md5 = "Proxy-Authenticate: Digest realm=\"a, b\", nonce=\"n1\", algorithm=MD5, qop=\"auth,auth-int\""
    let sha = "Proxy-Authenticate: Digest realm=r,nonce=\"n2\",algorithm=sha-256 , stale=TRUE, opaque=\"o\""
    #expect(challenge([md5, sha])?.algorithm == .sha256)
    #expect(challenge([md5, sha])?.isStale == true)
    #expect(challenge([md5])?.realm == "a, b")
    #expect(challenge([md5])?.offersAuth == true)
    #expect(challenge(["Proxy-Authenticate: Digest realm=r, nonce=n, algorithm=SHA-512-256", md5])?.nonce == "n1")
    #expect(challenge(["Proxy-Authenticate: Basic realm=r"]) == nil)
    #expect(challenge([md5], status: 401) == nil)
    #expect(challenge(["WWW-Authenticate: Digest realm=r, nonce=n"], status: 401)?.answerHeader == "Authorization")
  }

  @Test("what is hashed is what RFC 7616 §3.4.1 says")
  func withQuality() throws {
    let challenge = try #require(
      self.challenge(["Proxy-Authenticate: Digest realm=r, nonce=n, qop=\"auth\", opaque=\"o\""]))
    let answer = challenge.answer(
      username: "u", password: "p", method: "INVITE", uri: "sip:x", clientNonce: "c", count: 26, hash: transparent)
    let fields = DigestChallenge.fields(answer)
    #expect(fields["nc"] == "0000001a")
    #expect(fields["opaque"] == "o")
    let parts = unhex(try #require(fields["response"])).split(separator: ":").map(String.init)
    #expect(parts.count == 6)
    #expect(unhex(parts[0]) == "u:r:p")
    #expect(parts[1...4] == ["n", "0000001a", "c", "auth"])
    #expect(unhex(parts[5]) == "INVITE:sip:x")
  }

  @Test("without qop the answer has the form of RFC 2069")
  func withoutQuality() throws {
    let challenge = try #require(self.challenge(["Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\""]))
    let answer = challenge.answer(
      username: "u", password: "p", method: "INVITE", uri: "sip:x", clientNonce: "c", count: 1, hash: transparent)
    #expect(!answer.contains("qop"))
    let parts = unhex(try #require(DigestChallenge.fields(answer)["response"])).split(separator: ":").map(String.init)
    #expect(parts.map { $0.count > 4 ? unhex($0) : $0 } == ["u:r:p", "n", "INVITE:sip:x"])
  }
}
