#include "CWallClock.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/time.h>
#include <time.h>

static _Atomic int64_t advanced_microseconds;

void cwallclock_advance(int64_t microseconds) { atomic_fetch_add(&advanced_microseconds, microseconds); }

// The libraries that ask for this clock are linked dynamically and find this one.
int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  (void)zone;
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  int64_t microseconds = now.tv_nsec / 1000 + atomic_load(&advanced_microseconds);
  time->tv_sec = now.tv_sec + microseconds / 1000000;
  time->tv_usec = microseconds % 1000000;
  return 0;
}
