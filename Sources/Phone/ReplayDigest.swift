import COpenSSL
import Capture

/// Who the caller says he is when he is challenged.
struct ReplayCredentials: Hashable, Sendable {
  var username: String
  var password: String

  /// The header value that answers `challenge` for a request.
  func answer(to challenge: DigestChallenge, method: String, uri: String, clientNonce: String) -> String {
    challenge.answer(
      username: username, password: password, method: method, uri: uri, clientNonce: clientNonce, count: 1,
      hash: Self.hash)
  }

  /// `EVP_Digest`. Empty when OpenSSL does not have the algorithm.
  private static func hash(_ algorithm: DigestChallenge.Algorithm, _ bytes: [UInt8]) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    let kind = algorithm == .md5 ? EVP_md5() : EVP_sha256()
    let isDone = EVP_Digest(bytes, bytes.count, &result, &count, kind, nil) == 1
    return isDone ? Array(result.prefix(Int(count))) : []
  }
}
