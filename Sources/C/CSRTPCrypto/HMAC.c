// HMAC-SHA1 (RFC 2104) from the states that the two padded keys leave, which are hashed once per key.
//
// SHA1_* is deprecated for EVP's sake, but OpenSSL 3.0's EVP_MAC and EVP_DigestInit_ex allocate on each message.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "Internal.h"

enum { inner_padding = 0x36, outer_padding = 0x5C };

struct hmac {
  SHA_CTX inner;
  SHA_CTX outer;
  // What `start` and `update` have hashed of the message.
  SHA_CTX running;
};

static srtp_err_status_t free_auth(srtp_auth_t *auth) {
  if (auth->state) OPENSSL_cleanse(auth->state, sizeof(struct hmac));
  free(auth->state);
  free(auth);
  return srtp_err_status_ok;
}

// SRTP's keys have 20 bytes (RFC 3711 §5.2). Longer ones than a block would have to be hashed first.
static srtp_err_status_t make_auth(srtp_auth_t **result, int key_byte_count, int tag_byte_count) {
  if (key_byte_count < 0 || key_byte_count > SHA_CBLOCK) return srtp_err_status_bad_param;
  if (tag_byte_count < 0 || tag_byte_count > SHA_DIGEST_LENGTH) return srtp_err_status_bad_param;
  srtp_auth_t *auth = calloc(1, sizeof *auth);
  struct hmac *hmac = calloc(1, sizeof *hmac);
  if (!auth || !hmac) {
    free(hmac);
    free(auth);
    return srtp_err_status_alloc_fail;
  }
  auth->type = &csrtpcrypto_hmac;
  auth->state = hmac;
  auth->out_len = tag_byte_count;
  auth->key_len = key_byte_count;
  *result = auth;
  return srtp_err_status_ok;
}

static bool hash_padded_key(SHA_CTX *state, const uint8_t *key, int key_byte_count, uint8_t padding) {
  uint8_t block[SHA_CBLOCK];
  memset(block, padding, sizeof block);
  for (int i = 0; i < key_byte_count; i++) block[i] ^= key[i];
  bool is_hashed = SHA1_Init(state) == 1 && SHA1_Update(state, block, sizeof block) == 1;
  OPENSSL_cleanse(block, sizeof block);
  return is_hashed;
}

static srtp_err_status_t set_key(void *state, const uint8_t *key, int key_byte_count) {
  struct hmac *hmac = state;
  if (key_byte_count < 0 || key_byte_count > SHA_CBLOCK) return srtp_err_status_bad_param;
  return hash_padded_key(&hmac->inner, key, key_byte_count, inner_padding) &&
                 hash_padded_key(&hmac->outer, key, key_byte_count, outer_padding)
             ? srtp_err_status_ok
             : srtp_err_status_init_fail;
}

static srtp_err_status_t start(void *state) {
  struct hmac *hmac = state;
  hmac->running = hmac->inner;
  return srtp_err_status_ok;
}

static srtp_err_status_t update(void *state, const uint8_t *bytes, int byte_count) {
  struct hmac *hmac = state;
  if (byte_count < 0) return srtp_err_status_bad_param;
  return SHA1_Update(&hmac->running, bytes, (size_t)byte_count) == 1 ? srtp_err_status_ok : srtp_err_status_auth_fail;
}

// Takes the last piece of the message and writes the first `tag_byte_count` bytes of the digest.
static srtp_err_status_t compute(void *state, const uint8_t *bytes, int byte_count, int tag_byte_count, uint8_t *tag) {
  struct hmac *hmac = state;
  uint8_t digest[SHA_DIGEST_LENGTH];
  if (tag_byte_count < 0 || tag_byte_count > SHA_DIGEST_LENGTH) return srtp_err_status_bad_param;
  srtp_err_status_t status = update(state, bytes, byte_count);
  if (status != srtp_err_status_ok) return status;
  if (SHA1_Final(digest, &hmac->running) != 1) return srtp_err_status_auth_fail;
  hmac->running = hmac->outer;
  if (SHA1_Update(&hmac->running, digest, sizeof digest) != 1 || SHA1_Final(digest, &hmac->running) != 1) {
    return srtp_err_status_auth_fail;
  }
  memcpy(tag, digest, (size_t)tag_byte_count);
  return srtp_err_status_ok;
}

// RFC 2202 §3, test cases 2 and 1.
static const uint8_t short_key[] = {'J', 'e', 'f', 'e'};
static const uint8_t short_text[] = {
    'w', 'h', 'a', 't', ' ', 'd', 'o', ' ', 'y', 'a', ' ', 'w', 'a', 'n',
    't', ' ', 'f', 'o', 'r', ' ', 'n', 'o', 't', 'h', 'i', 'n', 'g', '?',
};
static const uint8_t short_tag[SHA_DIGEST_LENGTH] = {
    0xEF, 0xFC, 0xDF, 0x6A, 0xE5, 0xEB, 0x2F, 0xA2, 0xD2, 0x74,
    0x16, 0xD5, 0xF1, 0x84, 0xDF, 0x9C, 0x25, 0x9A, 0x7C, 0x79,
};
static const srtp_auth_test_case_t short_case = {
    .key_length_octets = sizeof short_key,
    .key = short_key,
    .data_length_octets = sizeof short_text,
    .data = short_text,
    .tag_length_octets = sizeof short_tag,
    .tag = short_tag,
};
static const uint8_t test_key[] = {
    0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B,
    0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B, 0x0B,
};
static const uint8_t test_text[] = {'H', 'i', ' ', 'T', 'h', 'e', 'r', 'e'};
static const uint8_t test_tag[SHA_DIGEST_LENGTH] = {
    0xB6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72, 0x64, 0xE2, 0x8B,
    0xC0, 0xB6, 0xFB, 0x37, 0x8C, 0x8E, 0xF1, 0x46, 0xBE, 0x00,
};
static const srtp_auth_test_case_t test_case = {
    .key_length_octets = sizeof test_key,
    .key = test_key,
    .data_length_octets = sizeof test_text,
    .data = test_text,
    .tag_length_octets = sizeof test_tag,
    .tag = test_tag,
    .next_test_case = &short_case,
};

const srtp_auth_type_t csrtpcrypto_hmac = {
    .alloc = make_auth,
    .dealloc = free_auth,
    .init = set_key,
    .compute = compute,
    .update = update,
    .start = start,
    .description = "HMAC-SHA1 by OpenSSL",
    .test_data = &test_case,
    .id = SRTP_HMAC_SHA1,
};
