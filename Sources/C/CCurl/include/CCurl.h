// What Trunkline uses of libcurl: POST and GET, one request at a time, within bounds. libcurl's options take arguments of
// any type, which Swift cannot call.
#pragma once

#include <stddef.h>

typedef struct trunkline_poster trunkline_poster;

// A URL and the connection that is kept to it between requests. NULL when there is no memory. Of one thread at a time,
// but for `trunkline_poster_cancel`.
trunkline_poster *_Nullable trunkline_poster_open(const char *_Nonnull url);

void trunkline_poster_close(trunkline_poster *_Nonnull poster);

// Ends the request that is under way, within a second, and every later one. Any thread.
void trunkline_poster_cancel(trunkline_poster *_Nonnull poster);

// Sends `length` bytes and reads the response: `response_limit` bytes of its headers, and as many of its body, at most.
// Blocks, `timeout_milliseconds` at most. The names and values of `headers` go as they are.
//
// Returns the status, or 0 when there was no response: `reason` then points to libcurl's sentence, for good. A response
// that is cut for its length has its status.
long trunkline_poster_post(
  trunkline_poster *_Nonnull poster, const char *_Nonnull const *_Nonnull headers, size_t header_count,
  const void *_Nonnull body, size_t length, long timeout_milliseconds, size_t response_limit,
  const char *_Nonnull *_Nonnull reason);

typedef struct {
  const char *_Nonnull url;
  const char *_Nonnull const *_Nonnull headers;
  size_t header_count;
  // PEM file of the authorities to trust. NULL: the system's.
  const char *_Nullable ca_file;
  long timeout_milliseconds;
} trunkline_question;

// Asks with GET, on a connection of its own, and blocks. The body is written to `body`, `limit` bytes at most, and `count`
// set to what came. Returns the status, or 0 when there was no whole response within time and bounds.
long trunkline_ask(
  const trunkline_question *_Nonnull question, void *_Nonnull body, size_t limit, size_t *_Nonnull count);
