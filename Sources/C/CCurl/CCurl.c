#include "CCurl.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

struct trunkline_poster {
  CURL *handle;
  atomic_bool is_cancelled;
  // What the response under way may still bring.
  size_t header_bytes_left;
  size_t body_bytes_left;
};

static void initialize(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

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
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, initialize);
  trunkline_poster *poster = calloc(1, sizeof *poster);
  if (!poster) return NULL;
  CURL *handle = poster->handle = curl_easy_init();
  bool is_set = handle && curl_easy_setopt(handle, CURLOPT_URL, url) == CURLE_OK;
  if (!is_set) {
    trunkline_poster_close(poster);
    return NULL;
  }
  // Signals are the whole process's.
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
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
  struct curl_slist *list = NULL;
  for (size_t i = 0; i < header_count; i++) {
    struct curl_slist *longer = curl_slist_append(list, headers[i]);
    if (!longer) {
      curl_slist_free_all(list);
      *reason = curl_easy_strerror(CURLE_OUT_OF_MEMORY);
      return 0;
    }
    list = longer;
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
