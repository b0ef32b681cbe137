/*
 * Packets a second through a router: the least that a sender and a receiver can be.
 *
 *     udp receive PORT                       says "ready"; at SIGTERM prints how many came and from which address the first
 *     udp send ADDRESS PORT FLOWS MS         64-byte packets (of IP: 28 bytes of headers and 36 of data) from FLOWS ports in turn; prints packets and nanoseconds
 *
 * The sender's processor does the whole way: a veth hands each packet on within the sender's call, through bridge, rules and NAT, to the receiver's namespace.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, DATA = 36, FLOWS_MAX = 256 };

static void die (const char *what)
{
  perror(what);
  exit(1);
}

static int64_t now (void)
{
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static volatile sig_atomic_t over;

static void end (int signal)
{
  over = signal;
}

static int receive (int port)
{
  struct sigaction action = { .sa_handler = end };
  sigaction(SIGTERM, &action, NULL);
  int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 32 << 20;
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) }, from = { 0 };
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0) die("bind");
  static char data[BATCH][DATA];
  struct iovec parts[BATCH];
  struct mmsghdr messages[BATCH];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){ .iov_base = data[i], .iov_len = DATA };
    messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1, .msg_name = i == 0 ? &from : NULL, .msg_namelen = i == 0 ? sizeof from : 0 };
  }
  long long count = 0;
  char first[INET_ADDRSTRLEN] = "";
  printf("ready\n");
  fflush(stdout);
  struct pollfd polls = { .fd = fd, .events = POLLIN };
  while (!over) {
    if (poll(&polls, 1, -1) < 0 && errno != EINTR) die("poll");
    int got = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
    if (got < 0 && errno != EAGAIN && errno != EINTR) die("recvmmsg");
    if (got > 0 && count == 0) inet_ntop(AF_INET, &from.sin_addr, first, sizeof first);
    if (got > 0) count += got;
  }
  printf("{\"packets\":%lld,\"from\":\"%s\"}\n", count, first);
  return 0;
}

static int transmit (const char *to, int port, int flows, int ms)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
  int fds[FLOWS_MAX];
  if (flows > FLOWS_MAX || inet_pton(AF_INET, to, &address.sin_addr) != 1) die(to);
  for (int i = 0; i < flows; i++) {
    fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
    if (fds[i] < 0 || connect(fds[i], (struct sockaddr *)&address, sizeof address) != 0) die("connect");
  }
  static char data[DATA];
  struct iovec part = { .iov_base = data, .iov_len = DATA };
  struct mmsghdr messages[BATCH];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < BATCH; i++) messages[i].msg_hdr = (struct msghdr){ .msg_iov = &part, .msg_iovlen = 1 };
  int64_t begin = now(), end = begin + (int64_t)ms * 1000000;
  long long count = 0;
  for (int i = 0; now() < end; i = (i + 1) % flows) {
    int sent = sendmmsg(fds[i], messages, BATCH, 0);
    if (sent < 0 && errno != ENOBUFS && errno != ECONNREFUSED) die("sendmmsg");
    if (sent > 0) count += sent;
  }
  printf("{\"packets\":%lld,\"ns\":%lld}\n", count, (long long)(now() - begin));
  return 0;
}

int main (int argc, char **argv)
{
  if (argc == 3 && strcmp(argv[1], "receive") == 0) return receive(atoi(argv[2]));
  if (argc == 6 && strcmp(argv[1], "send") == 0) return transmit(argv[2], atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
  fprintf(stderr, "usage: udp receive PORT | udp send ADDRESS PORT FLOWS MS\n");
  return 2;
}
