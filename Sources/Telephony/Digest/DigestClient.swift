/// Answers the challenges that a request of ours meets: a proxy's, the far end's, several of them (RFC 3261 §22,
/// RFC 7616, RFC 8760; challenges without `qop` are answered in the form of RFC 2069).
///
/// A realm that challenges again after it was answered has not liked the password: that is the end, unless it says that
/// only the nonce was stale.
public struct DigestClient: Sendable {
  /// A credentials header of the request's next attempt.
  public struct Header: Hashable, Sendable {
    /// `Proxy-Authorization` after 407, `Authorization` after 401.
    public let name: String
    public let value: String
  }

  /// Realms whose challenges one request answers.
  private static let realmLimit = 4
  /// Fresh nonces that one realm may ask for in a row.
  private static let staleLimit = 3

  private struct Answer {
    var isProxy: Bool
    var challenge: Challenge
    var staleCount = 0
  }

  private let username: String
  private let password: String
  private var answers: [Answer] = []

  public init(username: String, password: String) {
    self.username = username
    self.password = password
  }

  /// Forgets what was answered: for another request, or the same one to another target.
  public mutating func reset() { answers = [] }

  /// The credentials of the request's next attempt, for every realm met so far. Nil: give up.
  ///
  /// - Parameters:
  ///   - challenges: every WWW-Authenticate value of a 401, or Proxy-Authenticate value of a 407. In each realm the first
  ///     that we can answer counts: servers put the one they like best there (RFC 8760 §2.4).
  ///   - uri: the Request-URI.
  public mutating func answer(
    _ challenges: [String], isProxy: Bool, method: String, uri: String, clientNonce: String
  ) -> [Header]? {
    var realms: Set<String> = []
    for challenge in challenges.lazy.compactMap({ Challenge($0) }) where realms.insert(challenge.realm).inserted {
      guard take(challenge, isProxy: isProxy) else { return nil }
    }
    if realms.isEmpty { return nil }
    return answers.map { answer in
      Header(
        name: answer.isProxy ? "Proxy-Authorization" : "Authorization",
        value: value(answer.challenge, method: method, uri: uri, clientNonce: clientNonce))
    }
  }

  private mutating func take(_ challenge: Challenge, isProxy: Bool) -> Bool {
    guard let index = answers.firstIndex(where: { $0.isProxy == isProxy && $0.challenge.realm == challenge.realm })
    else {
      answers.append(Answer(isProxy: isProxy, challenge: challenge))
      return answers.count <= Self.realmLimit
    }
    answers[index].challenge = challenge
    answers[index].staleCount += 1
    return challenge.isStale && answers[index].staleCount <= Self.staleLimit
  }

  private func value(_ challenge: Challenge, method: String, uri: String, clientNonce: String) -> String {
    // Each nonce is used once: requests of ours are rare, and start anew.
    let quality = challenge.offersAuth ? (count: "00000001", clientNonce: clientNonce) : nil
    let response = challenge.algorithm.response(
      username: username, realm: challenge.realm, password: password, method: method, uri: uri, nonce: challenge.nonce,
      quality: quality)
    let quoted = DigestParameters.quoted
    var fields = [
      "username=\(quoted(username))", "realm=\(quoted(challenge.realm))", "nonce=\(quoted(challenge.nonce))",
      "uri=\(quoted(uri))", "response=\"\(Digest.hexadecimal(response))\"", "algorithm=\(challenge.algorithm.rawValue)",
    ]
    if let quality { fields.append("qop=auth, nc=\(quality.count), cnonce=\(quoted(quality.clientNonce))") }
    if let opaque = challenge.opaque { fields.append("opaque=\(quoted(opaque))") }
    return "Digest " + fields.joined(separator: ", ")
  }

  /// A challenge that we can answer.
  private struct Challenge {
    var realm: String
    var nonce: String
    var opaque: String?
    var algorithm: DigestAlgorithm
    /// `qop=auth` is among what it offers. Without `qop` the answer has none either.
    var offersAuth: Bool
    var isStale: Bool

    /// Nil for another scheme, algorithm or quality of protection.
    init?(_ header: String) {
      guard let parameters = DigestParameters(header), let realm = parameters["realm"], let nonce = parameters["nonce"],
        let algorithm = DigestAlgorithm(
          rawValue: parameters["algorithm"]?.uppercased() ?? DigestAlgorithm.md5.rawValue)
      else { return nil }
      let qualities = parameters["qop"]?.lowercased().split(separator: ",").map { $0.filter { $0 != " " } }
      if let qualities, !qualities.contains("auth") { return nil }
      self.realm = realm
      self.nonce = nonce
      self.algorithm = algorithm
      opaque = parameters["opaque"]
      offersAuth = qualities != nil
      isStale = parameters["stale"]?.lowercased() == "true"
    }
  }
}

extension DigestClient: CustomStringConvertible, CustomReflectable {
  public var description: String { "credentials" }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
