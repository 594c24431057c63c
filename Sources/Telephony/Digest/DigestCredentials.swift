/// The parameters of a Proxy-Authorization header (RFC 7616 §3.4, RFC 3261 §22.3). Everything is the sender's claim.
struct DigestCredentials: Hashable, Sendable {
  var username: String
  var realm: String
  var nonce: String
  var uri: String
  /// Decoded from hexadecimal.
  var response: [UInt8]
  /// Nil: another algorithm than ours.
  var algorithm: DigestAlgorithm?
  /// Nil in the form of RFC 2069.
  var quality: Quality?

  /// `qop=auth`, and what goes with it.
  struct Quality: Hashable, Sendable {
    /// As written: it is part of what was hashed.
    var countText: String
    var count: UInt32
    var clientNonce: String
    var isSupported: Bool
  }

  /// Nil unless the header is well formed: no parameter twice, no text after the last one, every field in place.
  init?(_ header: String) {
    guard let parameters = DigestParameters(header) else { return nil }
    guard let username = parameters["username"], let realm = parameters["realm"], let nonce = parameters["nonce"],
      let uri = parameters["uri"], let hexadecimal = parameters["response"],
      let response = Digest.bytes(hexadecimal: hexadecimal)
    else { return nil }
    self.username = username
    self.realm = realm
    self.nonce = nonce
    self.uri = uri
    self.response = response
    let name = parameters["algorithm"]?.uppercased() ?? DigestAlgorithm.md5.rawValue
    algorithm = DigestAlgorithm(rawValue: name)
    guard let qop = parameters["qop"] else {
      quality = nil
      return
    }
    guard let countText = parameters["nc"], countText.utf8.count == 8, let count = UInt32(countText, radix: 16),
      countText.first != "+", let clientNonce = parameters["cnonce"]
    else { return nil }
    quality = Quality(
      countText: countText, count: count, clientNonce: clientNonce, isSupported: qop.lowercased() == "auth")
  }
}
