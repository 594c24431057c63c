import Foundation
import LiveKitProtocol
import Telephony

/// Signs bodies as a LiveKit server does: a token of the API key that names the body's hash (livekit-wire 4.7).
struct WebhookSigner: Sendable {
  let apiKey: String
  let secret: String

  /// Each attempt has a token of its own, so it need not live long.
  static let lifetimeSeconds: Int64 = 300

  /// Value of the Authorization header, without a scheme.
  func authorization(for body: [UInt8], unixSeconds: Int64) async throws(TokenError) -> String {
    var grants = Grants()
    grants.sha256 = Data(Digest.sha256(body)).base64EncodedString()
    let token = AccessToken(
      apiKey: apiKey, grants: grants, notBefore: unixSeconds, expires: unixSeconds + Self.lifetimeSeconds)
    return try await token.signed(with: secret)
  }
}
