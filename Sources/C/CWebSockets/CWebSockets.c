// The client side of libwebsockets.
#include "CWebSockets.h"

#include <libwebsockets.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(CWS_PREFIX >= LWS_PRE, "room for the frame header");

struct cws_client {
  struct lws_context *context;
  struct lws_vhost *vhost;
  cws_handlers handlers;
  void *user;
  lws_retry_bo_t idle;
  size_t buffer_byte_count;
};

struct cws_connection {
  cws_client *client;
  uint64_t id;
  struct lws *wsi;
  char *path, *authorization;
  /// cws_connect has not returned.
  bool is_connecting;
  /// It failed within cws_connect.
  bool has_failed;
  bool is_open;
  bool is_closing;
  /// The library has been told to send the close frame.
  bool has_closed;
  uint16_t close_code;
};

static void release(cws_connection *connection) {
  free(connection->path);
  free(connection->authorization);
  free(connection);
}

/// The last callback of a connection, whichever the library makes it.
static void finish(struct lws *wsi, cws_connection *connection, const char *reason) {
  lws_set_wsi_user(wsi, NULL);
  if (connection->is_connecting) {
    connection->has_failed = true;
    return;
  }
  cws_client *client = connection->client;
  int status = (int)lws_http_client_http_response(wsi);
  client->handlers.closed(client->user, connection->id, status == 101 ? 0 : status, reason);
  release(connection);
}

/// The library has a number alone for a certificate that is not trusted.
static const char *explain_failure(struct lws *wsi, const char *reason, char *text, size_t count) {
  SSL *ssl = lws_get_ssl(wsi);
  long result = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
  if (result == X509_V_OK) return reason;
  snprintf(text, count, "its certificate is not trusted: %s", X509_verify_cert_error_string(result));
  return text;
}

// The library cuts a request line off after 2,048 bytes: it writes this one, and ours replaces it afterwards.
static const char short_path[] = "/cws";
static const char short_line[] = "GET /cws HTTP/1.1\r\n";

static int replace_path(cws_connection *connection, unsigned char **at, size_t room) {
  // What the library leaves of its buffer: all but what is written and 12 bytes.
  size_t written = connection->client->buffer_byte_count - 12 - room;
  unsigned char *start = *at - written;
  size_t count = strlen(connection->path), old_count = sizeof short_path - 1;
  if (written < sizeof short_line || memcmp(start, short_line, sizeof short_line - 1) != 0) return -1;
  if (count > room + old_count) return -1;
  unsigned char *path = start + sizeof "GET " - 1;
  memmove(path + count, path + old_count, written - (size_t)(path - start) - old_count);
  memcpy(path, connection->path, count);
  *at += count - old_count;
  return 0;
}

static int append_headers(struct lws *wsi, cws_connection *connection, unsigned char **at, size_t room) {
  unsigned char *end = *at + room;
  if (replace_path(connection, at, room) < 0) return -1;
  const char *value = connection->authorization;
  return lws_add_http_header_by_name(
      wsi, (const unsigned char *)"authorization:", (const unsigned char *)value, (int)strlen(value), at, end);
}

static int receive(struct lws *wsi, cws_connection *connection, const void *bytes, size_t count) {
  bool is_first = lws_is_first_fragment(wsi);
  bool is_last = lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0;
  cws_client *client = connection->client;
  client->handlers.received(client->user, connection->id, bytes, count, is_first, is_last, lws_frame_is_binary(wsi));
  return 0;
}

// For each of the last writes and the server's close frame.
enum { close_seconds = 3 };

static int write_or_close(struct lws *wsi, cws_connection *connection) {
  if (connection->is_closing) {
    // It asks once more while it waits for the server's close frame (RFC 6455 §7.1.1). A second refusal would end the TCP
    // connection under a server that is writing, which then loses what it has not read: the last word.
    if (connection->has_closed) {
      lws_set_timeout(wsi, PENDING_TIMEOUT_CLOSE_ACK, close_seconds);
      return 0;
    }
    connection->has_closed = true;
    lws_close_reason(wsi, (enum lws_close_status)connection->close_code, NULL, 0);
    return -1;
  }
  connection->client->handlers.writable(connection->client->user, connection->id);
  return 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons event, void *user, void *in, size_t count) {
  cws_connection *connection = user;
  switch (event) {
  case LWS_CALLBACK_EVENT_WAIT_CANCELLED: {
    cws_client *client = lws_context_user(lws_get_context(wsi));
    client->handlers.woken(client->user);
    return 0;
  }
  case LWS_CALLBACK_CLIENT_CLOSED:
  // Memory of a connection that no other callback ended.
  case LWS_CALLBACK_WSI_DESTROY:
    if (connection) finish(wsi, connection, NULL);
    return 0;
  case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: {
    char text[160];
    if (connection) finish(wsi, connection, explain_failure(wsi, in, text, sizeof text));
    return 0;
  }
  case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
    return connection ? append_headers(wsi, connection, in, count) : 0;
  case LWS_CALLBACK_CLIENT_ESTABLISHED:
    if (!connection) return -1;
    connection->is_open = true;
    connection->client->handlers.opened(connection->client->user, connection->id);
    return 0;
  case LWS_CALLBACK_CLIENT_RECEIVE: return connection ? receive(wsi, connection, in, count) : -1;
  case LWS_CALLBACK_CLIENT_WRITEABLE: return connection ? write_or_close(wsi, connection) : -1;
  default: return 0;
  }
}

