#include "CSRTPCrypto.h"
#include "Internal.h"

bool csrtpcrypto_install(void) {
  return srtp_replace_cipher_type(&csrtpcrypto_counter_mode, SRTP_AES_ICM_128) == srtp_err_status_ok &&
         srtp_replace_cipher_type(&csrtpcrypto_gcm, SRTP_AES_GCM_128) == srtp_err_status_ok &&
         srtp_replace_auth_type(&csrtpcrypto_hmac, SRTP_HMAC_SHA1) == srtp_err_status_ok;
}
