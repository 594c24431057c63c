import JWTKit
import SwiftProtobuf

/// The JSON claims of a token. Everything is optional: a token of another make must parse before it is refused.
struct AccessTokenPayload: JWTPayload {
  var iss: String?
  var sub: String?
  var nbf: Double?
  var exp: Double?
  var jti: String?
  var name: String?
  var metadata: String?
  var attributes: [String: String]?
  var kind: String?
  var kindDetails: [String]?
  var video: VideoGrant?
  var sip: SIPGrant?
  var sha256: String?
  var roomConfig: JSONValue?
  var roomPreset: String?

  /// Times are checked by `token(at:)`, which is told the time.
  func verify(using algorithm: some JWTAlgorithm) {}

  init(_ token: AccessToken) throws {
    let grants = token.grants
    iss = token.apiKey
    sub = grants.identity.nilIfEmpty
    nbf = token.notBefore.map(Double.init)
    exp = Double(token.expires)
    jti = token.id
    name = grants.name.nilIfEmpty
    metadata = grants.metadata.nilIfEmpty
    attributes = grants.attributes.isEmpty ? nil : grants.attributes
    kind = grants.kind == .standard ? nil : grants.kind.claim
    kindDetails = grants.kindDetails.isEmpty ? nil : grants.kindDetails
    video = grants.video == VideoGrant() ? nil : grants.video
    sip = grants.sip == SIPGrant() ? nil : grants.sip
    sha256 = grants.sha256
    roomPreset = grants.roomPreset.nilIfEmpty
    if let configuration = grants.roomConfiguration { roomConfig = try JSONValue(configuration) }
  }

  func token(at unixSeconds: Int64) throws(TokenError) -> AccessToken {
    guard let exp, let expires = Int64(exactly: exp.rounded(.down)) else {
      throw TokenError(.malformed, "the access token has no expiry")
    }
    let notBefore = nbf.flatMap { Int64(exactly: $0.rounded(.up)) }
    guard unixSeconds < expires.addingClamped(TokenVerifier.leewaySeconds) else {
      throw TokenError(.expired, "the access token has expired")
    }
    if let notBefore, unixSeconds < notBefore.addingClamped(-TokenVerifier.leewaySeconds) {
      throw TokenError(.notYetValid, "the access token is not valid yet")
    }
    return AccessToken(apiKey: iss ?? "", grants: try grants(), notBefore: notBefore, expires: expires, id: jti)
  }

  private func grants() throws(TokenError) -> Grants {
    var grants = Grants(identity: sub ?? "", name: name ?? "")
    grants.metadata = metadata ?? ""
    grants.attributes = attributes ?? [:]
    grants.kind = .init(claim: kind ?? "")
    grants.kindDetails = kindDetails ?? []
    grants.video = video ?? VideoGrant()
    grants.sip = sip ?? SIPGrant()
    grants.sha256 = sha256
    grants.roomPreset = roomPreset ?? ""
    if let roomConfig {
      do {
        grants.roomConfiguration = try roomConfig.message(Livekit_RoomConfiguration.self)
      } catch {
        throw TokenError(.malformed, "the access token's roomConfig is not a room configuration")
      }
    }
    return grants
  }
}

extension String {
  fileprivate var nilIfEmpty: String? { isEmpty ? nil : self }
}

extension Int64 {
  /// The sum, held at the ends of the range.
  fileprivate func addingClamped(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }
}
