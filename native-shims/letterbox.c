/*
 * A netlink socket that only listens. What changes waits in the kernel's buffer, sieved by a classic BPF program, until somebody asks; so a change costs
 * this process nothing before that. Asking takes what is queued and never waits. Where the buffer was full, the kernel counts what it dropped.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shims.h"

#define GROUPS 8
#define AT_ONCE 256 /* datagrams: about a millisecond */

struct letterbox { int fd; };
struct opening {
  struct job job;
  int protocol, netns, receive_buffer, fd;
  size_t count;
  int groups[GROUPS];
  struct sock_fprog filter;
};

static const napi_type_tag letterbox_tag = { 0x6e65747772696768ull, 0x742d626f78202020ull };

static bool set_filter (int fd, const struct sock_fprog *filter)
{
  return filter->len == 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, sizeof *filter) == 0;
}

static void work_open (struct job *job)
{
  struct opening *opening = (struct opening *)job;
  struct sockaddr_nl address = { .nl_family = AF_NETLINK };
  int on = 1, size = opening->receive_buffer;
  if (!enter(job, opening->netns)) return;
  int fd = opening->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, opening->protocol);
  if (fd < 0) { fail(job, "socket", "netlink"); return; }
  /* The forced form passes the system's limit but needs CAP_NET_ADMIN in the initial user namespace. */
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  /* Without it, an overrun is an error that hides how much was lost. */
  if (setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on) != 0) { fail(job, "setsockopt", "NETLINK_NO_ENOBUFS"); return; }
  if (!set_filter(fd, &opening->filter)) { fail(job, "setsockopt", "SO_ATTACH_FILTER"); return; }
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) { fail(job, "bind", "netlink"); return; }
  for (size_t i = 0; i < opening->count; i++) {
    if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &opening->groups[i], sizeof opening->groups[i]) != 0) { fail(job, "setsockopt", "NETLINK_ADD_MEMBERSHIP"); return; }
  }
}

static void drop_open (struct job *job, bool delivered)
{
  struct opening *opening = (struct opening *)job;
  if (!delivered) close_fd(&opening->fd);
  close_fd(&opening->netns);
  free(opening->filter.filter);
  free(opening);
}

static void on_collected (napi_env env, void *data, void *hint)
{
  struct letterbox *letterbox = data;
  (void)env; (void)hint;
  close_fd(&letterbox->fd);
  free(letterbox);
}

static napi_value opened (napi_env env, struct job *job)
{
  struct opening *opening = (struct opening *)job;
  napi_value object = make_object(env);
  struct letterbox *letterbox = calloc(1, sizeof *letterbox);
  if (letterbox == NULL) return NULL;
  letterbox->fd = opening->fd;
  if (object != NULL && napi_type_tag_object(env, object, &letterbox_tag) == napi_ok && napi_wrap(env, object, letterbox, on_collected, NULL, NULL) == napi_ok) return object;
  free(letterbox); /* the descriptor is still the job's */
  return NULL;
}

/* Instructions, 8 bytes each, as struct sock_filter has them. */
static bool as_filter (napi_env env, napi_value value, struct sock_fprog *out)
{
  napi_typedarray_type type;
  bool typed = false;
  void *data;
  size_t length;
  if (napi_is_typedarray(env, value, &typed) != napi_ok || !typed || napi_get_typedarray_info(env, value, &type, &length, &data, NULL, NULL) != napi_ok
      || type != napi_uint8_array || length % sizeof(struct sock_filter) != 0 || length / sizeof(struct sock_filter) > BPF_MAXINSNS) {
    throw_type(env, "filter must be a Uint8Array of instructions");
    return false;
  }
  *out = (struct sock_fprog){ .len = (unsigned short)(length / sizeof(struct sock_filter)), .filter = malloc(length + 1) };
  if (out->filter == NULL) { throw_errno(env, ENOMEM, "malloc", "filter"); return false; }
  memcpy(out->filter, data, length);
  return true;
}

