/* Hands descriptors to another process over a unix socket: SCM_RIGHTS, unix(7). One thread waits until the other side has taken them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "shims.h"

#ifndef SIOCUNIXFILE
#define SIOCUNIXFILE (SIOCPROTOPRIVATE + 0) /* include/uapi/linux/un.h, which does not go with <sys/un.h> */
#endif

#define FDS_MAX 253 /* SCM_MAX_FD, include/net/scm.h */
#define LONGEST_NAP 20

struct handover {
  struct job job;
  int socket, listener, cancel, uid, timeout;
  bool offer;
  char *path;
  int64_t deadline;
  uint8_t *data;
  size_t length;
  size_t count;
  int fds[FDS_MAX];
};

/* Here, on our thread: the last descriptor of a TAP waits for RTNL. */
static void close_all (struct handover *h)
{
  for (size_t i = 0; i < h->count; i++) close_fd(&h->fds[i]);
  close_fd(&h->socket);
  close_fd(&h->listener);
  close_fd(&h->cancel);
}

static void drop_handover (struct job *job, bool delivered)
{
  struct handover *h = (struct handover *)job;
  (void)delivered;
  close_all(h);
  free(h->path);
  free(h->data);
  free(h);
}

static int64_t now_ms (void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until `fd` is ready (-1: none) or `most` milliseconds have passed. False where it is cancelled, or too late. */
static bool pause_for (struct handover *h, int fd, short events, int64_t most)
{
  struct pollfd fds[] = { { .fd = h->cancel, .events = POLLIN }, { .fd = fd, .events = events } };
  int64_t left = h->deadline - now_ms();
  if (left <= 0) return fail_with(&h->job, ETIMEDOUT, "sendmsg", h->path == NULL ? "socket" : h->path);
  if (poll(fds, 2, (int)(left < most ? left : most)) < 0 && errno != EINTR) return fail(&h->job, "poll", "socket");
  return (fds[0].revents & POLLIN) == 0 || fail_with(&h->job, ECANCELED, "sendmsg", h->path == NULL ? "socket" : h->path);
}

/* A leading '@' is an abstract name. Its length, 0 where it does not fit. */
static socklen_t address_of (struct handover *h, struct sockaddr_un *address)
{
  size_t length = strlen(h->path);
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (length == 0 || length >= sizeof address->sun_path) { fail_with(&h->job, ENAMETOOLONG, "connect", h->path); return 0; }
  memcpy(address->sun_path, h->path, length);
  if (h->path[0] != '@') return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
  address->sun_path[0] = '\0';
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

/* A stream, or a socket of whole packets where that is what listens there. EAGAIN: its backlog is full. */
static bool connect_to (struct handover *h)
{
  struct sockaddr_un address;
  socklen_t length = address_of(h, &address);
  int type = SOCK_STREAM;
  while (length > 0) {
    if (h->socket < 0 && (h->socket = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0) return fail(&h->job, "socket", h->path);
    if (connect(h->socket, (struct sockaddr *)&address, length) == 0) return true;
    if (errno == EPROTOTYPE && type == SOCK_STREAM) { type = SOCK_SEQPACKET; close_fd(&h->socket); continue; }
    if (errno != EAGAIN) return fail(&h->job, "connect", h->path);
    if (!pause_for(h, -1, 0, LONGEST_NAP)) return false;
  }
  return false;
}

/* Who connects and is not the one we wait for is sent away. */
static bool accept_one (struct handover *h)
{
  for (;;) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    h->socket = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (h->socket >= 0) {
      if (h->uid < 0 || (getsockopt(h->socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == (uid_t)h->uid)) return true;
      close_fd(&h->socket);
      continue;
    }
    if (errno != EAGAIN && errno != ECONNABORTED) return fail(&h->job, "accept", h->path);
    if (!pause_for(h, h->listener, POLLIN, h->timeout)) return false;
  }
}

/*
 * The socket's file, whatever has its name by now: its directory may be the receiver's, who could put a link there to what he wants to own. Made his where he is
 * named. Source: net/unix/af_unix.c, unix_open_file().
 */
static bool claim_file (struct handover *h, struct stat *made)
{
  int file = ioctl(h->listener, SIOCUNIXFILE);
  if (file < 0) return fail(&h->job, "SIOCUNIXFILE", h->path);
  bool done = fstat(file, made) == 0 && (h->uid < 0 || fchownat(file, "", (uid_t)h->uid, (gid_t)-1, AT_EMPTY_PATH) == 0);
  if (!done) fail(&h->job, "chown", h->path);
  close_fd(&file);
  return done;
}

/* Nobody but its owner and root may connect: the file is made with that mode, which it takes from the socket; an abstract name has none, so we look ourselves. */
static bool listen_at (struct handover *h)
{
  struct sockaddr_un address;
  socklen_t length = address_of(h, &address);
  struct stat made, found;
  bool named = h->path[0] != '@', accepted = false;
  if (length == 0) return false;
  if (!named && h->uid < 0) h->uid = (int)geteuid();
  if ((h->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0) return fail(&h->job, "socket", h->path);
  if (fchmod(h->listener, 0600) != 0) return fail(&h->job, "chmod", h->path);
  if (bind(h->listener, (struct sockaddr *)&address, length) != 0) return fail(&h->job, "bind", h->path);
  if (named && !claim_file(h, &made)) return false;
  if (listen(h->listener, 8) != 0) fail(&h->job, "listen", h->path);
  else accepted = accept_one(h);
  /* Ours, and not another one that has taken the name since. */
  if (named && lstat(h->path, &found) == 0 && found.st_ino == made.st_ino && found.st_dev == made.st_dev) unlink(h->path);
  close_fd(&h->listener);
  return accepted;
}

/* The descriptors go with the first bytes. */
static bool send_all (struct handover *h)
{
  union { struct cmsghdr header; char room[CMSG_SPACE(FDS_MAX * sizeof(int))]; } control;
  for (size_t sent = 0; sent < h->length;) {
    struct iovec part = { .iov_base = h->data + sent, .iov_len = h->length - sent };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    if (sent == 0) {
      memset(&control, 0, sizeof control);
      message.msg_control = &control;
      message.msg_controllen = CMSG_SPACE(h->count * sizeof(int));
      struct cmsghdr *header = CMSG_FIRSTHDR(&message);
      *header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(h->count * sizeof(int)) };
      memcpy(CMSG_DATA(header), h->fds, h->count * sizeof(int));
    }
    ssize_t done = sendmsg(h->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (done >= 0) sent += (size_t)done;
    else if (errno != EAGAIN) return fail(&h->job, "sendmsg", h->path == NULL ? "socket" : h->path);
    else if (!pause_for(h, h->socket, POLLOUT, h->timeout)) return false;
  }
  return true;
}

/*
 * SIOCOUTQ counts what the other side has not read; a unix socket tells nobody when that changes, so it is looked at again and again, ever more
 * seldom. It falls to nothing, too, where the other side closes without reading: an error is pending then, set before the queue is emptied.
 */
static bool wait_until_taken (struct handover *h)
{
  const char *name = h->path == NULL ? "socket" : h->path;
  for (int64_t nap = 1;; nap = nap * 2 < LONGEST_NAP ? nap * 2 : LONGEST_NAP) {
    int left = 0, error = 0;
    socklen_t size = sizeof error;
    if (ioctl(h->socket, SIOCOUTQ, &left) != 0) return fail(&h->job, "SIOCOUTQ", name);
    if (left == 0) {
      if (getsockopt(h->socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return fail(&h->job, "getsockopt", name);
      return error == 0 || fail_with(&h->job, error, "sendmsg", name);
    }
    if (!pause_for(h, -1, 0, nap)) return false;
  }
}

static void work_handover (struct job *job)
{
  struct handover *h = (struct handover *)job;
  h->deadline = now_ms() + h->timeout;
  bool connected = h->path == NULL || (h->offer ? listen_at(h) : connect_to(h));
  if (connected && send_all(h)) wait_until_taken(h);
  close_all(h);
}

static bool copy_fd (struct handover *h, int fd, int *out)
{
  *out = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return *out >= 0 || fail_with(&h->job, errno, "dup", "descriptor");
}

/* Copies of the descriptors, so that the caller may close his at any moment. */
static bool take_fds (napi_env env, napi_value list, struct handover *h)
{
  uint32_t count = 0;
  napi_value item;
  int fd;
  if (napi_get_array_length(env, list, &count) != napi_ok || count < 1 || count > FDS_MAX) { throw_type(env, "fds must be an array of 1 to 253 descriptors"); return false; }
  for (uint32_t i = 0; i < count; i++) {
    if (napi_get_element(env, list, i, &item) != napi_ok || !as_int(env, item, "fd", &fd)) return false;
    if (h->job.failure.errnum == 0 && copy_fd(h, fd, &h->fds[h->count])) h->count++;
  }
  return true;
}

static bool take_data (napi_env env, napi_value value, struct handover *h)
{
  void *data;
  size_t length;
  bool is_typed = false;
  napi_typedarray_type type;
  if (napi_is_typedarray(env, value, &is_typed) != napi_ok || !is_typed
      || napi_get_typedarray_info(env, value, &type, &length, &data, NULL, NULL) != napi_ok || type != napi_uint8_array || length == 0) {
    throw_type(env, "data must be a Uint8Array of at least one byte");
    return false;
  }
  h->data = malloc(length);
  if (h->data == NULL) { throw_errno(env, ENOMEM, "malloc", "data"); return false; }
  memcpy(h->data, data, length);
  h->length = length;
  return true;
}

/* Where to: a path, or the descriptor of a connected socket. */
static bool take_target (napi_env env, napi_value value, struct handover *h)
{
  napi_valuetype type;
  int fd;
  if (napi_typeof(env, value, &type) != napi_ok) return false;
  if (type == napi_string) return (h->path = as_string(env, value, "path")) != NULL;
  if (!as_int(env, value, "socket", &fd)) return false;
  copy_fd(h, fd, &h->socket);
  return true;
}

napi_value fds_send (napi_env env, napi_callback_info info)
{
  napi_value values[5];
  int cancel;
  if (!arguments(env, info, 5, values)) return NULL;
  struct handover *h = calloc(1, sizeof *h);
  if (h == NULL) return throw_errno(env, ENOMEM, "malloc", "descriptors");
  h->job.work = work_handover;
  h->job.drop = drop_handover;
  h->socket = h->listener = h->cancel = -1;
  if (!take_target(env, values[0], h) || !take_fds(env, values[1], h) || !take_data(env, values[2], h)
      || !int_of(env, values[3], "timeout", &h->timeout) || !int_of(env, values[3], "uid", &h->uid) || !bool_of(env, values[3], "offer", &h->offer)
      || !as_int(env, values[4], "cancel", &cancel)) {
    drop_handover(&h->job, false);
    return NULL;
  }
  if (h->job.failure.errnum == 0) copy_fd(h, cancel, &h->cancel);
  return job_start(env, &h->job);
}

napi_value waker_open (napi_env env, napi_callback_info info)
{
  (void)info;
  struct job owner = { .home = NULL };
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return throw_errno(env, errno, "eventfd", "");
  if (napi_get_instance_data(env, (void **)&owner.home) == napi_ok) own_fd(&owner, fd);
  return make_int(env, fd);
}

napi_value waker_wake (napi_env env, napi_callback_info info)
{
  napi_value values[1];
  int fd;
  if (!arguments(env, info, 1, values) || !as_int(env, values[0], "waker", &fd)) return NULL;
  if (eventfd_write(fd, 1) != 0 && errno != EAGAIN) return throw_errno(env, errno, "write", "waker");
  return NULL;
}
