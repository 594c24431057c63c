#include "CCurl.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct trunkline_poster {
  CURL *handle;
  atomic_bool is_cancelled;
  // What the response under way may still bring.
  size_t header_bytes_left;
  size_t body_bytes_left;
};

static void initialize(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

static CURL *open_handle(const char *url) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, initialize);
  CURL *handle = curl_easy_init();
  if (!handle) return NULL;
  if (curl_easy_setopt(handle, CURLOPT_URL, url) != CURLE_OK) {
    curl_easy_cleanup(handle);
    return NULL;
  }
  // Signals are the whole process's.
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  return handle;
}

// NULL when there is no memory for all of them.
static struct curl_slist *list_of(const char *const *headers, size_t count) {
  struct curl_slist *list = NULL;
  for (size_t i = 0; i < count; i++) {
    struct curl_slist *longer = curl_slist_append(list, headers[i]);
    if (!longer) {
      curl_slist_free_all(list);
      return NULL;
    }
    list = longer;
  }
  return list;
}

// libcurl's callback for headers and bodies: fewer bytes than came end the transfer.
static size_t take(size_t count, size_t *left) {
  if (count > *left) return 0;
  *left -= count;
  return count;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *context) {
  (void)bytes;
  return take(size * count, &((trunkline_poster *)context)->header_bytes_left);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
  (void)bytes;
  return take(size * count, &((trunkline_poster *)context)->body_bytes_left);
}

// Called once a second at least; anything but 0 ends the transfer.
static int watch(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
  (void)a, (void)b, (void)c, (void)d;
  return atomic_load(&((trunkline_poster *)context)->is_cancelled);
}

trunkline_poster *trunkline_poster_open(const char *url) {
  trunkline_poster *poster = calloc(1, sizeof *poster);
  if (!poster) return NULL;
  CURL *handle = poster->handle = open_handle(url);
  if (!handle) {
    trunkline_poster_close(poster);
    return NULL;
  }
  curl_easy_setopt(handle, CURLOPT_POST, 1L);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, poster);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, poster);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, watch);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, poster);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  return poster;
}

void trunkline_poster_close(trunkline_poster *poster) {
  if (poster->handle) curl_easy_cleanup(poster->handle);
  free(poster);
}

void trunkline_poster_cancel(trunkline_poster *poster) { atomic_store(&poster->is_cancelled, true); }

long trunkline_poster_post(
  trunkline_poster *poster, const char *const *headers, size_t header_count, const void *body, size_t length,
  long timeout_milliseconds, size_t response_limit, const char **reason) {
  struct curl_slist *list = list_of(headers, header_count);
  if (header_count && !list) {
    *reason = curl_easy_strerror(CURLE_OUT_OF_MEMORY);
    return 0;
  }
  poster->header_bytes_left = poster->body_bytes_left = response_limit;
  curl_easy_setopt(poster->handle, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(poster->handle, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(poster->handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
  curl_easy_setopt(poster->handle, CURLOPT_TIMEOUT_MS, timeout_milliseconds);
  CURLcode result = curl_easy_perform(poster->handle);
  long status = 0;
  curl_easy_getinfo(poster->handle, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_setopt(poster->handle, CURLOPT_HTTPHEADER, NULL);
  curl_slist_free_all(list);
  // Our callbacks cut what is too long. What came too late did not come.
  bool is_response = result == CURLE_OK || result == CURLE_WRITE_ERROR;
  *reason = curl_easy_strerror(result);
  return is_response ? status : 0;
}

// Where the body of an answer goes.
struct page {
  char *bytes;
  size_t count, limit;
  size_t header_bytes_left;
};

static size_t keep_body(char *bytes, size_t size, size_t count, void *context) {
  struct page *page = context;
  if (size * count > page->limit - page->count) return 0;
  memcpy(page->bytes + page->count, bytes, size * count);
  page->count += size * count;
  return size * count;
}

static size_t skip_header(char *bytes, size_t size, size_t count, void *context) {
  (void)bytes;
  return take(size * count, &((struct page *)context)->header_bytes_left);
}

long trunkline_ask(const trunkline_question *question, void *body, size_t limit, size_t *count) {
  CURL *handle = open_handle(question->url);
  if (!handle) return 0;
  struct curl_slist *list = list_of(question->headers, question->header_count);
  struct page page = {.bytes = body, .limit = limit, .header_bytes_left = limit};
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, skip_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &page);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, keep_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &page);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, question->timeout_milliseconds);
  // As the WebSocket, which asks no proxy of the environment's.
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  if (question->ca_file) curl_easy_setopt(handle, CURLOPT_CAINFO, question->ca_file);
  CURLcode result = curl_easy_perform(handle);
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_cleanup(handle);
  curl_slist_free_all(list);
  *count = page.count;
  return result == CURLE_OK ? status : 0;
}
