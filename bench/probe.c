/*
 * The DHCP probe, the same for everybody that is measured: when does each network answer a DHCPDISCOVER with an OFFER?
 *
 *     probe PREFIX COUNT SECONDS       in the namespace that the networks are made in; bridges are called PREFIX0, PREFIX1, …
 *
 * It opens one TAP a network beforehand and says "ready". As soon as a bridge appears (rtnetlink tells) its TAP becomes a port, and a DHCPDISCOVER is
 * written to it every millisecond, then less often, every 20 ms at most, until an OFFER with the same transaction comes back. At the end it prints the
 * moments (CLOCK_MONOTONIC, nanoseconds) at which the first and the last network offered.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FRAME = 342, FIRST_PAUSE = 1000000, LAST_PAUSE = 20000000 };

struct network { int fd, ifindex; bool attached, offered; int64_t next, pause; };

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

static void put16 (unsigned char *at, unsigned int value)
{
  at[0] = (unsigned char)(value >> 8);
  at[1] = (unsigned char)value;
}

static void checksum (unsigned char *header)
{
  uint32_t sum = 0;
  for (int i = 0; i < 20; i += 2) sum += (uint32_t)(header[i] << 8 | header[i + 1]);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  put16(header + 10, ~sum & 0xffff);
}

/* Source: RFC 2131, 2132. */
static void discover (unsigned char *frame, int i)
{
  const unsigned char mac[6] = { 0x52, 0x54, 0, 0xdc, (unsigned char)(i >> 8), (unsigned char)i };
  memset(frame, 0, FRAME);
  memset(frame, 0xff, 6);
  memcpy(frame + 6, mac, 6);
  put16(frame + 12, 0x0800);
  unsigned char *ip = frame + 14, *udp = ip + 20, *dhcp = udp + 8;
  ip[0] = 0x45;
  put16(ip + 2, FRAME - 14);
  ip[8] = 64;
  ip[9] = 17;
  memset(ip + 16, 0xff, 4);
  checksum(ip);
  put16(udp, 68);
  put16(udp + 2, 67);
  put16(udp + 4, FRAME - 34);
  dhcp[0] = 1, dhcp[1] = 1, dhcp[2] = 6;
  put16(dhcp + 4, 0x6e77);
  put16(dhcp + 6, (unsigned int)i);
  put16(dhcp + 10, 0x8000);
  memcpy(dhcp + 28, mac, 6);
  const unsigned char options[] = { 0x63, 0x82, 0x53, 0x63, 53, 1, 1, 55, 3, 1, 3, 6, 255 };
  memcpy(dhcp + 236, options, sizeof options);
}

static bool isOffer (const unsigned char *frame, ssize_t length, int i)
{
  if (length < 14 + 20 + 8 + 240 || frame[12] != 0x08 || frame[13] != 0 || frame[14 + 9] != 17) return false;
  const unsigned char *dhcp = frame + 14 + (frame[14] & 15) * 4 + 8, *end = frame + length;
  const unsigned char xid[4] = { 0x6e, 0x77, (unsigned char)(i >> 8), (unsigned char)i };
  if (dhcp[0] != 2 || memcmp(dhcp + 4, xid, 4) != 0) return false;
  for (const unsigned char *option = dhcp + 240; option + 2 < end && *option != 255; option += *option == 0 ? 1 : 2 + option[1]) {
    if (option[0] == 53) return option[2] == 2;
  }
  return false;
}

static struct network open_tap (int control, int i)
{
  struct network network = { .fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC) };
  struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
  snprintf(request.ifr_name, IFNAMSIZ, "probe%d", i);
  if (network.fd < 0 || ioctl(network.fd, TUNSETIFF, &request) != 0) die("TUNSETIFF");
  if (ioctl(control, SIOCGIFINDEX, &request) != 0) die("SIOCGIFINDEX");
  network.ifindex = request.ifr_ifindex;
  request.ifr_flags = IFF_UP;
  if (ioctl(control, SIOCSIFFLAGS, &request) != 0) die("SIOCSIFFLAGS");
  return network;
}

