#define _GNU_SOURCE
#include <arpa/nameser.h>
#include <pthread.h>
#include <resolv.h>
#include <string.h>
#include <sys/socket.h>

#include "CLinux.h"

_Static_assert(sizeof(clinux_mmsghdr) == sizeof(struct mmsghdr), "clinux_mmsghdr must have mmsghdr's layout");

int clinux_recvmmsg(int fd, clinux_mmsghdr *messages, unsigned int count, int flags) {
  return recvmmsg(fd, (struct mmsghdr *)messages, count, flags, NULL);
}

int clinux_sendmmsg(int fd, clinux_mmsghdr *messages, unsigned int count, int flags) {
  return sendmmsg(fd, (struct mmsghdr *)messages, count, flags);
}

void clinux_name_thread(const char *name) {
  char short_name[16] = {0};
  strncpy(short_name, name, sizeof short_name - 1);
  pthread_setname_np(pthread_self(), short_name);
}

int clinux_query(
    const char *name, int type, uint32_t server, uint16_t port, int seconds, uint8_t *response, int capacity) {
  struct __res_state state = {0};
  if (res_ninit(&state) < 0) return -1;
  state.retrans = seconds;
  state.retry = 2;
  if (server) {
    state.nscount = 1;
    state.nsaddr_list[0] = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(server)};
  }
  int count = res_nquery(&state, name, ns_c_in, type, response, capacity);
  res_nclose(&state);
  return count > capacity ? capacity : count;
}
