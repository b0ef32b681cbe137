/*
 * A netlink socket that hears multicast groups, with its thread: for workers, where the npm package `netlink` cannot be used. The thread reads only when
 * it is asked to, so whoever does not ask keeps the news in the kernel's buffer, and what does not fit there is counted.
 *
 *   JavaScript --earHear--> asked --> thread: poll, recv ... --job_finish--> promise
 *
 * Owners of `struct ear`: the JavaScript object (or, before it is made, the open job) and the thread.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shims.h"

#define MOST 64 /* datagrams in one answer */

struct hearing {
  struct job job;
  size_t count;
  uint32_t drops;
  struct { char *data; size_t length; } heard[MOST];
};
struct ear {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int refs;
  bool closing, ended;
  struct hearing *asked;
  struct job *closer;
  /* the thread's own, but for `wake`, which ends its poll and is open as long as the thread */
  int protocol, netns, recvbuf, fd, wake;
  uint32_t *groups, group_count;
  struct job *opening;
};
struct opening { struct job job; struct ear *ear; };

static const napi_type_tag ear_tag = { 0x6e65747772696768ull, 0x742d656172ull };

static void ear_unref (struct ear *ear)
{
  pthread_mutex_lock(&ear->lock);
  bool last = --ear->refs == 0;
  pthread_mutex_unlock(&ear->lock);
  if (!last) return;
  pthread_cond_destroy(&ear->changed);
  pthread_mutex_destroy(&ear->lock);
  free(ear->groups);
  free(ear);
}

/* What is asked for fails now; then the thread ends. `closer` may be NULL. False where there is one already. */
static bool ear_shut (struct ear *ear, struct job *closer)
{
  uint64_t one = 1;
  pthread_mutex_lock(&ear->lock);
  bool ended = ear->ended, taken = closer != NULL && !ended && ear->closer != NULL;
  ear->closing = true;
  if (closer != NULL && !ended && !taken) ear->closer = closer;
  pthread_cond_signal(&ear->changed);
  if (ear->wake >= 0 && write(ear->wake, &one, sizeof one) < 0) { /* it is full: then it is awake */ }
  pthread_mutex_unlock(&ear->lock);
  if (closer != NULL && ended) job_finish(closer);
  return !taken;
}

static bool open_ear (struct ear *ear, struct job *job)
{
  int on = 1;
  struct sockaddr_nl address = { .nl_family = AF_NETLINK };
  ear->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, ear->protocol);
  if (ear->fd < 0) return fail(job, "socket", "netlink");
  if (setsockopt(ear->fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on) != 0) return fail(job, "setsockopt", "NETLINK_NO_ENOBUFS");
  /* The forced form passes the system's limit but needs CAP_NET_ADMIN in the initial user namespace. */
  if (ear->recvbuf > 0 && setsockopt(ear->fd, SOL_SOCKET, SO_RCVBUFFORCE, &ear->recvbuf, sizeof ear->recvbuf) != 0) setsockopt(ear->fd, SOL_SOCKET, SO_RCVBUF, &ear->recvbuf, sizeof ear->recvbuf);
  if (bind(ear->fd, (struct sockaddr *)&address, sizeof address) != 0) return fail(job, "bind", "netlink");
  for (uint32_t i = 0; i < ear->group_count; i++) {
    if (setsockopt(ear->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &ear->groups[i], sizeof ear->groups[i]) != 0) return fail(job, "setsockopt", "NETLINK_ADD_MEMBERSHIP");
  }
  return true;
}

