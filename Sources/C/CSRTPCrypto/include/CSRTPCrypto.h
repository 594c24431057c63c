#ifndef CSRTPCRYPTO_H
#define CSRTPCRYPTO_H
// AES and HMAC-SHA1 for libsrtp, made of OpenSSL's. Debian's libsrtp2 uses NSS, which allocates 5 to 14 times per
// packet; these allocate when a key is set and never again.
#include <stdbool.h>

/// Puts AES-128 in counter mode, AES-128-GCM and HMAC-SHA1 in the place of libsrtp's own, for the whole process.
/// `srtp_init` comes before it, the first session after it; neither is safe against other threads.
/// False when OpenSSL or one of libsrtp's self-tests refuses: each type must pass its own vectors and those of the
/// type that it replaces.
bool csrtpcrypto_install(void);

#endif
