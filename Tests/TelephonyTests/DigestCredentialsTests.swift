import Base
import Testing

@testable import Telephony

@Suite("Digest credentials from strangers")
struct DigestCredentialsTests {
  static let minimal = #"username="u", realm="r", nonce="n", uri="sip:x", response="ab""#

  @Test(
    "what is read",
    arguments: [
      "Digest " + minimal, "digest " + minimal, "DIGEST\t" + minimal, "  Digest   " + minimal + "  ",
      #"Digest username="u",realm="r",nonce="n",uri=sip:x,response=AB"#,
      #"Digest USERNAME = "u" , Realm="r", nonce="n", uri="sip:x", response="ab", unknown=token, other="x, y=z""#,
      #"Digest username="\u", realm="r", nonce="n", uri="sip:x", response="ab", opaque="""#,
    ])
  func reads(header: String) throws {
    let credentials = try #require(DigestCredentials(header))
    #expect(credentials.username == "u" && credentials.realm == "r" && credentials.nonce == "n")
    #expect(credentials.uri == "sip:x" && credentials.response == [0xAB])
    #expect(credentials.algorithm == .md5 && credentials.quality == nil)
  }

  @Test("the quality of protection")
  func quality() throws {
    let header = "Digest " + Self.minimal + #", qop="auth", nc=0000000A, cnonce="c""#
    let quality = try #require(DigestCredentials(header)?.quality)
    #expect(quality == .init(countText: "0000000A", count: 10, clientNonce: "c", isSupported: true))
  }

  @Test(
    "what is refused",
    arguments: [
      "", " ", "Digest", "Digest ", "Basic dXNlcjpwYXNz", "Digest,", "Digest =", "Digest a", "Digest a=",
      "Digest " + minimal + ",", "Digest " + minimal + " trailing", "Digest " + minimal + #", username="v""#,
      "Digest " + minimal.replacing("username", with: "user"), "Digest " + minimal.replacing("\"ab\"", with: "\"abc\""),
      "Digest " + minimal.replacing("\"ab\"", with: "\"zz\""), "Digest " + minimal.dropLast(),
      "Digest " + minimal + #", x="\"#, "Digest " + minimal + ", qop=auth",
      "Digest " + minimal + #", qop=auth, nc=1, cnonce="c""#,
      "Digest " + minimal + #", qop=auth, nc=+0000001, cnonce="c""#,
      "Digest " + minimal + #", qop=auth, nc=0000000g, cnonce="c""#, "Digest " + minimal + ", qop=auth, nc=00000001",
      "Digest " + minimal + ", x=\"" + String(repeating: "y", count: 4096) + "\"",
      "Digest " + minimal + (0..<40).map { ", p\($0)=1" }.joined(), "Digest\u{0}" + minimal,
      "Digest " + minimal.replacing("\"u\"", with: "\"u\"\"v\""),
    ])
  func refuses(header: String) { #expect(DigestCredentials(header) == nil) }

  @Test("no text makes the parser fail")
  func noise() {
    var generator = RandomSource.seeded(20_260_801)
    let alphabet = Array("Digest username=\"\\,; \t\r\nrealmnonceuriresponseqopnc0123456789abcdef:@é".utf8)
    for _ in 0..<20_000 {
      let count = Int.random(in: 0..<120, using: &generator)
      let bytes = (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
      _ = DigestCredentials("Digest " + String(decoding: bytes, as: UTF8.self))
      _ = SIPURIText(String(decoding: bytes, as: UTF8.self))
    }
  }

  @Test(
    "which URIs fit each other",
    arguments: [
      ("sip:a@b", "sip:a@b", true), ("sip:a@b", "SIP:a@B", true), ("sip:a@b", "sip:a@b;transport=tcp?x=y", true),
      ("sip:a@b", "sip:a@b:5060", true), ("sip:a@b:5061", "sip:a@b:5060", false), ("sip:a@b", "sip:A@b", false),
      ("sip:a@b", "sip:a@c", false), ("sip:a@b", "sip:b", false), ("sip:a@b", "tel:a", false), ("sip:b", "sip:b", true),
      ("sip:a@[2001:DB8::1]:5060", "sip:a@[2001:db8::1]", true), ("<sip:a@b>", "sip:a@b", true), ("", "", false),
      ("sip:a;x=1@b", "sip:a@b", true), ("sip:a@b@c", "sip:a@c", false), ("sip:", "sip:", false),
    ])
  func uris(a: String, b: String, fit: Bool) {
    #expect(SIPURIText(a).fits(SIPURIText(b)) == fit)
    #expect(SIPURIText(b).fits(SIPURIText(a)) == fit)
  }
}
