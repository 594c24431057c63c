#ifndef CWALLCLOCK_H
#define CWALLCLOCK_H
// Puts the process's wall clock forward, by standing in for gettimeofday.
#include <stdint.h>

/// Lets `gettimeofday` be later by so much, for all threads, from here on.
void cwallclock_advance(int64_t microseconds);

#endif
