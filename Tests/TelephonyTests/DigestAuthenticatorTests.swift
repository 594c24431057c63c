import Base
import Testing

@testable import Telephony

@Suite("Digest authentication")
struct DigestAuthenticatorTests {
  static let uri = "sip:+15550100@gateway.example.com"
  static let source = IPAddress("192.0.2.7")
  static let context = DigestContext(
    username: "alice", password: "s3cret", realm: "trunkline", uris: [uri], source: source)

  static func seconds(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

  static func authenticator(nonceLimit: Int = 100) -> DigestAuthenticator {
    DigestAuthenticator(
      key: Array("0123456789abcdef".utf8), nonceLifetime: .seconds(60), nonceLimit: nonceLimit)
  }

  /// A phone that answers a challenge.
  struct Phone {
    var username = "alice"
    var password = "s3cret"
    var algorithm: DigestAlgorithm? = .md5
    var usesQop = true
    var uri = DigestAuthenticatorTests.uri
    var method = "INVITE"
    var count = "00000001"

    func answer(_ challenges: [String]) throws -> String {
      let wanted = (algorithm ?? .md5).rawValue
      let challenge = try #require(challenges.first { $0.contains("algorithm=\(wanted),") })
      func parameter(_ name: String) throws -> String {
        let start = try #require(challenge.firstRange(of: "\(name)=\""))
        return String(challenge[start.upperBound...].prefix { $0 != "\"" })
      }
      let (realm, nonce) = (try parameter("realm"), try parameter("nonce"))
      func hash(_ text: String) -> String { Digest.hexadecimal((algorithm ?? .md5).hash(text)) }
      let middle = usesQop ? "\(count):abc\"\\def:auth:" : ""
      let response = hash("\(hash("\(username):\(realm):\(password)")):\(nonce):\(middle)\(hash("\(method):\(uri)"))")
      var header = "Digest username=\"\(username)\", realm=\"\(realm)\", nonce=\"\(nonce)\", uri=\"\(uri)\", "
      header += "response=\"\(response)\""
      if algorithm != nil { header += ", algorithm=\(wanted)" }
      if usesQop { header += ", qop=auth, nc=\(count), cnonce=\"abc\\\"\\\\def\"" }
      return header
    }
  }

  static func challenged(_ verdict: DigestVerdict) -> ([String], DigestFault)? {
    if case .challenge(let headers, let fault) = verdict { return (headers, fault) }
    return nil
  }

  @Test("hashes of known texts")
  func vectors() {
    #expect(Digest.hexadecimal(Digest.md5(Array("abc".utf8))) == "900150983cd24fb0d6963f7d28e17f72")
    #expect(
      Digest.hexadecimal(Digest.sha256(Array("abc".utf8)))
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    // RFC 4231 §4.3.
    #expect(
      Digest.hexadecimal(
        Digest.hmacSHA256(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8)))
        == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
  }

  @Test(
    "the examples of RFC 2617 §3.5 and RFC 7616 §3.9.1",
    arguments: [
      (
        #"Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", "#
          + #"uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", "#
          + #"response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41""#,
        "Circle Of Life"
      ),
      (
        #"Digest username="Mufasa",realm="http-auth@example.org",uri="/dir/index.html",algorithm=MD5,"#
          + #"nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",nc=00000001,"#
          + #"cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",qop=auth,"#
          + #"response="8ca523f5e9506fed4657c9700eebdbec",opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#,
        "Circle of Life"
      ),
      (
        #"Digest username="Mufasa",realm="http-auth@example.org",uri="/dir/index.html",algorithm=SHA-256,"#
          + #"nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",nc=00000001,"#
          + #"cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",qop=auth,"#
          + #"response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",opaque="x""#,
        "Circle of Life"
      ),
    ])
  func rfcExamples(header: String, password: String) throws {
    let credentials = try #require(DigestCredentials(header))
    let context = DigestContext(
      username: "Mufasa", password: password, realm: credentials.realm, method: "GET", uris: [])
    let algorithm = try #require(credentials.algorithm)
    #expect(DigestAuthenticator.expectedResponse(credentials, algorithm, context) == credentials.response)
  }

  @Test("a challenge offers MD5 and SHA-256, each with qop=auth and a nonce")
  func challenge() throws {
    var authenticator = Self.authenticator()
    let (headers, fault) = try #require(
      Self.challenged(authenticator.verify([], for: Self.context, now: Self.seconds(1))))
    #expect(fault == .missing)
    #expect(headers.count == 2)
    let pattern = #/Digest realm="trunkline", nonce="[0-9a-f]{58}", algorithm=(MD5|SHA-256), qop="auth"/#
    for header in headers { #expect(try pattern.wholeMatch(in: header) != nil, "\(header)") }
  }

  @Test("a realm with quotes cannot break out of the challenge")
  func quotedRealm() {
    var authenticator = Self.authenticator()
    var context = Self.context
    context.realm = #"a"b\c"#
    #expect(authenticator.challenge(for: context, now: .zero)[0].hasPrefix(#"Digest realm="a\"b\\c", nonce="#))
  }

