// AES-128-GCM for RFC 7714. libsrtp makes the nonce whole, salt and all.
#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>

#include "Internal.h"

enum { salt_byte_count = 12, block_byte_count = 16, short_tag_byte_count = 8, tag_byte_count = 16 };

struct gcm {
  EVP_CIPHER_CTX *context;
  unsigned int tag_byte_count;
};

static srtp_err_status_t free_cipher(srtp_cipher_t *cipher) {
  struct gcm *gcm = cipher->state;
  if (gcm) EVP_CIPHER_CTX_free(gcm->context);
  free(gcm);
  free(cipher);
  return srtp_err_status_ok;
}

// libsrtp counts the salt in the key's length.
static srtp_err_status_t make_cipher(srtp_cipher_t **result, int key_byte_count, int wanted_tag_byte_count) {
  if (key_byte_count != aes_128_key_byte_count + salt_byte_count) return srtp_err_status_bad_param;
  if (wanted_tag_byte_count != tag_byte_count && wanted_tag_byte_count != short_tag_byte_count) {
    return srtp_err_status_bad_param;
  }
  srtp_cipher_t *cipher = calloc(1, sizeof *cipher);
  struct gcm *gcm = calloc(1, sizeof *gcm);
  if (gcm) gcm->context = EVP_CIPHER_CTX_new();
  if (!cipher || !gcm || !gcm->context) {
    if (gcm) EVP_CIPHER_CTX_free(gcm->context);
    free(gcm);
    free(cipher);
    return srtp_err_status_alloc_fail;
  }
  gcm->tag_byte_count = (unsigned int)wanted_tag_byte_count;
  cipher->type = &csrtpcrypto_gcm;
  cipher->state = gcm;
  cipher->key_len = key_byte_count;
  cipher->algorithm = SRTP_AES_GCM_128;
  *result = cipher;
  return srtp_err_status_ok;
}

static srtp_err_status_t set_key(void *state, const uint8_t *key) {
  struct gcm *gcm = state;
  return EVP_EncryptInit_ex(gcm->context, EVP_aes_128_gcm(), NULL, key, NULL) == 1 ? srtp_err_status_ok
                                                                                   : srtp_err_status_init_fail;
}

static srtp_err_status_t set_nonce(void *state, uint8_t *nonce, srtp_cipher_direction_t direction) {
  struct gcm *gcm = state;
  if (direction == srtp_direction_any) return srtp_err_status_bad_param;
  return EVP_CipherInit_ex(gcm->context, NULL, NULL, NULL, nonce, direction == srtp_direction_encrypt) == 1
             ? srtp_err_status_ok
             : srtp_err_status_cipher_fail;
}

// SRTCP gives header and trailer in two calls.
static srtp_err_status_t add_associated_data(void *state, const uint8_t *bytes, uint32_t byte_count) {
  struct gcm *gcm = state;
  int written = 0;
  if (byte_count > INT_MAX) return srtp_err_status_bad_param;
  if (byte_count == 0) return srtp_err_status_ok;
  return EVP_CipherUpdate(gcm->context, NULL, &written, bytes, (int)byte_count) == 1 ? srtp_err_status_ok
                                                                                     : srtp_err_status_cipher_fail;
}

static bool change_in_place(struct gcm *gcm, uint8_t *bytes, unsigned int byte_count) {
  int written = 0;
  return byte_count == 0 ||
         (byte_count <= INT_MAX && EVP_CipherUpdate(gcm->context, bytes, &written, bytes, (int)byte_count) == 1);
}

static srtp_err_status_t encrypt(void *state, uint8_t *bytes, unsigned int *byte_count) {
  return change_in_place(state, bytes, *byte_count) ? srtp_err_status_ok : srtp_err_status_cipher_fail;
}

// Ends what `encrypt` began; `tag` has room for the length that the cipher was made with.
static srtp_err_status_t write_tag(void *state, uint8_t *tag, uint32_t *byte_count) {
  struct gcm *gcm = state;
  uint8_t rest[block_byte_count];
  int written = 0;
  if (EVP_EncryptFinal_ex(gcm->context, rest, &written) != 1) return srtp_err_status_cipher_fail;
  if (EVP_CIPHER_CTX_ctrl(gcm->context, EVP_CTRL_AEAD_GET_TAG, (int)gcm->tag_byte_count, tag) != 1) {
    return srtp_err_status_cipher_fail;
  }
  *byte_count = gcm->tag_byte_count;
  return srtp_err_status_ok;
}

// The tag is the end of `bytes`; `byte_count` becomes what is left without it.
static srtp_err_status_t decrypt(void *state, uint8_t *bytes, unsigned int *byte_count) {
  struct gcm *gcm = state;
  uint8_t rest[block_byte_count];
  int written = 0;
  if (*byte_count < gcm->tag_byte_count) return srtp_err_status_bad_param;
  unsigned int text_byte_count = *byte_count - gcm->tag_byte_count;
  uint8_t *tag = bytes + text_byte_count;
  if (EVP_CIPHER_CTX_ctrl(gcm->context, EVP_CTRL_AEAD_SET_TAG, (int)gcm->tag_byte_count, tag) != 1 ||
      !change_in_place(gcm, bytes, text_byte_count)) {
    return srtp_err_status_cipher_fail;
  }
  if (EVP_DecryptFinal_ex(gcm->context, rest, &written) != 1) return srtp_err_status_auth_fail;
  *byte_count = text_byte_count;
  return srtp_err_status_ok;
}

