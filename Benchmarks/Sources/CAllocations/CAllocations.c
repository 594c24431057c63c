#define _GNU_SOURCE
#include "CAllocations.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>

static __thread bool is_counting;
static __thread int64_t count;

void callocations_start(void) {
  count = 0;
  is_counting = true;
}

int64_t callocations_stop(void) {
  is_counting = false;
  return count;
}

int64_t callocations_heap_byte_count(void) {
  struct mallinfo2 info = mallinfo2();
  return (int64_t)(info.uordblks + info.hblkhd);
}

// glibc's own, under the names it exports for those who replace malloc.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t members, size_t size);
extern void *__libc_realloc(void *pointer, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
  if (is_counting) count++;
  return __libc_malloc(size);
}

void *calloc(size_t members, size_t size) {
  if (is_counting) count++;
  return __libc_calloc(members, size);
}

void *realloc(void *pointer, size_t size) {
  if (is_counting) count++;
  return __libc_realloc(pointer, size);
}

void *memalign(size_t alignment, size_t size) {
  if (is_counting) count++;
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **pointer, size_t alignment, size_t size) {
  void *memory = memalign(alignment, size);
  if (memory == NULL) return ENOMEM;
  *pointer = memory;
  return 0;
}
