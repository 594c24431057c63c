#ifndef CMALLOCCOUNT_H
#define CMALLOCCOUNT_H
// Counts what the calling thread allocates, by standing in for malloc and its kin.
#include <stdbool.h>
#include <stdint.h>

/// False in a build that a sanitizer gives its own malloc: nothing is counted then.
bool cmalloccount_is_available(void);
/// Starts counting for the calling thread, from zero.
void cmalloccount_start(void);
/// Ends it and returns the number of allocations since.
int64_t cmalloccount_stop(void);
/// Called on each allocation that is counted: a place for a breakpoint.
void cmalloccount_hit(void);

#endif