/* One datagram, of whatever size. False where there is none left, or an error is on record. */
static bool hear_one (struct ear *ear, struct hearing *hearing)
{
  struct sockaddr_nl sender = { 0 };
  ssize_t size = recv(ear->fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
  if (size < 0) return errno == EINTR || (errno != EAGAIN && errno != EWOULDBLOCK && fail(&hearing->job, "recv", "netlink"));
  char *data = malloc(size > 0 ? (size_t)size : 1);
  if (data == NULL) return fail_with(&hearing->job, ENOMEM, "malloc", "netlink");
  struct iovec part = { data, (size_t)size };
  struct msghdr message = { .msg_name = &sender, .msg_namelen = sizeof sender, .msg_iov = &part, .msg_iovlen = 1 };
  size = recvmsg(ear->fd, &message, MSG_DONTWAIT);
  /* Another process's messages are not news of the kernel. */
  if (size <= 0 || sender.nl_pid != 0) { free(data); return true; }
  hearing->heard[hearing->count].data = data;
  hearing->heard[hearing->count++].length = (size_t)size;
  return true;
}

static void listen_for (struct ear *ear, struct hearing *hearing)
{
  struct pollfd fds[2] = { { .fd = ear->fd, .events = POLLIN }, { .fd = ear->wake, .events = POLLIN } };
  uint32_t memory[SK_MEMINFO_VARS] = { 0 };
  socklen_t length = sizeof memory;
  while (hearing->count == 0 && hearing->job.failure.errnum == 0) {
    if (poll(fds, 2, -1) < 0) continue;
    if (fds[1].revents != 0) { fail_with(&hearing->job, ECANCELED, "ear", "closed"); return; }
    while (hearing->count < MOST && hear_one(ear, hearing)) {}
  }
  if (getsockopt(ear->fd, SOL_SOCKET, SO_MEMINFO, memory, &length) == 0) hearing->drops = memory[SK_MEMINFO_DROPS];
}

static struct hearing *next_asked (struct ear *ear)
{
  pthread_mutex_lock(&ear->lock);
  while (ear->asked == NULL && !ear->closing) pthread_cond_wait(&ear->changed, &ear->lock);
  struct hearing *hearing = ear->asked;
  ear->asked = NULL;
  pthread_mutex_unlock(&ear->lock);
  return hearing;
}

static void *ear_main (void *argument)
{
  struct ear *ear = argument;
  struct hearing *hearing;
  bool opened = enter(ear->opening, ear->netns) && open_ear(ear, ear->opening);
  close_fd(&ear->netns);
  job_finish(ear->opening);
  while (opened && (hearing = next_asked(ear)) != NULL) {
    listen_for(ear, hearing);
    job_finish(&hearing->job);
  }
  close_fd(&ear->fd);
  pthread_mutex_lock(&ear->lock);
  ear->ended = true;
  close_fd(&ear->wake);
  struct job *closer = ear->closer;
  hearing = ear->asked;
  ear->asked = NULL;
  pthread_mutex_unlock(&ear->lock);
  if (hearing != NULL) { fail_with(&hearing->job, ECANCELED, "ear", "closed"); job_finish(&hearing->job); }
  if (closer != NULL) job_finish(closer);
  ear_unref(ear);
  return NULL;
}

static void on_collected (napi_env env, void *data, void *hint)
{
  (void)env; (void)hint;
  ear_shut(data, NULL);
  ear_unref(data);
}

static napi_value opened (napi_env env, struct job *job)
{
  struct opening *opening = (struct opening *)job;
  napi_value object = make_object(env);
  if (object == NULL || napi_type_tag_object(env, object, &ear_tag) != napi_ok) return NULL;
  if (napi_wrap(env, object, opening->ear, on_collected, NULL, NULL) != napi_ok) return NULL;
  opening->ear = NULL; /* the object's now */
  return object;
}

static void drop_opening (struct job *job, bool delivered)
{
  struct opening *opening = (struct opening *)job;
  (void)delivered;
  if (opening->ear != NULL) {
    ear_shut(opening->ear, NULL);
    ear_unref(opening->ear);
  }
  free(opening);
}

static bool as_groups (napi_env env, napi_value list, struct ear *ear)
{
  if (napi_get_array_length(env, list, &ear->group_count) != napi_ok) { throw_type(env, "groups must be numbers"); return false; }
  if ((ear->groups = calloc((size_t)ear->group_count + 1, sizeof *ear->groups)) == NULL) { throw_errno(env, ENOMEM, "malloc", "ear"); return false; }
  for (uint32_t i = 0; i < ear->group_count; i++) {
    napi_value item;
    int group;
    if (napi_get_element(env, list, i, &item) != napi_ok || !as_int(env, item, "groups", &group)) return false;
    ear->groups[i] = (uint32_t)group;
  }
  return true;
}

napi_value ear_open (napi_env env, napi_callback_info info)
{
  napi_value values[4], promise;
  if (!arguments(env, info, 4, values)) return NULL;
  struct opening *opening = calloc(1, sizeof *opening);
  struct ear *ear = calloc(1, sizeof *ear);
  if (opening == NULL || ear == NULL) { free(opening); free(ear); return throw_errno(env, ENOMEM, "malloc", "ear"); }
  *ear = (struct ear){ .refs = 1, .netns = -1, .fd = -1, .wake = -1, .opening = &opening->job };
  pthread_mutex_init(&ear->lock, NULL);
  pthread_cond_init(&ear->changed, NULL);
  *opening = (struct opening){ .job = { .result = opened, .drop = drop_opening }, .ear = ear };
  if (!as_int(env, values[0], "protocol", &ear->protocol) || !as_groups(env, values[2], ear) || !as_int(env, values[3], "receiveBuffer", &ear->recvbuf)
      || !as_netns(env, values[1], &ear->netns)) { ear_unref(ear); free(opening); return NULL; }
  ear->refs++; /* the thread's */
  if ((ear->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) fail(&opening->job, "eventfd", "ear");
  if ((promise = job_begin(env, &opening->job, true)) == NULL) { close_fd(&ear->netns); close_fd(&ear->wake); ear_unref(ear); return NULL; }
  int error = opening->job.failure.errnum == 0 ? thread_start(ear_main, ear) : opening->job.failure.errnum;
  if (error == 0) return promise;
  ear->ended = true;
  close_fd(&ear->netns);
  close_fd(&ear->wake);
  if (opening->job.failure.errnum == 0) fail_with(&opening->job, error, "pthread_create", "ear");
  ear_unref(ear);
  job_finish(&opening->job);
  return promise;
}

static struct ear *as_ear (napi_env env, napi_value value)
{
  bool ours = false;
  void *ear = NULL;
  if (napi_check_object_type_tag(env, value, &ear_tag, &ours) == napi_ok && ours && napi_unwrap(env, value, &ear) == napi_ok) return ear;
  throw_type(env, "ear must be what earOpen returned");
  return NULL;
}

static napi_value result_hear (napi_env env, struct job *job)
{
  struct hearing *hearing = (struct hearing *)job;
  napi_value list, buffer, object = make_object(env);
  if (object == NULL || napi_create_array_with_length(env, hearing->count, &list) != napi_ok) return NULL;
  for (size_t i = 0; i < hearing->count; i++) {
    if (napi_create_buffer_copy(env, hearing->heard[i].length, hearing->heard[i].data, NULL, &buffer) != napi_ok) return NULL;
    if (napi_set_element(env, list, (uint32_t)i, buffer) != napi_ok) return NULL;
  }
  set(env, object, "datagrams", list);
  set(env, object, "drops", make_int(env, hearing->drops));
  return object;
}

static void drop_hearing (struct job *job, bool delivered)
{
  struct hearing *hearing = (struct hearing *)job;
  (void)delivered;
  for (size_t i = 0; i < hearing->count; i++) free(hearing->heard[i].data);
  free(hearing);
}

napi_value ear_hear (napi_env env, napi_callback_info info)
{
  napi_value values[1], promise;
  struct ear *ear;
  if (!arguments(env, info, 1, values) || (ear = as_ear(env, values[0])) == NULL) return NULL;
  struct hearing *hearing = calloc(1, sizeof *hearing);
  if (hearing == NULL) return throw_errno(env, ENOMEM, "malloc", "ear");
  hearing->job = (struct job){ .result = result_hear, .drop = drop_hearing };
  if ((promise = job_begin(env, &hearing->job, false)) == NULL) return NULL;
  pthread_mutex_lock(&ear->lock);
  int error = ear->closing || ear->ended ? ECANCELED : ear->asked != NULL ? EBUSY : 0;
  if (error == 0) {
    ear->asked = hearing;
    pthread_cond_signal(&ear->changed);
  }
  pthread_mutex_unlock(&ear->lock);
  if (error != 0) { fail_with(&hearing->job, error, "ear", error == EBUSY ? "already listening" : "closed"); job_finish(&hearing->job); }
  return promise;
}

static void drop_closing (struct job *job, bool delivered)
{
  (void)delivered;
  free(job);
}

napi_value ear_close (napi_env env, napi_callback_info info)
{
  napi_value values[1], promise;
  struct ear *ear;
  if (!arguments(env, info, 1, values) || (ear = as_ear(env, values[0])) == NULL) return NULL;
  struct job *job = calloc(1, sizeof *job);
  if (job == NULL) return throw_errno(env, ENOMEM, "malloc", "ear");
  job->drop = drop_closing;
  if ((promise = job_begin(env, job, true)) != NULL && !ear_shut(ear, job)) job_finish(job);
  return promise;
}