  static let phones: [(String, Phone)] = [
    ("MD5 with qop", Phone()), ("MD5 without qop", Phone(usesQop: false)), ("SHA-256", Phone(algorithm: .sha256)),
    ("SHA-256 without qop", Phone(algorithm: .sha256, usesQop: false)), ("no algorithm named", Phone(algorithm: nil)),
    ("no algorithm, no qop", Phone(algorithm: nil, usesQop: false)),
    ("URI with parameters", Phone(uri: uri + ";transport=tcp")), ("URI with a port", Phone(uri: uri + ":5060")),
    ("URI host in capitals", Phone(uri: "sip:+15550100@Gateway.Example.COM")),
  ]

  @Test("a phone that knows the password gets in", arguments: phones.map(\.1))
  func accepts(phone: Phone) throws {
    var authenticator = Self.authenticator()
    let challenges = authenticator.challenge(for: Self.context, now: Self.seconds(1))
    let verdict = authenticator.verify([try phone.answer(challenges)], for: Self.context, now: Self.seconds(2))
    #expect(verdict == .accepted)
  }

  static let wrongPhones = [
    Phone(password: "guess"), Phone(username: "bob"), Phone(uri: "sip:+15550199@gateway.example.com"),
    Phone(uri: "sip:+15550100@elsewhere.example.com"), Phone(uri: uri + ":5070x"), Phone(uri: ""),
    Phone(method: "REGISTER"), Phone(password: "guess", algorithm: .sha256), Phone(password: "", usesQop: false),
  ]

