/* What a TAP is, as rtnetlink tells. Source: include/uapi/linux/if_link.h, drivers/net/tun.c, tun_fill_info(). */
#include <errno.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shims.h"

/* linux/if_link.h has them since 4.20; written out so that older headers do. */
enum { TUN_TYPE = 3, TUN_PI = 4, TUN_VNET_HDR = 5, TUN_PERSIST = 6, TUN_MULTI_QUEUE = 7 };

/* The attribute of that type in [at, at + length): its payload, or NULL. */
static const char *find (const char *at, size_t length, unsigned short type, size_t *size)
{
  struct nlattr attribute;
  while (at != NULL && length >= sizeof attribute) {
    memcpy(&attribute, at, sizeof attribute);
    if (attribute.nla_len < sizeof attribute || attribute.nla_len > length) return NULL;
    if ((attribute.nla_type & NLA_TYPE_MASK) == type) { *size = attribute.nla_len - sizeof attribute; return at + sizeof attribute; }
    size_t step = NLA_ALIGN(attribute.nla_len);
    if (step >= length) return NULL;
    at += step;
    length -= step;
  }
  return NULL;
}

static int flag (const char *data, size_t length, unsigned short type)
{
  size_t size = 0;
  const char *value = find(data, length, type, &size);
  return value != NULL && size >= 1 ? *value : -1;
}

/* RTM_GETLINK by index. TUNGETIFF only speaks of a TAP that one has joined already, and joining may change its flags. */
static ssize_t get_link (int ifindex, char *answer, size_t size)
{
  struct { struct nlmsghdr header; struct ifinfomsg link; } request = {
    .header = { .nlmsg_len = sizeof request, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST },
    .link = { .ifi_index = ifindex },
  };
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return -1;
  ssize_t length = send(fd, &request, sizeof request, 0);
  if (length >= 0) length = recv(fd, answer, size, 0);
  int error = errno;
  close(fd);
  errno = error;
  return length;
}

int tap_look (const char *name, int ifindex)
{
  char answer[16384];
  struct nlmsghdr header;
  struct ifinfomsg link;
  const size_t start = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof link);
  ssize_t length = ifindex > 0 ? get_link(ifindex, answer, sizeof answer) : 0;
  if (length < 0) return -1;
  errno = ESTALE;
  if ((size_t)length < start) return -1;
  memcpy(&header, answer, sizeof header);
  memcpy(&link, answer + NLMSG_HDRLEN, sizeof link);
  if (header.nlmsg_type != RTM_NEWLINK || link.ifi_index != ifindex) return -1;
  size_t size = 0, inner = 0, length_of_name = strlen(name) + 1;
  const char *value = find(answer + start, (size_t)length - start, IFLA_IFNAME, &size);
  if (value == NULL || size != length_of_name || memcmp(value, name, size) != 0) return -1;
  const char *info = find(answer + start, (size_t)length - start, IFLA_LINKINFO, &inner);
  value = info == NULL ? NULL : find(info, inner, IFLA_INFO_KIND, &size);
  if (value == NULL || size < 3 || memcmp(value, "tun", 3) != 0) return -1;
  const char *data = find(info, inner, IFLA_INFO_DATA, &size);
  if (data == NULL || flag(data, size, TUN_TYPE) != IFF_TAP || flag(data, size, TUN_PERSIST) != 1) return -1;
  return IFF_TAP | (flag(data, size, TUN_PI) == 1 ? 0 : IFF_NO_PI)
    | (flag(data, size, TUN_VNET_HDR) == 1 ? IFF_VNET_HDR : 0) | (flag(data, size, TUN_MULTI_QUEUE) == 1 ? IFF_MULTI_QUEUE : 0);
}
