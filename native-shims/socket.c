/* Netlink sockets that somebody else in this process opened (the npm package `netlink`): overruns become a counter instead of an error. */
#include <dirent.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "shims.h"

static bool is_it (int fd, int protocol, uint32_t port)
{
  struct sockaddr_nl address = { 0 };
  socklen_t length = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &length) != 0 || address.nl_family != AF_NETLINK || address.nl_pid != port) return false;
  int value = 0;
  length = sizeof value;
  if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &length) != 0 || value != protocol) return false;
  /* Ports are unique within a namespace only; one of the same port elsewhere was tamed when it was opened. */
  value = 0;
  length = sizeof value;
  return getsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &value, &length) == 0 && value == 0;
}

static int find (int protocol, uint32_t port)
{
  DIR *list = opendir("/proc/self/fd");
  if (list == NULL) return -1;
  int found = -1;
  for (struct dirent *entry; found < 0 && (entry = readdir(list)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    int fd = atoi(entry->d_name);
    if (is_it(fd, protocol, port)) found = fd;
  }
  closedir(list);
  if (found < 0) errno = ENOENT;
  return found;
}

napi_value socket_tame (napi_env env, napi_callback_info info)
{
  napi_value value[3];
  int protocol, receive_buffer, on = 1;
  double port;
  if (!arguments(env, info, 3, value) || !as_int(env, value[0], "protocol", &protocol) || !as_int(env, value[2], "receiveBuffer", &receive_buffer)) return NULL;
  if (napi_get_value_double(env, value[1], &port) != napi_ok || !(port > 0 && port <= UINT32_MAX)) return throw_type(env, "port must be a positive 32-bit integer");
  int fd = find(protocol, (uint32_t)port);
  if (fd < 0) return throw_errno(env, errno, "getsockname", "netlink socket");
  if (setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on) != 0) return throw_errno(env, errno, "setsockopt", "NETLINK_NO_ENOBUFS");
  /* Needs CAP_NET_ADMIN in the initial user namespace; without it the size that net.core.rmem_max allowed stays. */
  if (receive_buffer > 0) (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer);
  return make_int(env, fd);
}

napi_value socket_drops (napi_env env, napi_callback_info info)
{
  napi_value value[1];
  int fd;
  uint32_t memory[SK_MEMINFO_VARS] = { 0 };
  socklen_t length = sizeof memory;
  if (!arguments(env, info, 1, value) || !as_int(env, value[0], "fd", &fd)) return NULL;
  if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &length) != 0) return throw_errno(env, errno, "getsockopt", "SO_MEMINFO");
  return make_int(env, memory[SK_MEMINFO_DROPS]);
}