napi_value letterbox_open (napi_env env, napi_callback_info info)
{
  napi_value values[5], item;
  int protocol, receive_buffer;
  uint32_t count;
  if (!arguments(env, info, 5, values) || !as_int(env, values[0], "protocol", &protocol) || !as_int(env, values[3], "receiveBuffer", &receive_buffer)) return NULL;
  if (napi_get_array_length(env, values[2], &count) != napi_ok || count > GROUPS) return throw_type(env, "groups must be an array of at most 8 numbers");
  struct opening *opening = calloc(1, sizeof *opening);
  if (opening == NULL) return throw_errno(env, ENOMEM, "malloc", "letterbox");
  *opening = (struct opening){ .job = { .work = work_open, .result = opened, .drop = drop_open }, .protocol = protocol, .netns = -1, .receive_buffer = receive_buffer, .fd = -1, .count = count };
  for (uint32_t i = 0; i < count; i++) if (napi_get_element(env, values[2], i, &item) != napi_ok || !as_int(env, item, "group", &opening->groups[i])) goto wrong;
  if (!as_filter(env, values[4], &opening->filter) || !as_netns(env, values[1], &opening->netns)) goto wrong;
  return job_start(env, &opening->job);
wrong:
  drop_open(&opening->job, false);
  return NULL;
}

static struct letterbox *as_letterbox (napi_env env, napi_value value)
{
  bool ours = false;
  void *letterbox = NULL;
  if (napi_check_object_type_tag(env, value, &letterbox_tag, &ours) == napi_ok && ours && napi_unwrap(env, value, &letterbox) == napi_ok) return letterbox;
  throw_type(env, "letterbox must be what letterboxOpen returned");
  return NULL;
}

/* Datagrams one behind the other: messages are aligned, so they make one longer datagram. Stops where another one might not fit. */
static size_t take (int fd, char *data, size_t size, bool *more, bool *cut)
{
  const size_t largest = 65536;
  size_t length = 0, count = 0;
  while (size - length >= largest && count++ < AT_ONCE) {
    struct sockaddr_nl sender = { 0 };
    struct iovec part = { data + length, size - length };
    struct msghdr message = { .msg_name = &sender, .msg_namelen = sizeof sender, .msg_iov = &part, .msg_iovlen = 1 };
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return length;
    if (sender.nl_pid != 0) continue; /* another process's, not the kernel's */
    if ((size_t)got > size - length) { *cut = true; continue; }
    length += NLMSG_ALIGN((size_t)got);
  }
  *more = true;
  return length;
}

napi_value letterbox_take (napi_env env, napi_callback_info info)
{
  napi_value values[2], buffer, flag, object;
  struct letterbox *letterbox;
  int limit;
  bool more = false, cut = false;
  uint32_t memory[SK_MEMINFO_VARS] = { 0 };
  socklen_t room = sizeof memory;
  if (!arguments(env, info, 2, values) || (letterbox = as_letterbox(env, values[0])) == NULL || !as_int(env, values[1], "limit", &limit)) return NULL;
  if (letterbox->fd < 0) return throw_errno(env, EBADF, "recvmsg", "letterbox");
  size_t size = limit < 131072 ? 131072 : (size_t)limit;
  char *data = malloc(size);
  if (data == NULL) return throw_errno(env, ENOMEM, "malloc", "letterbox");
  memset(data, 0, 4);
  size_t length = take(letterbox->fd, data, size, &more, &cut);
  napi_status status = napi_create_buffer_copy(env, length, data, NULL, &buffer);
  free(data);
  if (status != napi_ok || (object = make_object(env)) == NULL) return NULL;
  /* Looked at after the last message: what is dropped later is for the next time. */
  if (getsockopt(letterbox->fd, SOL_SOCKET, SO_MEMINFO, memory, &room) != 0) return throw_errno(env, errno, "getsockopt", "SO_MEMINFO");
  set(env, object, "data", buffer);
  set(env, object, "drops", make_int(env, (int64_t)memory[SK_MEMINFO_DROPS] + cut));
  if (napi_get_boolean(env, more, &flag) == napi_ok) set(env, object, "more", flag);
  return object;
}

napi_value letterbox_close (napi_env env, napi_callback_info info)
{
  napi_value values[1];
  struct letterbox *letterbox;
  if (!arguments(env, info, 1, values) || (letterbox = as_letterbox(env, values[0])) == NULL) return NULL;
  close_fd(&letterbox->fd);
  return NULL;
}
