#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H
// Counts what the calling thread allocates, by standing in for malloc and its kin.
#include <stdint.h>

/// Starts counting for the calling thread, from zero.
void callocations_start(void);
/// Ends it and returns the number of allocations since.
int64_t callocations_stop(void);
/// Bytes of the heap that are in use by the whole process (mallinfo2(3)).
int64_t callocations_heap_byte_count(void);

#endif
