#pragma once
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/srtp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

// Function-like macros and variadic functions are not imported into Swift; these wrap the ones in use.
static inline EVP_PKEY *cossl_generate_p256(void) { return EVP_EC_gen("P-256"); }
static inline uint64_t cossl_op_no_query_mtu(void) { return SSL_OP_NO_QUERY_MTU; }
static inline long cossl_set_mtu(SSL *ssl, long mtu) { return SSL_set_mtu(ssl, mtu); }
static inline long cossl_dtls_handle_timeout(SSL *ssl) { return DTLSv1_handle_timeout(ssl); }
static inline long cossl_bio_set_mem_eof_return(BIO *bio, long value) { return BIO_set_mem_eof_return(bio, value); }
