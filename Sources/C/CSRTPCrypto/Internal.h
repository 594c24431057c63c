// The types that libsrtp is given, one per file.
#pragma once
#include <srtp2/auth.h>
#include <srtp2/cipher.h>

enum { aes_128_key_byte_count = 16 };

/// AES-128 integer counter mode (RFC 3711 §4.1.1).
extern const srtp_cipher_type_t csrtpcrypto_counter_mode;
/// AEAD_AES_128_GCM (RFC 7714), with tags of 8 or 16 bytes.
extern const srtp_cipher_type_t csrtpcrypto_gcm;
/// HMAC-SHA1 (RFC 2104).
extern const srtp_auth_type_t csrtpcrypto_hmac;
