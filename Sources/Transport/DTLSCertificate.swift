import COpenSSL

/// A self-signed ECDSA P-256 certificate with its key, made at start and named to peers by its fingerprint.
///
/// Owns an `EVP_PKEY` and an `X509`; a `DTLSContext` made of it keeps references of its own.
public struct DTLSCertificate: ~Copyable {
  public let fingerprint: DTLSFingerprint
  let key: OpaquePointer
  let certificate: OpaquePointer

  /// Valid from yesterday, for clocks that are behind, for a year. Nil when OpenSSL has no randomness or memory.
  public static func selfSigned(commonName: String = "trunkline") -> DTLSCertificate? {
    guard let key = cossl_generate_p256() else { return nil }
    guard let certificate = X509_new() else {
      EVP_PKEY_free(key)
      return nil
    }
    guard sign(certificate, key: key, commonName: commonName), let fingerprint = DTLSFingerprint(of: certificate)
    else {
      X509_free(certificate)
      EVP_PKEY_free(key)
      return nil
    }
    return DTLSCertificate(fingerprint: fingerprint, key: key, certificate: certificate)
  }

  private init(fingerprint: DTLSFingerprint, key: OpaquePointer, certificate: OpaquePointer) {
    self.fingerprint = fingerprint
    self.key = key
    self.certificate = certificate
  }

  deinit {
    X509_free(certificate)
    EVP_PKEY_free(key)
  }

  private static func sign(_ certificate: OpaquePointer, key: OpaquePointer, commonName: String) -> Bool {
    let version3 = 2
    let day = 86_400
    let name = X509_get_subject_name(certificate)
    return X509_set_version(certificate, version3) == 1
      && ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), .random(in: 1 ... .max)) == 1
      && X509_gmtime_adj(X509_getm_notBefore(certificate), -day) != nil
      && X509_gmtime_adj(X509_getm_notAfter(certificate), 365 * day) != nil
      && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, commonName, -1, -1, 0) == 1
      && X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1
      && X509_sign(certificate, key, EVP_sha256()) > 0
  }
}