/* Bridges that appear, are renamed or come up. */
static void listen_links (int events, int control, const char *prefix, struct network *networks, int count)
{
  static char answer[65536];
  ssize_t length;
  while ((length = recv(events, answer, sizeof answer, MSG_DONTWAIT)) > 0) {
    unsigned int left = (unsigned int)length;
    for (struct nlmsghdr *message = (struct nlmsghdr *)answer; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type != RTM_NEWLINK) continue;
      struct ifinfomsg *info = NLMSG_DATA(message);
      int room = (int)IFLA_PAYLOAD(message);
      for (struct rtattr *attribute = IFLA_RTA(info); RTA_OK(attribute, room); attribute = RTA_NEXT(attribute, room)) {
        if (attribute->rta_type != IFLA_IFNAME || strncmp(RTA_DATA(attribute), prefix, strlen(prefix)) != 0) continue;
        char *end;
        long i = strtol((char *)RTA_DATA(attribute) + strlen(prefix), &end, 10);
        if (*end != 0 || i < 0 || i >= count || networks[i].attached || !(info->ifi_flags & IFF_UP)) continue;
        struct ifreq request = { .ifr_ifindex = networks[i].ifindex };
        strncpy(request.ifr_name, RTA_DATA(attribute), IFNAMSIZ - 1);
        if (ioctl(control, SIOCBRADDIF, &request) != 0) continue; /* one more event will come */
        networks[i].attached = true;
        networks[i].next = now();
        networks[i].pause = FIRST_PAUSE;
      }
    }
  }
  if (length < 0 && errno != EAGAIN) die("events");
}

int main (int argc, char **argv)
{
  if (argc != 4) { fprintf(stderr, "usage: probe PREFIX COUNT SECONDS\n"); return 2; }
  int count = atoi(argv[2]), done = 0, size = 16 << 20;
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), events = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
  struct network *networks = calloc((size_t)count, sizeof *networks);
  struct pollfd *polls = calloc((size_t)count + 1, sizeof *polls);
  if (control < 0 || events < 0 || networks == NULL || polls == NULL) die("probe");
  for (int i = 0; i < count; i++) networks[i] = open_tap(control, i);
  setsockopt(events, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  if (bind(events, (struct sockaddr *)&address, sizeof address) != 0) die("bind");
  polls[count] = (struct pollfd){ .fd = events, .events = POLLIN };
  printf("ready\n");
  fflush(stdout);
  int64_t deadline = now() + atoll(argv[3]) * 1000000000, first = 0, last = 0;
  while (done < count) {
    int64_t at = now(), wake = deadline;
    if (at > deadline) { fprintf(stderr, "%d of %d networks have not offered\n", count - done, count); return 1; }
    for (int i = 0; i < count; i++) {
      struct network *network = &networks[i];
      polls[i] = (struct pollfd){ .fd = network->attached && !network->offered ? network->fd : -1, .events = POLLIN };
      if (!network->attached || network->offered) continue;
      if (network->next <= at) {
        unsigned char frame[FRAME];
        discover(frame, i);
        if (write(network->fd, frame, FRAME) < 0 && errno != EIO && errno != EAGAIN) die("write");
        network->next = at + network->pause;
        network->pause = network->pause * 5 / 4 > LAST_PAUSE ? LAST_PAUSE : network->pause * 5 / 4;
      }
      if (network->next < wake) wake = network->next;
    }
    struct timespec patience = { .tv_sec = (wake - at) / 1000000000, .tv_nsec = (wake - at) % 1000000000 };
    if (ppoll(polls, (nfds_t)count + 1, &patience, NULL) < 0 && errno != EINTR) die("ppoll");
    if (polls[count].revents != 0) listen_links(events, control, argv[1], networks, count);
    for (int i = 0; i < count; i++) {
      if (polls[i].fd < 0 || !(polls[i].revents & POLLIN)) continue;
      unsigned char frame[2048];
      ssize_t length;
      while (!networks[i].offered && (length = read(networks[i].fd, frame, sizeof frame)) > 0) {
        if (!isOffer(frame, length, i)) continue;
        networks[i].offered = true;
        last = now();
        if (done++ == 0) first = last;
      }
    }
  }
  printf("{\"first\":%lld,\"last\":%lld}\n", (long long)first, (long long)last);
  return 0;
}
