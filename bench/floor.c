/*
 * The floor: sends a file of netlink messages in one sendmsg, reads every acknowledgement, and prints the nanoseconds that took: all of it, of that the
 * making of TAPs, and of that the closing of their descriptors.
 *
 *     floor FILE COUNT [TAPS]        rtnetlink, in the namespace that it is run in; fails unless COUNT acknowledgements say 0
 *
 * TAPS is a file with a line `NAME INDEX` a TAP: these are made first, through /dev/net/tun, persistent, which is a part of the time.
 *
 * The messages are netwright's own, byte for byte, so what is measured is the kernel and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void die (const char *what)
{
  perror(what);
  exit(1);
}

static long long since (const struct timespec *before)
{
  struct timespec after;
  clock_gettime(CLOCK_MONOTONIC, &after);
  return (long long)(after.tv_sec - before->tv_sec) * 1000000000 + after.tv_nsec - before->tv_nsec;
}

/* The nanoseconds of closing, each of which waits for an RCU grace period with RTNL held: __tun_detach(), synchronize_net(). */
static long long make_taps (FILE *taps)
{
  long long closing = 0;
  struct timespec before;
  struct ifreq request = { 0 };
  unsigned int index;
  while (fscanf(taps, "%15s %u", request.ifr_name, &index) == 2) {
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL;
    if (fd < 0 || ioctl(fd, TUNSETIFINDEX, &index) != 0 || ioctl(fd, TUNSETIFF, &request) != 0 || ioctl(fd, TUNSETPERSIST, 1ul) != 0) die(request.ifr_name);
    clock_gettime(CLOCK_MONOTONIC, &before);
    close(fd);
    closing += since(&before);
  }
  return closing;
}

int main (int argc, char **argv)
{
  if (argc != 3 && argc != 4) { fprintf(stderr, "usage: floor FILE COUNT [TAPS]\n"); return 2; }
  FILE *taps = argc == 4 ? fopen(argv[3], "r") : NULL;
  if (argc == 4 && taps == NULL) die(argv[3]);
  FILE *file = fopen(argv[1], "rb");
  struct stat info;
  if (file == NULL || fstat(fileno(file), &info) != 0) die(argv[1]);
  char *request = malloc((size_t)info.st_size), answer[65536];
  if (request == NULL || fread(request, 1, (size_t)info.st_size, file) != (size_t)info.st_size) die(argv[1]);
  int size = 16 << 20, on = 1, expected = atoi(argv[2]), acknowledged = 0;
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) die("socket");
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
  struct timespec before;
  long long making = 0, closing = 0;
  clock_gettime(CLOCK_MONOTONIC, &before);
  if (taps != NULL) { closing = make_taps(taps); making = since(&before); }
  if (sendto(fd, request, (size_t)info.st_size, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0) die("sendto");
  for (;;) {
    ssize_t length = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
    if (length < 0 && errno == EAGAIN) break;
    if (length < 0) die("recv");
    unsigned int left = (unsigned int)length;
    for (struct nlmsghdr *message = (struct nlmsghdr *)answer; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      const struct nlmsgerr *error = NLMSG_DATA(message);
      if (message->nlmsg_type != NLMSG_ERROR) continue;
      if (error->error != 0) { fprintf(stderr, "message %u: %s\n", message->nlmsg_seq, strerror(-error->error)); return 1; }
      acknowledged++;
    }
  }
  const long long whole = since(&before);
  if (acknowledged != expected) { fprintf(stderr, "%d acknowledgements instead of %d\n", acknowledged, expected); return 1; }
  printf("%lld %lld %lld\n", whole, making, closing);
  return 0;
}