// Read in pieces of at most so many bytes.
enum { receive_byte_count = 16384 };

static const struct lws_protocols protocols[] = {
  {"room", on_event, 0, receive_byte_count, 0, NULL, 0}, {NULL, NULL, 0, 0, 0, NULL, 0}};

/// The library says it in its log alone, and trusts nobody afterwards.
static bool can_read_authorities(const char *file) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  bool can_read = context && SSL_CTX_load_verify_locations(context, file, NULL) == 1;
  SSL_CTX_free(context);
  ERR_clear_error();
  return can_read;
}

cws_client *cws_create(const cws_options *options, const cws_handlers *handlers, void *user) {
  lws_set_log_level(0, NULL);
  if (options->ca_file && !can_read_authorities(options->ca_file)) return NULL;
  cws_client *client = calloc(1, sizeof *client);
  if (!client) return NULL;
  client->handlers = *handlers;
  client->user = user;
  client->buffer_byte_count = options->max_request_byte_count;
  client->idle.secs_since_valid_ping = options->ping_seconds;
  client->idle.secs_since_valid_hangup = options->hangup_seconds;
  struct lws_context_creation_info info = {0};
  info.port = CONTEXT_PORT_NO_LISTEN;
  info.protocols = protocols;
  info.gid = info.uid = -1;
  info.user = client;
  info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  if (options->ca_file) info.options |= LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
  info.client_ssl_ca_filepath = options->ca_file;
  info.fd_limit_per_thread = options->descriptor_limit;
  info.pt_serv_buf_size = options->max_request_byte_count;
  info.max_http_header_data2 = options->max_request_byte_count;
  info.max_http_header_pool2 = 256;
  info.timeout_secs = info.connect_timeout_secs = options->connect_seconds;
  // Else the environment's http_proxy would be used.
  info.http_proxy_address = "";
  info.retry_and_idle_policy = &client->idle;
  client->context = lws_create_context(&info);
  if (client->context) client->vhost = lws_create_vhost(client->context, &info);
  if (client->vhost) return client;
  if (client->context) lws_context_destroy(client->context);
  free(client);
  return NULL;
}

void cws_run(cws_client *client, const bool *stops) {
  while (!*stops && lws_service(client->context, 0) >= 0) {}
}

void cws_destroy(cws_client *client) {
  lws_context_destroy(client->context);
  free(client);
}

void cws_wake(cws_client *client) { lws_cancel_service(client->context); }

cws_connection *cws_connect(cws_client *client, uint64_t id, const cws_target *target) {
  cws_connection *connection = calloc(1, sizeof *connection);
  if (!connection) return NULL;
  *connection = (cws_connection){
    .client = client, .id = id, .path = strdup(target->path), .authorization = strdup(target->authorization),
    .is_connecting = true};
  if (!connection->path || !connection->authorization) {
    release(connection);
    return NULL;
  }
  struct lws_client_connect_info info = {0};
  info.context = client->context;
  info.vhost = client->vhost;
  info.address = target->address;
  info.port = target->port;
  info.ssl_connection = target->is_secure ? LCCSCF_USE_SSL : 0;
  info.path = short_path;
  info.host = target->host;
  info.alpn = "http/1.1";
  info.local_protocol_name = protocols[0].name;
  info.userdata = connection;
  info.retry_and_idle_policy = &client->idle;
  info.pwsi = &connection->wsi;
  struct lws *wsi = lws_client_connect_via_info(&info);
  connection->is_connecting = false;
  if (wsi && !connection->has_failed) return connection;
  release(connection);
  return NULL;
}

void cws_want_write(cws_connection *connection) { lws_callback_on_writable(connection->wsi); }

bool cws_write(cws_connection *connection, uint8_t *bytes, size_t count, bool is_binary) {
  enum lws_write_protocol kind = is_binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
  return lws_write(connection->wsi, bytes, count, kind) >= 0;
}

void cws_hurry(cws_connection *connection) {
  lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_OK, close_seconds);
}

void cws_close(cws_connection *connection, uint16_t code) {
  connection->is_closing = true;
  connection->close_code = code;
  // Ended without a word when it is not open yet, or when the word cannot be sent.
  if (connection->is_open) lws_callback_on_writable(connection->wsi);
  lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_OK, connection->is_open ? close_seconds : LWS_TO_KILL_ASYNC);
}
