// What strangers may do to the sockets. The stack neither counts TCP connections nor closes one that sends nothing, or
// a byte now and then, and it has no call that lists them: they are found among the process's descriptors by their
// local address, and shut down, which the stack sees as the peer's end of stream. UDP sockets are found the same way.
#include "Internal.h"

#include <dirent.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  scan_milliseconds = 1000,
  // New connections between two regular scans that call for one at once.
  arrivals_per_scan = 16,
  max_listeners = 64,
};

typedef struct {
  int descriptor;
  bool is_seen, serves_call;
  csofia_endpoint peer;
  su_time_t last_message;
} connection;

struct csofia_guard {
  csofia_agent *agent;
  su_timer_t *timer;
  connection *connections;
  uint32_t count, capacity, arrivals;
  csofia_endpoint listeners[max_listeners];
  // Duplicates of the listening sockets' descriptors: a second one may be watched beside the stack's.
  int watched[max_listeners], registrations[max_listeners];
  uint32_t listener_count, watched_count;
};

static bool is_same_address(const csofia_endpoint *a, const csofia_endpoint *b) {
  return a->low == b->low && a->high == b->high && a->is_ipv4 == b->is_ipv4;
}

static bool is_same(const csofia_endpoint *a, const csofia_endpoint *b) {
  return a->port == b->port && is_same_address(a, b);
}

static bool socket_endpoint(
    int descriptor, int (*name)(int, struct sockaddr *, socklen_t *), csofia_endpoint *endpoint) {
  su_sockaddr_t address = {0};
  socklen_t count = sizeof address;
  if (name(descriptor, &address.su_sa, &count) < 0) return false;
  if (address.su_family != AF_INET && address.su_family != AF_INET6) return false;
  csofia_fill_endpoint(endpoint, &address);
  return true;
}

static int socket_option(int descriptor, int option) {
  int value = 0;
  socklen_t count = sizeof value;
  return getsockopt(descriptor, SOL_SOCKET, option, &value, &count) < 0 ? 0 : value;
}

static bool is_ours(const csofia_guard *guard, const csofia_endpoint *local) {
  for (uint32_t i = 0; i < guard->listener_count; i++) {
    const csofia_endpoint *listener = &guard->listeners[i];
    bool is_any = listener->low == 0 && listener->high == 0 && listener->is_ipv4 == local->is_ipv4;
    if (listener->port == local->port && (is_any || is_same_address(listener, local))) return true;
  }
  return false;
}

static bool serves_call(const csofia_guard *guard, const csofia_endpoint *peer) {
  for (const csofia_dialog *dialog = guard->agent->dialogs; dialog; dialog = dialog->next)
    if (dialog->connection && is_same(&dialog->peer, peer)) return true;
  return false;
}

static connection *find(csofia_guard *guard, int descriptor, const csofia_endpoint *peer) {
  for (uint32_t i = 0; i < guard->count; i++)
    if (guard->connections[i].descriptor == descriptor && is_same(&guard->connections[i].peer, peer))
      return &guard->connections[i];
  return NULL;
}

static void note(csofia_guard *guard, int descriptor, const csofia_endpoint *peer, su_time_t now) {
  connection *known = find(guard, descriptor, peer);
  if (known) {
    known->is_seen = true;
    return;
  }
  if (guard->count == guard->capacity) {
    uint32_t capacity = guard->capacity ? 2 * guard->capacity : 64;
    connection *larger = realloc(guard->connections, capacity * sizeof *larger);
    if (!larger) {
      shutdown(descriptor, SHUT_RDWR);
      return;
    }
    guard->connections = larger;
    guard->capacity = capacity;
  }
  guard->connections[guard->count++] =
      (connection){.descriptor = descriptor, .is_seen = true, .peer = *peer, .last_message = now};
}

/// Fills the table with what is open now; the oldest connections stand first.
static void list_connections(csofia_guard *guard, su_time_t now) {
  for (uint32_t i = 0; i < guard->count; i++) guard->connections[i].is_seen = false;
  DIR *directory = opendir("/proc/self/fd");
  if (!directory) return;
  for (struct dirent *entry; (entry = readdir(directory));) {
    int descriptor = atoi(entry->d_name);
    csofia_endpoint local, peer;
    if (!socket_endpoint(descriptor, getsockname, &local) || !is_ours(guard, &local)) continue;
    if (socket_option(descriptor, SO_TYPE) != SOCK_STREAM || socket_option(descriptor, SO_ACCEPTCONN)) continue;
    if (socket_endpoint(descriptor, getpeername, &peer)) note(guard, descriptor, &peer, now);
  }
  closedir(directory);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < guard->count; i++)
    if (guard->connections[i].is_seen) guard->connections[kept++] = guard->connections[i];
  guard->count = kept;
}

