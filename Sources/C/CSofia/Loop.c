// Sofia's event loop, jobs from other threads, timers.
#include "Internal.h"

#include <stdlib.h>

struct csofia_job {
  void (*function)(void *context);
  void *context;
};

struct csofia_timer {
  su_timer_t *timer;
  void (*function)(uint64_t id);
  uint64_t id;
  bool repeats;
};

extern su_log_t nta_log[], nea_log[], iptsec_log[], tport_log[], sresolv_log[], stun_log[];

static void discard(void *stream, char const *format, va_list arguments) {}

/// Sofia logs to stderr, what strangers send included; what matters is reported through events.
static void silence_logs(void) {
  su_log_t *logs[] = {su_log_default, su_log_global, nta_log, nea_log, iptsec_log, tport_log, sresolv_log, stun_log};
  for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) su_log_redirect(logs[i], discard, NULL);
}

csofia_loop *csofia_loop_create(void) {
  if (su_init() < 0) return NULL;
  silence_logs();
  csofia_loop *loop = calloc(1, sizeof *loop);
  if (!loop) return NULL;
  loop->root = su_root_create(loop);
  if (!loop->root) {
    free(loop);
    return NULL;
  }
  su_root_threading(loop->root, 0);
  return loop;
}

void csofia_loop_run(csofia_loop *loop) { su_root_run(loop->root); }

static void run_job(csofia_loop *loop, su_msg_r message, struct csofia_job *job) { job->function(job->context); }

bool csofia_loop_post(csofia_loop *loop, void (*function)(void *), void *context) {
  su_msg_r message = SU_MSG_R_INIT;
  if (su_msg_create(message, su_root_task(loop->root), su_task_null, run_job, sizeof(struct csofia_job)) < 0)
    return false;
  su_msg_data(message)->function = function;
  su_msg_data(message)->context = context;
  return su_msg_send(message) >= 0;
}

static void fire(csofia_loop *loop, su_timer_t *unused, struct csofia_timer *timer) {
  // The function may destroy the timer, which Sofia's own repeating timers do not survive: armed again before it.
  if (timer->repeats) su_timer_set(timer->timer, fire, timer);
  timer->function(timer->id);
}

csofia_timer *csofia_timer_create(
    csofia_loop *loop, uint32_t milliseconds, bool repeats, void (*function)(uint64_t), uint64_t id) {
  csofia_timer *timer = calloc(1, sizeof *timer);
  if (!timer) return NULL;
  timer->function = function;
  timer->id = id;
  timer->timer = su_timer_create(su_root_task(loop->root), milliseconds);
  timer->repeats = repeats;
  if (!timer->timer || su_timer_set(timer->timer, fire, timer) < 0) {
    csofia_timer_destroy(timer);
    return NULL;
  }
  return timer;
}

void csofia_timer_destroy(csofia_timer *timer) {
  if (!timer) return;
  if (timer->timer) su_timer_destroy(timer->timer);
  free(timer);
}