// Test cases 2 and 4 of "The Galois/Counter Mode of Operation" (McGrew and Viega), on which NIST SP 800-38D rests.
// The keys are as long as libsrtp says; the salt is not read.
static const uint8_t zero_key[aes_128_key_byte_count + salt_byte_count];
static uint8_t zero_nonce[block_byte_count];
static const uint8_t zero_text[16];
static const uint8_t zero_sealed[] = {
    0x03, 0x88, 0xDA, 0xCE, 0x60, 0xB6, 0xA3, 0x92, 0xF3, 0x28, 0xC2, 0xB9, 0x71, 0xB2, 0xFE, 0x78,
    0xAB, 0x6E, 0x47, 0xD4, 0x2C, 0xEC, 0x13, 0xBD, 0xF5, 0x3A, 0x67, 0xB2, 0x12, 0x57, 0xBD, 0xDF,
};
static const srtp_cipher_test_case_t zero_case = {
    .key_length_octets = sizeof zero_key,
    .key = zero_key,
    .idx = zero_nonce,
    .plaintext_length_octets = sizeof zero_text,
    .plaintext = zero_text,
    .ciphertext_length_octets = sizeof zero_sealed,
    .ciphertext = zero_sealed,
    .tag_length_octets = tag_byte_count,
};
static const uint8_t test_key[aes_128_key_byte_count + salt_byte_count] = {
    0xFE, 0xFF, 0xE9, 0x92, 0x86, 0x65, 0x73, 0x1C, 0x6D, 0x6A, 0x8F, 0x94, 0x67, 0x30, 0x83, 0x08,
};
static uint8_t test_nonce[block_byte_count] = {
    0xCA, 0xFE, 0xBA, 0xBE, 0xFA, 0xCE, 0xDB, 0xAD, 0xDE, 0xCA, 0xF8, 0x88,
};
static const uint8_t test_associated[] = {
    0xFE, 0xED, 0xFA, 0xCE, 0xDE, 0xAD, 0xBE, 0xEF, 0xFE, 0xED,
    0xFA, 0xCE, 0xDE, 0xAD, 0xBE, 0xEF, 0xAB, 0xAD, 0xDA, 0xD2,
};
static const uint8_t test_text[] = {
    0xD9, 0x31, 0x32, 0x25, 0xF8, 0x84, 0x06, 0xE5, 0xA5, 0x59, 0x09, 0xC5, 0xAF, 0xF5, 0x26,
    0x9A, 0x86, 0xA7, 0xA9, 0x53, 0x15, 0x34, 0xF7, 0xDA, 0x2E, 0x4C, 0x30, 0x3D, 0x8A, 0x31,
    0x8A, 0x72, 0x1C, 0x3C, 0x0C, 0x95, 0x95, 0x68, 0x09, 0x53, 0x2F, 0xCF, 0x0E, 0x24, 0x49,
    0xA6, 0xB5, 0x25, 0xB1, 0x6A, 0xED, 0xF5, 0xAA, 0x0D, 0xE6, 0x57, 0xBA, 0x63, 0x7B, 0x39,
};
static const uint8_t test_sealed[] = {
    0x42, 0x83, 0x1E, 0xC2, 0x21, 0x77, 0x74, 0x24, 0x4B, 0x72, 0x21, 0xB7, 0x84, 0xD0, 0xD4, 0x9C, 0xE3, 0xAA, 0x21,
    0x2F, 0x2C, 0x02, 0xA4, 0xE0, 0x35, 0xC1, 0x7E, 0x23, 0x29, 0xAC, 0xA1, 0x2E, 0x21, 0xD5, 0x14, 0xB2, 0x54, 0x66,
    0x93, 0x1C, 0x7D, 0x8F, 0x6A, 0x5A, 0xAC, 0x84, 0xAA, 0x05, 0x1B, 0xA3, 0x0B, 0x39, 0x6A, 0x0A, 0xAC, 0x97, 0x3D,
    0x58, 0xE0, 0x91, 0x5B, 0xC9, 0x4F, 0xBC, 0x32, 0x21, 0xA5, 0xDB, 0x94, 0xFA, 0xE9, 0x5A, 0xE7, 0x12, 0x1A, 0x47,
};
static const srtp_cipher_test_case_t test_case = {
    .key_length_octets = sizeof test_key,
    .key = test_key,
    .idx = test_nonce,
    .plaintext_length_octets = sizeof test_text,
    .plaintext = test_text,
    .ciphertext_length_octets = sizeof test_sealed,
    .ciphertext = test_sealed,
    .aad_length_octets = sizeof test_associated,
    .aad = test_associated,
    .tag_length_octets = tag_byte_count,
    .next_test_case = &zero_case,
};

const srtp_cipher_type_t csrtpcrypto_gcm = {
    .alloc = make_cipher,
    .dealloc = free_cipher,
    .init = set_key,
    .set_aad = add_associated_data,
    .encrypt = encrypt,
    .decrypt = decrypt,
    .set_iv = set_nonce,
    .get_tag = write_tag,
    .description = "AES-128-GCM by OpenSSL EVP",
    .test_data = &test_case,
    .id = SRTP_AES_GCM_128,
};