static void scan(csofia_guard *guard) {
  const csofia_options *options = &guard->agent->options;
  su_time_t now = su_now();
  guard->arrivals = 0;
  list_connections(guard, now);
  uint32_t open_count = 0, idle_count = 0;
  for (uint32_t i = 0; i < guard->count; i++) {
    connection *candidate = &guard->connections[i];
    open_count++;
    // A peer may bring each call by a connection of its own; only those without one are bounded.
    candidate->serves_call = serves_call(guard, &candidate->peer);
    if (candidate->serves_call) continue;
    uint32_t from_source = 0;
    for (uint32_t j = 0; j < i; j++) {
      const connection *earlier = &guard->connections[j];
      from_source +=
          earlier->descriptor >= 0 && !earlier->serves_call && is_same_address(&earlier->peer, &candidate->peer);
    }
    bool is_over = from_source >= options->max_tcp_connections_per_source || idle_count >= options->max_tcp_connections;
    bool is_silent = su_duration(now, candidate->last_message) >= (su_duration_t)options->tcp_idle_milliseconds;
    if (is_over || is_silent) {
      shutdown(candidate->descriptor, SHUT_RDWR);
      candidate->descriptor = -1;
      open_count--;
    } else {
      idle_count++;
    }
  }
  guard->agent->tcp_connections = open_count;
}

static void on_timer(csofia_loop *loop, su_timer_t *timer, struct csofia_timer *argument) {
  csofia_guard *guard = (csofia_guard *)argument;
  su_timer_set(timer, on_timer, argument);
  scan(guard);
}

/// A listening socket has a connection to accept. The stack accepts it, and may do so before this is called: a burst is
/// noticed, a single connection perhaps not.
static int on_arrival(csofia_loop *loop, su_wait_t *wait, su_wakeup_arg_t *argument) {
  csofia_guard *guard = (csofia_guard *)argument;
  if (++guard->arrivals >= arrivals_per_scan) scan(guard);
  return 0;
}

static void watch(csofia_guard *guard, int descriptor) {
  su_wait_t wait[1];
  int duplicate = guard->watched_count < max_listeners ? dup(descriptor) : -1;
  if (duplicate < 0) return;
  int registration = -1;
  if (su_wait_create(wait, duplicate, SU_WAIT_ACCEPT) == 0)
    registration = su_root_register(guard->agent->loop->root, wait, on_arrival, (su_wakeup_arg_t *)guard, 0);
  if (registration < 0) {
    close(duplicate);
    return;
  }
  guard->watched[guard->watched_count] = duplicate;
  guard->registrations[guard->watched_count++] = registration;
}

/// Lets the kernel drop datagrams that do not start as a message does, keepalives among them: the stack answers STUN,
/// and parses SigComp, for anyone.
static void filter_datagrams(int descriptor) {
  enum { udp_header_byte_count = 8 };
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, udp_header_byte_count),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, '~', 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, '!', 1, 0),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xFFFFFFFF),
  };
  struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
  setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

static void attend_sockets(csofia_guard *guard) {
  DIR *directory = opendir("/proc/self/fd");
  if (!directory) return;
  int found[max_listeners];
  uint32_t count = 0;
  for (struct dirent *entry; count < max_listeners && (entry = readdir(directory));) {
    int descriptor = atoi(entry->d_name);
    csofia_endpoint local;
    if (!socket_endpoint(descriptor, getsockname, &local) || !is_ours(guard, &local)) continue;
    int type = socket_option(descriptor, SO_TYPE);
    if (type == SOCK_DGRAM) filter_datagrams(descriptor);
    if (type == SOCK_STREAM && socket_option(descriptor, SO_ACCEPTCONN)) found[count++] = descriptor;
  }
  closedir(directory);
  for (uint32_t i = 0; i < count; i++) watch(guard, found[i]);
}

void csofia_guard_start(csofia_agent *agent) {
  csofia_guard *guard = calloc(1, sizeof *guard);
  if (!guard) return;
  guard->agent = agent;
  tport_t *transport = tport_primaries(nta_agent_tports(agent->nta));
  for (; transport && guard->listener_count < max_listeners; transport = tport_next(transport)) {
    const su_addrinfo_t *address = tport_get_address(transport);
    csofia_fill_endpoint(&guard->listeners[guard->listener_count++], (const su_sockaddr_t *)address->ai_addr);
  }
  guard->timer = su_timer_create(su_root_task(agent->loop->root), scan_milliseconds);
  if (guard->timer) su_timer_set(guard->timer, on_timer, (struct csofia_timer *)guard);
  attend_sockets(guard);
  agent->guard = guard;
}

void csofia_guard_stop(csofia_agent *agent) {
  csofia_guard *guard = agent->guard;
  if (!guard) return;
  agent->guard = NULL;
  if (guard->timer) su_timer_destroy(guard->timer);
  for (uint32_t i = 0; i < guard->watched_count; i++) {
    su_root_deregister(agent->loop->root, guard->registrations[i]);
    close(guard->watched[i]);
  }
  free(guard->connections);
  free(guard);
}

void csofia_guard_touch(csofia_agent *agent, const csofia_endpoint *peer) {
  csofia_guard *guard = agent->guard;
  if (!guard) return;
  for (uint32_t i = 0; i < guard->count; i++)
    if (is_same(&guard->connections[i].peer, peer)) guard->connections[i].last_message = su_now();
}
