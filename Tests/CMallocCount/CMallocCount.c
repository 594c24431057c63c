#define _GNU_SOURCE
#include "CMallocCount.h"

#include <errno.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define CMALLOCCOUNT_SANITIZED 1
#endif
#endif

static __thread bool is_counting;
static __thread int64_t count;

__attribute__((noinline)) void cmalloccount_hit(void) { __asm__ volatile(""); }

void cmalloccount_start(void) {
  count = 0;
  is_counting = true;
}

int64_t cmalloccount_stop(void) {
  is_counting = false;
  return count;
}

#ifdef CMALLOCCOUNT_SANITIZED

bool cmalloccount_is_available(void) { return false; }

#else

bool cmalloccount_is_available(void) { return true; }

// glibc's own, under the names it exports for those who replace malloc.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t members, size_t size);
extern void *__libc_realloc(void *pointer, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static inline void note(void) {
  if (is_counting) {
    count++;
    cmalloccount_hit();
  }
}

void *malloc(size_t size) {
  note();
  return __libc_malloc(size);
}

void *calloc(size_t members, size_t size) {
  note();
  return __libc_calloc(members, size);
}

void *realloc(void *pointer, size_t size) {
  note();
  return __libc_realloc(pointer, size);
}

void *memalign(size_t alignment, size_t size) {
  note();
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  note();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **pointer, size_t alignment, size_t size) {
  note();
  void *memory = __libc_memalign(alignment, size);
  if (memory == NULL) return ENOMEM;
  *pointer = memory;
  return 0;
}

#endif
