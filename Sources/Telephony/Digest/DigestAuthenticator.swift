import Base

/// Asks for digest credentials and checks them (RFC 7616, RFC 8760; RFC 2069 answers without qop are taken too).
///
///     no credentials ──407──▶ right ──▶ accepted
///                             wrong ──407──▶ right ──▶ accepted
///                                            wrong ──▶ 403
///     right, but the nonce expired ──407 stale=true──▶ …
///
/// Nothing is kept for a challenge. Only nonces that were answered rightly are remembered, to refuse replays.
public struct DigestAuthenticator: Sendable {
  public let nonceLifetime: Duration
  private let algorithms: [DigestAlgorithm]
  private let key: [UInt8]
  private var counts: NonceCounts
  private var serial: UInt32 = 0

  /// - Parameters:
  ///   - key: at least 16 random bytes, fresh for each start of the process.
  ///   - algorithms: in the order they are offered. MD5 stands first because phones that know it alone often read the
  ///     first challenge alone, and fail on SHA-256.
  ///   - nonceLimit: answered nonces remembered at a time.
  public init(
    key: [UInt8], nonceLifetime: Duration = .seconds(120), algorithms: [DigestAlgorithm] = [.md5, .sha256],
    nonceLimit: Int = 16_384
  ) {
    precondition(key.count >= 16, "a nonce key of \(key.count) bytes can be guessed")
    self.key = key
    self.nonceLifetime = nonceLifetime
    // A system that forbids MD5 offers what is left.
    self.algorithms = algorithms.filter { !$0.hash("").isEmpty }
    counts = NonceCounts(limit: nonceLimit)
  }

  /// - Parameter headers: every Proxy-Authorization value of the request; those for other realms are passed over.
  public mutating func verify(_ headers: [String], for context: DigestContext, now: MonotonicTime) -> DigestVerdict {
    let ours = headers.prefix(Self.headerLimit)
    guard !ours.isEmpty else { return challenge(.missing, context, now) }
    let parsed = ours.compactMap { DigestCredentials($0) }
    guard let credentials = parsed.first(where: { $0.realm == context.realm }) else {
      return challenge(parsed.count == ours.count ? .missing : .malformed, context, now)
    }
    return verify(credentials, for: context, now: now)
  }

  /// Challenges with a fresh nonce, for a request without credentials.
  public mutating func challenge(for context: DigestContext, now: MonotonicTime) -> [String] {
    challengeHeaders(context, now, isSecondChance: false, isStale: false)
  }

  /// Headers of one request that are looked at.
  private static let headerLimit = 8

  private mutating func verify(
    _ credentials: DigestCredentials, for context: DigestContext, now: MonotonicTime
  ) -> DigestVerdict {
    guard let algorithm = credentials.algorithm, algorithms.contains(algorithm),
      credentials.quality?.isSupported ?? true
    else { return challenge(.unsupported, context, now) }
    guard
      let nonce = DigestNonce(credentials.nonce, realm: context.realm, source: context.source, key: key),
      nonce.issued <= now
    else { return challenge(.unknownNonce, context, now) }
    let isRight = Self.isRight(credentials, algorithm, context)
    guard isRight else {
      return nonce.isSecondChance ? .refused(.wrong) : challenge(.wrong, context, now, isSecondChance: true)
    }
    let oldest = now - nonceLifetime
    if nonce.issued < oldest || counts.mayBeForgotten(issued: nonce.issued) {
      return challenge(.stale, context, now)
    }
    let count = credentials.quality?.count ?? 1
    let isFresh = counts.use(credentials.nonce, issued: nonce.issued, count: count, expiredBefore: oldest)
    return isFresh ? .accepted : challenge(.replayed, context, now)
  }

  private mutating func challenge(
    _ fault: DigestFault, _ context: DigestContext, _ now: MonotonicTime, isSecondChance: Bool = false
  ) -> DigestVerdict {
    let headers = challengeHeaders(context, now, isSecondChance: isSecondChance, isStale: fault == .stale)
    return .challenge(headers, fault)
  }

  private mutating func challengeHeaders(
    _ context: DigestContext, _ now: MonotonicTime, isSecondChance: Bool, isStale: Bool
  ) -> [String] {
    serial &+= 1
    let nonce = DigestNonce(issued: now, serial: serial, isSecondChance: isSecondChance)
      .text(realm: context.realm, source: context.source, key: key)
    let stale = isStale ? ", stale=true" : ""
    return algorithms.map {
      "Digest realm=\(DigestParameters.quoted(context.realm)), nonce=\"\(nonce)\", algorithm=\($0.rawValue), qop=\"auth\"\(stale)"
    }
  }

  /// Every part is compared, and none ends the comparison early.
  private static func isRight(
    _ credentials: DigestCredentials, _ algorithm: DigestAlgorithm, _ context: DigestContext
  ) -> Bool {
    let isResponseRight = Digest.areEqual(credentials.response, expectedResponse(credentials, algorithm, context))
    let isUserRight = Digest.areEqual(
      Digest.sha256(Array(credentials.username.utf8)), Digest.sha256(Array(context.username.utf8)))
    let isURIRight = context.uris.contains { SIPURIText($0).fits(SIPURIText(credentials.uri)) }
    return isResponseRight && isUserRight && isURIRight
  }

  static func expectedResponse(
    _ credentials: DigestCredentials, _ algorithm: DigestAlgorithm, _ context: DigestContext
  ) -> [UInt8] {
    algorithm.response(
      username: context.username, realm: context.realm, password: context.password, method: context.method,
      uri: credentials.uri, nonce: credentials.nonce,
      quality: credentials.quality.map { ($0.countText, $0.clientNonce) })
  }
}
