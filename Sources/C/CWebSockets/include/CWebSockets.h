#ifndef CWEBSOCKETS_H
#define CWEBSOCKETS_H
// Facade over the client side of libwebsockets in plain C types. No header of the library's is included here: they
// bring OpenSSL's and libuv's with them. Everything but cws_wake belongs to the thread that calls cws_run.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cws_client cws_client;
typedef struct cws_connection cws_connection;

/// `user` is that of the client, `id` the connection's own.
typedef struct {
  /// The upgrade is done.
  void (*opened)(void *user, uint64_t id);
  /// A piece of a message.
  void (*received)(
      void *user, uint64_t id, const uint8_t *bytes, size_t count, bool is_first, bool is_last, bool is_binary);
  /// One cws_write may follow. Comes once for each cws_want_write.
  void (*writable)(void *user, uint64_t id);
  /// The last word on a connection, which is freed on return. `status` is that of an HTTP answer other than 101, or 0;
  /// `reason` may be NULL. Not within cws_connect of the same connection.
  void (*closed)(void *user, uint64_t id, int status, const char *reason);
  /// cws_wake was called, once or several times.
  void (*woken)(void *user);
} cws_handlers;

typedef struct {
  /// PEM file of the authorities to trust. NULL: the system's.
  const char *ca_file;
  /// Bytes of a request line and headers that fit.
  uint32_t max_request_byte_count;
  /// Descriptors of the process beyond which the library must not size its tables. 0: no bound.
  uint32_t descriptor_limit;
  /// From cws_connect to `opened`.
  uint32_t connect_seconds;
  /// Silence until a ping is sent, and until the connection is given up.
  uint16_t ping_seconds, hangup_seconds;
} cws_options;

/// NULL without memory or when `ca_file` cannot be read.
cws_client *cws_create(const cws_options *options, const cws_handlers *handlers, void *user);
/// Serves connections until `*stops` is true, which is looked at after each event.
void cws_run(cws_client *client, const bool *stops);
/// Ends all connections at once; `closed` tells of each.
void cws_destroy(cws_client *client);
/// Has `woken` called on the thread of cws_run. Any thread may call it while the client is there.
void cws_wake(cws_client *client);

typedef struct {
  /// Numeric.
  const char *address;
  uint16_t port;
  bool is_secure;
  /// For the Host header; its name without the port is the one that the certificate must have.
  const char *host;
  /// Path and query, percent-encoded.
  const char *path;
  /// Value of the Authorization header.
  const char *authorization;
} cws_target;

/// Begins to connect. NULL when that failed at once, and then nothing is called back.
cws_connection *cws_connect(cws_client *client, uint64_t id, const cws_target *target);
/// Asks for one `writable`.
void cws_want_write(cws_connection *connection);
/// Sends one message, inside `writable` alone; `bytes` has CWS_PREFIX bytes of free room before it. False when the
/// connection is gone.
bool cws_write(cws_connection *connection, uint8_t *bytes, size_t count, bool is_binary);
/// Gives what is still to be written 3 s; then the connection ends without a word.
void cws_hurry(cws_connection *connection);
/// Closes with a code of RFC 6455 §7.4.1; `closed` comes later.
void cws_close(cws_connection *connection, uint16_t code);

enum { CWS_PREFIX = 32 };

#endif
