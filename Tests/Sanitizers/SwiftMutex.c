// Shows ThreadSanitizer the contended path of Swift's Mutex. `Synchronization` inlines a lock's fast path, which is
// instrumented, but locks and unlocks in libswiftSynchronization when two threads meet, which is not: each such meeting
// would be reported as a race. `scripts/sanitize thread` preloads this.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))

// Absent in the processes around the tests, which are not instrumented.
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

SWIFT void lock_slow(uint32_t thread, SELF void *mutex) __asm__(LOCK);
SWIFT bool try_lock_slow(SELF void *mutex) __asm__(TRY_LOCK);
SWIFT void unlock_slow(SELF void *mutex) __asm__(UNLOCK);

// `_MutexHandle._lockSlow(UInt32)`: returns when the calling thread has the lock.
SWIFT void lock_slow(uint32_t thread, SELF void *mutex) {
  typedef SWIFT void Function(uint32_t, SELF void *);
  ((Function *)dlsym(RTLD_NEXT, LOCK))(thread, mutex);
  if (__tsan_acquire) __tsan_acquire(mutex);
}

// `_MutexHandle._tryLockSlow()`: the owner seen a moment before may have gone since.
SWIFT bool try_lock_slow(SELF void *mutex) {
  typedef SWIFT bool Function(SELF void *);
  bool is_locked = ((Function *)dlsym(RTLD_NEXT, TRY_LOCK))(mutex);
  if (is_locked && __tsan_acquire) __tsan_acquire(mutex);
  return is_locked;
}

// `_MutexHandle._unlockSlow()`.
SWIFT void unlock_slow(SELF void *mutex) {
  typedef SWIFT void Function(SELF void *);
  if (__tsan_release) __tsan_release(mutex);
  ((Function *)dlsym(RTLD_NEXT, UNLOCK))(mutex);
}
