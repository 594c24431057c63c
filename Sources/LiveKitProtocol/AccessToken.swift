import JWTKit

/// A LiveKit access token: who issued it, for how long, and what it grants (livekit-wire 5.1). HS256 only.
public struct AccessToken: Hashable, Sendable {
  /// The API key (`iss`) whose secret signs the token.
  public var apiKey: String
  public var grants: Grants
  /// Seconds since 1970 before which the token is not valid (`nbf`).
  public var notBefore: Int64?
  /// Seconds since 1970 from which the token is not valid (`exp`).
  public var expires: Int64
  public var id: String?

  public init(apiKey: String, grants: Grants, notBefore: Int64? = nil, expires: Int64, id: String? = nil) {
    self.apiKey = apiKey
    self.grants = grants
    self.notBefore = notBefore
    self.expires = expires
    self.id = id
  }

  /// How long tokens are valid unless their maker says otherwise.
  public static let defaultLifetimeSeconds: Int64 = 6 * 3_600

  /// The compact form (RFC 7515 §7.1), signed with `secret`.
  public func signed(with secret: String) async throws(TokenError) -> String {
    do {
      let key = await JWTKeyCollection().add(hmac: .padded(secret), digestAlgorithm: .sha256)
      return try await key.sign(AccessTokenPayload(self))
    } catch {
      throw TokenError(.malformed, "the token cannot be written: \(error)")
    }
  }
}

/// Why a token is not accepted. The sentence goes to the client.
public struct TokenError: Error, Hashable, Sendable {
  public enum Code: String, Hashable, Sendable {
    case missing, malformed, unknownKey, badSignature, expired, notYetValid
  }

  public let code: Code
  public let reason: String

  public init(_ code: Code, _ reason: String) {
    self.code = code
    self.reason = reason
  }
}

/// Checks tokens against the configured API keys.
public struct TokenVerifier: Sendable {
  /// How far the issuer's clock may be off.
  public static let leewaySeconds: Int64 = 60
  /// Metadata, attributes and a room configuration travel in tokens; more than this is nobody's token.
  public static let maxTokenByteCount = 256 * 1_024

  private let keys: [String: JWTKeyCollection]

  /// - Parameter keys: secret by API key.
  public init(keys: [String: String]) async {
    var collections: [String: JWTKeyCollection] = [:]
    for (apiKey, secret) in keys {
      collections[apiKey] = await JWTKeyCollection().add(hmac: .padded(secret), digestAlgorithm: .sha256)
    }
    self.keys = collections
  }

  /// The token when its algorithm is HS256, its issuer is a known key, its signature is that key's (compared in
  /// constant time) and `unixSeconds` lies in its validity.
  public func verify(_ token: String, unixSeconds: Int64) async throws(TokenError) -> AccessToken {
    guard !token.isEmpty else { throw TokenError(.missing, "no access token was given") }
    guard token.utf8.count <= Self.maxTokenByteCount else {
      throw TokenError(.malformed, "the access token is longer than \(Self.maxTokenByteCount) bytes")
    }
    let bytes = Array(token.utf8)
    let header: JWTHeader
    let payload: AccessTokenPayload
    do {
      (header, payload, _) = try DefaultJWTParser().parse(bytes, as: AccessTokenPayload.self)
    } catch {
      throw TokenError(.malformed, "the access token is not a JSON web token with LiveKit's claims")
    }
    // The algorithm is ours to choose, never the token's.
    guard header.alg == "HS256" else {
      throw TokenError(.badSignature, "the access token is not signed with HS256")
    }
    guard let key = keys[payload.iss ?? ""] else {
      throw TokenError(.unknownKey, "the access token's issuer is not one of the configured keys")
    }
    do {
      _ = try await key.verify(bytes, as: AccessTokenPayload.self)
    } catch {
      throw TokenError(.badSignature, "the access token's signature does not fit its key")
    }
    return try payload.token(at: unixSeconds)
  }
}

extension HMACKey {
  /// HMAC extends a key with zeros to the hash's block of 64 bytes (RFC 2104 §2), so zeros up to 32 bytes change no
  /// signature; JWTKit asserts that a key has as many.
  static func padded(_ secret: String) -> HMACKey {
    var bytes = Array(secret.utf8)
    if bytes.count < 32 { bytes += Array(repeating: 0, count: 32 - bytes.count) }
    return HMACKey(from: bytes)
  }
}