  @Test("wrong credentials are asked for once more, then refused", arguments: wrongPhones)
  func refuses(phone: Phone) throws {
    var authenticator = Self.authenticator()
    var context = Self.context
    context.uris = [Self.uri + ":5060"]
    let first = authenticator.challenge(for: context, now: Self.seconds(1))
    let (second, fault) = try #require(
      Self.challenged(authenticator.verify([try phone.answer(first)], for: context, now: Self.seconds(2))))
    #expect(fault == .wrong)
    #expect(!second.contains { $0.contains("stale") })
    let verdict = authenticator.verify([try phone.answer(second)], for: context, now: Self.seconds(3))
    #expect(verdict == .refused(.wrong))
    let right = authenticator.verify([try Phone().answer(second)], for: context, now: Self.seconds(3))
    #expect(right == .accepted)
  }

  @Test("the URI may be To's where a proxy rewrote the Request-URI")
  func toURI() throws {
    var authenticator = Self.authenticator()
    var context = Self.context
    context.uris = ["sip:+15550100@10.0.0.1:5060;transport=tcp", Self.uri]
    let challenges = authenticator.challenge(for: context, now: Self.seconds(1))
    let verdict = authenticator.verify([try Phone().answer(challenges)], for: context, now: Self.seconds(1))
    #expect(verdict == .accepted)
  }

  @Test("right credentials with an expired nonce are stale, wrong ones are wrong")
  func stale() throws {
    var authenticator = Self.authenticator()
    let challenges = authenticator.challenge(for: Self.context, now: Self.seconds(1))
    let late = Self.seconds(62)
    let (headers, fault) = try #require(
      Self.challenged(authenticator.verify([try Phone().answer(challenges)], for: Self.context, now: late)))
    #expect(fault == .stale)
    #expect(headers.allSatisfy { $0.hasSuffix(", stale=true") })
    let again = authenticator.verify([try Phone().answer(headers)], for: Self.context, now: late)
    #expect(again == .accepted)
    let wrong = authenticator.verify(
      [try Phone(password: "guess").answer(challenges)], for: Self.context, now: late)
    #expect(Self.challenged(wrong)?.1 == .wrong)
    let justInTime = authenticator.verify(
      [try Phone().answer(challenges)], for: Self.context, now: Self.seconds(61))
    #expect(justInTime == .accepted)
  }

  @Test("a count serves once, a higher one serves again, and each answer without qop needs a nonce of its own")
  func replays() throws {
    var authenticator = Self.authenticator()
    let now = Self.seconds(1)
    let challenges = authenticator.challenge(for: Self.context, now: now)
    func verify(_ phone: Phone) throws -> String {
      switch authenticator.verify([try phone.answer(challenges)], for: Self.context, now: now) {
      case .accepted: "accepted"
      case .challenge(_, let fault), .refused(let fault): fault.rawValue
      }
    }
    #expect(try verify(Phone()) == "accepted")
    #expect(try verify(Phone()) == "replayed")
    #expect(try verify(Phone(count: "00000003")) == "accepted")
    #expect(try verify(Phone(count: "00000002")) == "replayed")
    #expect(try verify(Phone(usesQop: false)) == "replayed")
    #expect(try verify(Phone(count: "ffffffff")) == "accepted")
    #expect(try verify(Phone(count: "00000000")) == "replayed")
  }

  @Test("two challenges at one instant have two nonces")
  func uniqueNonces() {
    var authenticator = Self.authenticator()
    let nonces = (0..<100).map { _ in authenticator.challenge(for: Self.context, now: .zero)[0] }
    #expect(Set(nonces).count == 100)
  }

  @Test("a nonce of another realm, source, key or time, or of nobody, is unknown")
  func unknownNonces() throws {
    let now = Self.seconds(10)
    var other = DigestAuthenticator(key: Array("another key here".utf8))
    var ours = Self.authenticator()
    var elsewhere = Self.context
    elsewhere.source = IPAddress("192.0.2.8")
    let foreign = [
      other.challenge(for: Self.context, now: now), ours.challenge(for: elsewhere, now: now),
      ours.challenge(for: Self.context, now: Self.seconds(11)),
      ours.challenge(for: Self.context, now: now).map { $0.replacing("nonce=\"", with: "nonce=\"ff") },
      ["Digest realm=\"trunkline\", nonce=\"1700000000-abc@host\", algorithm=MD5, qop=\"auth\""],
      ["Digest realm=\"trunkline\", nonce=\"\", algorithm=MD5, qop=\"auth\""],
    ]
    for challenges in foreign {
      let (_, fault) = try #require(
        Self.challenged(ours.verify([try Phone().answer(challenges)], for: Self.context, now: now)))
      #expect(fault == .unknownNonce)
    }
    var realm = Self.context
    realm.realm = "second"
    let shifted = ours.challenge(for: realm, now: now).map { $0.replacing("second", with: "trunkline") }
    let (_, fault) = try #require(
      Self.challenged(ours.verify([try Phone().answer(shifted)], for: Self.context, now: now)))
    #expect(fault == .unknownNonce)
  }

  @Test("flipping any digit of a nonce makes it unknown")
  func tampering() throws {
    var authenticator = Self.authenticator()
    let challenge = authenticator.challenge(for: Self.context, now: Self.seconds(1))[0]
    let start = try #require(challenge.firstRange(of: "nonce=\"")).upperBound
    for offset in 0..<58 {
      let index = challenge.index(start, offsetBy: offset)
      var changed = challenge
      changed.replaceSubrange(index...index, with: challenge[index] == "0" ? "1" : "0")
      let verdict = authenticator.verify([try Phone().answer([changed])], for: Self.context, now: Self.seconds(2))
      #expect(Self.challenged(verdict)?.1 == .unknownNonce)
    }
  }

  @Test("credentials for another realm are no credentials of ours, whatever stands beside them")
  func otherRealms() throws {
    var authenticator = Self.authenticator()
    let now = Self.seconds(1)
    let foreign = #"Digest username="a", realm="sip.example.net", nonce="x", uri="sip:x", response="00""#
    #expect(Self.challenged(authenticator.verify([foreign], for: Self.context, now: now))?.1 == .missing)
    let ours = try Phone().answer(authenticator.challenge(for: Self.context, now: now))
    #expect(authenticator.verify([foreign, "rubbish", ours], for: Self.context, now: now) == .accepted)
    #expect(Self.challenged(authenticator.verify(["rubbish"], for: Self.context, now: now))?.1 == .malformed)
    let flood = Array(repeating: foreign, count: 1000) + [ours]
    #expect(Self.challenged(authenticator.verify(flood, for: Self.context, now: now))?.1 == .missing)
  }

  @Test(
    "algorithms and qualities that were not offered",
    arguments: [
      ("algorithm=MD5", "algorithm=MD5-sess"), ("algorithm=MD5", "algorithm=SHA-512-256"), ("qop=auth", "qop=auth-int"),
    ])
  func unsupported(old: String, new: String) throws {
    var authenticator = Self.authenticator()
    let answer = try Phone().answer(authenticator.challenge(for: Self.context, now: .zero)).replacing(old, with: new)
    #expect(Self.challenged(authenticator.verify([answer], for: Self.context, now: .zero))?.1 == .unsupported)
  }

  @Test("the table of answered nonces is bounded, and forgetting one never allows its replay")
  func boundedTable() throws {
    var authenticator = Self.authenticator(nonceLimit: 8)
    var answers: [String] = []
    for index in 0..<100 {
      let now = MonotonicTime(nanoseconds: 1_000_000_000 + Int64(index))
      let answer = try Phone().answer(authenticator.challenge(for: Self.context, now: now))
      #expect(authenticator.verify([answer], for: Self.context, now: now) == .accepted)
      answers.append(answer)
    }
    for answer in answers {
      let verdict = authenticator.verify([answer], for: Self.context, now: Self.seconds(2))
      #expect(verdict != .accepted)
    }
    var counts = NonceCounts(limit: 8)
    for index in 0..<1000 {
      let issued = MonotonicTime(nanoseconds: Int64(index))
      _ = counts.use("\(index)", issued: issued, count: 1, expiredBefore: .zero)
      #expect(counts.count <= 8)
    }
  }

  @Test("hashes are compared whole")
  func comparison() {
    #expect(Digest.areEqual([1, 2], [1, 2]))
    #expect(!Digest.areEqual([1, 2], [1, 3]))
    #expect(!Digest.areEqual([1, 2], [1, 2, 3]))
    #expect(!Digest.areEqual([], []))
  }
}
