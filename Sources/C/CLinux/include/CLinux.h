#ifndef CLINUX_H
#define CLINUX_H
// Linux calls that the Glibc module, built without _GNU_SOURCE, leaves out.
#include <netinet/in.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

// The SOCK_* enumerators live in a header that no Swift module owns.
static const int clinux_udp_socket_type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
static const int clinux_tcp_socket_type = SOCK_STREAM | SOCK_CLOEXEC;

/// Same layout as struct mmsghdr, which needs _GNU_SOURCE.
typedef struct {
  struct msghdr header;
  unsigned int byte_count;
} clinux_mmsghdr;

/// recvmmsg(2) without a timeout.
int clinux_recvmmsg(int fd, clinux_mmsghdr *messages, unsigned int count, int flags);
/// sendmmsg(2).
int clinux_sendmmsg(int fd, clinux_mmsghdr *messages, unsigned int count, int flags);
/// pthread_setname_np(3) for the calling thread; at most 15 characters are kept.
void clinux_name_thread(const char *name);
/// res_nquery(3) of class IN; the response's bytes, or -1 when there is none with an answer in it. `server` and `port` are
/// in host order; 0 for the servers of /etc/resolv.conf. Each server is asked twice, `seconds` apart.
int clinux_query(
    const char *name, int type, uint32_t server, uint16_t port, int seconds, uint8_t *response, int capacity);

#endif
