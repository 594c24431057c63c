// AES-128 in RFC 3711's integer counter mode. libsrtp derives session keys with it, too.
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "Internal.h"

enum {
  block_byte_count = 16,
  salt_byte_count = 14,
  // The block counter has 16 bits, so that one nonce is good for 2^16 blocks.
  maximum_byte_count = 65536 * block_byte_count,
};

struct counter_mode {
  EVP_CIPHER_CTX *context;
  // The session salt; the last two bytes are zero, where the block counter starts.
  uint8_t salt[block_byte_count];
};

static srtp_err_status_t free_cipher(srtp_cipher_t *cipher) {
  struct counter_mode *mode = cipher->state;
  if (mode) {
    EVP_CIPHER_CTX_free(mode->context);
    OPENSSL_cleanse(mode, sizeof *mode);
    free(mode);
  }
  free(cipher);
  return srtp_err_status_ok;
}

// libsrtp counts the salt in the key's length. A tag has no meaning here.
static srtp_err_status_t make_cipher(srtp_cipher_t **result, int key_byte_count, int tag_byte_count) {
  (void)tag_byte_count;
  if (key_byte_count != aes_128_key_byte_count + salt_byte_count) return srtp_err_status_bad_param;
  srtp_cipher_t *cipher = calloc(1, sizeof *cipher);
  struct counter_mode *mode = calloc(1, sizeof *mode);
  if (mode) mode->context = EVP_CIPHER_CTX_new();
  if (!cipher || !mode || !mode->context) {
    if (mode) EVP_CIPHER_CTX_free(mode->context);
    free(mode);
    free(cipher);
    return srtp_err_status_alloc_fail;
  }
  cipher->type = &csrtpcrypto_counter_mode;
  cipher->state = mode;
  cipher->key_len = key_byte_count;
  cipher->algorithm = SRTP_AES_ICM_128;
  *result = cipher;
  return srtp_err_status_ok;
}

static srtp_err_status_t set_key(void *state, const uint8_t *key) {
  struct counter_mode *mode = state;
  memcpy(mode->salt, key + aes_128_key_byte_count, salt_byte_count);
  return EVP_EncryptInit_ex(mode->context, EVP_aes_128_ctr(), NULL, key, NULL) == 1 ? srtp_err_status_ok
                                                                                    : srtp_err_status_init_fail;
}

// libsrtp gives SSRC and packet index at their places; only the salt is missing. Both directions are one.
static srtp_err_status_t set_nonce(void *state, uint8_t *nonce, srtp_cipher_direction_t direction) {
  (void)direction;
  struct counter_mode *mode = state;
  uint8_t block[block_byte_count];
  for (int i = 0; i < block_byte_count; i++) block[i] = mode->salt[i] ^ nonce[i];
  return EVP_EncryptInit_ex(mode->context, NULL, NULL, NULL, block) == 1 ? srtp_err_status_ok
                                                                         : srtp_err_status_cipher_fail;
}

static srtp_err_status_t apply_keystream(void *state, uint8_t *bytes, unsigned int *byte_count) {
  struct counter_mode *mode = state;
  int written = 0;
  if (*byte_count > maximum_byte_count) return srtp_err_status_terminus;
  if (*byte_count == 0) return srtp_err_status_ok;
  return EVP_EncryptUpdate(mode->context, bytes, &written, bytes, (int)*byte_count) == 1 ? srtp_err_status_ok
                                                                                         : srtp_err_status_cipher_fail;
}

// RFC 3711 appendix B.2: the keystream, which is what zeros become.
static const uint8_t test_key[] = {
    0x2B, 0x7E, 0x15, 0x16, 0x28, 0xAE, 0xD2, 0xA6, 0xAB, 0xF7, 0x15, 0x88, 0x09, 0xCF, 0x4F,
    0x3C, 0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA, 0xFB, 0xFC, 0xFD,
};
static uint8_t test_nonce[block_byte_count];
static const uint8_t test_zeros[48];
static const uint8_t test_keystream[48] = {
    0xE0, 0x3E, 0xAD, 0x09, 0x35, 0xC9, 0x5E, 0x80, 0xE1, 0x66, 0xB1, 0x6D, 0xD9, 0x2B, 0x4E, 0xB4,
    0xD2, 0x35, 0x13, 0x16, 0x2B, 0x02, 0xD0, 0xF7, 0x2A, 0x43, 0xA2, 0xFE, 0x4A, 0x5F, 0x97, 0xAB,
    0x41, 0xE9, 0x5B, 0x3B, 0xB0, 0xA2, 0xE8, 0xDD, 0x47, 0x79, 0x01, 0xE4, 0xFC, 0xA8, 0x94, 0xC0,
};
static const srtp_cipher_test_case_t test_case = {
    .key_length_octets = sizeof test_key,
    .key = test_key,
    .idx = test_nonce,
    .plaintext_length_octets = sizeof test_zeros,
    .plaintext = test_zeros,
    .ciphertext_length_octets = sizeof test_keystream,
    .ciphertext = test_keystream,
};

const srtp_cipher_type_t csrtpcrypto_counter_mode = {
    .alloc = make_cipher,
    .dealloc = free_cipher,
    .init = set_key,
    .encrypt = apply_keystream,
    .decrypt = apply_keystream,
    .set_iv = set_nonce,
    .description = "AES-128 counter mode by OpenSSL EVP",
    .test_data = &test_case,
    .id = SRTP_AES_ICM_128,
};
