/*
 * A netlink socket with its thread. sendmsg on a netlink socket runs the request inside the call and may wait seconds
 * for RTNL, so every call on it is made by the thread, which lives in the socket's namespace. Requests are queued,
 * answered in order, any number in flight.
 *
 *   JavaScript --exchange--> queue --> thread: sendmsg, recvmsg ... --job_finish--> promise
 *
 * Owners of `struct channel`: the JavaScript object (or, before it is made, the open job) and the thread.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "shims.h"

struct channel {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int refs;
  bool closing, ended;
  struct job *queue, **queue_end;
  struct job *closers; /* promises of channelClose */
  /* the thread's own */
  int protocol, netns, sendbuf, recvbuf, fd;
  char *buffer;
  struct opening *opening;
};

struct opening { struct job job; struct channel *channel; };
/* One or more, each padded to 4 bytes. `room`: bytes at `data`. */
struct datagram { char *data; size_t length, room; };
struct exchange {
  struct job job;
  bool dump, overrun;
  size_t length, count, room;
  struct datagram *answers;
  struct sieve sieve;
  uint64_t queued, queue, wait, spent, work; /* nanoseconds; `queued` is a moment */
  char request[];
};

static const napi_type_tag channel_tag = { 0x6e65747772696768ull, 0x746368616e6e656cull };

static void channel_unref (struct channel *channel)
{
  pthread_mutex_lock(&channel->lock);
  bool last = --channel->refs == 0;
  pthread_mutex_unlock(&channel->lock);
  if (!last) return;
  pthread_cond_destroy(&channel->changed);
  pthread_mutex_destroy(&channel->lock);
  free(channel->buffer);
  free(channel);
}

static void cancel (struct job *list)
{
  for (struct job *job = list, *next; job != NULL; job = next) {
    next = job->next;
    fail_with(job, ECANCELED, "channel", "closed");
    job_finish(job);
  }
}

/* Queued requests fail now; the one inside the kernel ends there; then the thread ends. `closer` may be NULL. */
static void channel_shut (struct channel *channel, struct job *closer)
{
  pthread_mutex_lock(&channel->lock);
  struct job *queued = channel->queue;
  channel->queue = NULL;
  channel->queue_end = &channel->queue;
  channel->closing = true;
  bool ended = channel->ended;
  if (closer != NULL && !ended) { closer->next = channel->closers; channel->closers = closer; }
  pthread_cond_signal(&channel->changed);
  pthread_mutex_unlock(&channel->lock);
  cancel(queued);
  if (closer != NULL && ended) job_finish(closer);
}

static bool is_closing (struct channel *channel)
{
  pthread_mutex_lock(&channel->lock);
  bool closing = channel->closing;
  pthread_mutex_unlock(&channel->lock);
  return closing;
}

static void set_buffer (int fd, int forced, int plain, int size)
{
  if (size <= 0) return;
  /* The forced form passes the system's limit but needs CAP_NET_ADMIN in the initial user namespace. */
  if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof size) != 0) setsockopt(fd, SOL_SOCKET, plain, &size, sizeof size);
}

static bool open_socket (struct channel *channel, struct job *job)
{
  int on = 1;
  struct sockaddr_nl address = { .nl_family = AF_NETLINK };
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, channel->protocol);
  if (fd < 0) return fail(job, "socket", "netlink");
  /* Kernels that lack one of these answer all the same, with fewer words. */
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  if (channel->protocol == NETLINK_ROUTE) setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, channel->sendbuf);
  set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, channel->recvbuf);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
    fail(job, "bind", "netlink");
    close(fd);
    return false;
  }
  channel->fd = fd;
  return true;
}

static uint64_t now (clockid_t clock)
{
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

static bool send_request (struct channel *channel, struct exchange *exchange)
{
  struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
  struct iovec part = { exchange->request, exchange->length };
  struct msghdr message = { .msg_name = &kernel, .msg_namelen = sizeof kernel, .msg_iov = &part, .msg_iovlen = 1 };
  uint64_t before = now(CLOCK_MONOTONIC);
  ssize_t sent = sendmsg(channel->fd, &message, 0);
  int error = errno;
  exchange->wait = now(CLOCK_MONOTONIC) - before;
  return sent >= 0 || fail_with(&exchange->job, error, "sendmsg", "netlink");
}

/*
 * The largest datagram is one link with some hundred virtual functions, which takes less than a tenth of it. What is never used of it takes no memory.
 * The kernel makes the parts of a dump as large as the reader's buffer, up to 32 KiB.
 */
enum { CAPACITY = 1 << 20 };

static bool reserve (struct channel *channel)
{
  return channel->buffer != NULL || (channel->buffer = malloc(CAPACITY)) != NULL;
}

/* So small ones are put together, up to so many bytes: a batch is answered by hundreds, and each would cost the event loop a buffer of its own. */
enum { SMALL = 2048, TOGETHER = 65536 };

static bool append (struct datagram *last, const char *data, size_t length)
{
  size_t start = NLMSG_ALIGN(last->length), end = start + length;
  if (length > SMALL || end > TOGETHER) return false;
  if (end > last->room) {
    size_t room = end * 2 < 1024 ? 1024 : end * 2;
    char *larger = realloc(last->data, room);
    if (larger == NULL) return false;
    last->data = larger;
    last->room = room;
  }
  memset(last->data + last->length, 0, start - last->length);
  memcpy(last->data + start, data, length);
  last->length = end;
  return true;
}

static bool keep (struct exchange *exchange, const char *data, size_t length)
{
  if (exchange->count > 0 && append(&exchange->answers[exchange->count - 1], data, length)) return true;
  if (exchange->count == exchange->room) {
    size_t room = exchange->room == 0 ? 4 : exchange->room * 2;
    struct datagram *answers = realloc(exchange->answers, room * sizeof *answers);
    if (answers == NULL) return false;
    exchange->answers = answers;
    exchange->room = room;
  }
  char *copy = malloc(length);
  if (copy == NULL) return false;
  memcpy(copy, data, length);
  exchange->answers[exchange->count++] = (struct datagram){ copy, length, length };
  return true;
}

/* Does the datagram end the dump that the request asked for? */
static bool ends (const struct exchange *exchange, const char *data, size_t length)
{
  struct nlmsghdr asked, answer;
  memcpy(&asked, exchange->request, sizeof asked);
  for (size_t at = 0; at + sizeof answer <= length; at += NLMSG_ALIGN(answer.nlmsg_len)) {
    memcpy(&answer, data + at, sizeof answer);
    if (answer.nlmsg_len < sizeof answer || answer.nlmsg_len > length - at) return false;
    if (answer.nlmsg_seq == asked.nlmsg_seq && (answer.nlmsg_type == NLMSG_DONE || answer.nlmsg_type == NLMSG_ERROR)) return true;
  }
  return false;
}

enum reading { MORE, COMPLETE, BROKEN };

/*
 * One datagram. Nothing ever has to be waited for: when sendmsg returns, all answers are queued, and each recvmsg of a
 * dump makes the next part inside the call (af_netlink.c, netlink_recvmsg -> netlink_dump). So an empty queue is the
 * end of an answer, and in a dump before its NLMSG_DONE it means that the kernel gave up.
 */
static enum reading read_answer (struct channel *channel, struct exchange *exchange)
{
  if (!reserve(channel)) { fail_with(&exchange->job, ENOMEM, "malloc", "answer"); return BROKEN; }
  struct sockaddr_nl sender = { 0 };
  struct iovec part = { channel->buffer, CAPACITY };
  struct msghdr message = { .msg_name = &sender, .msg_namelen = sizeof sender, .msg_iov = &part, .msg_iovlen = 1 };
  ssize_t size = recvmsg(channel->fd, &message, MSG_DONTWAIT);
  if (size < 0 && errno == EINTR) return MORE;
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    if (!exchange->dump) return COMPLETE;
    exchange->overrun = true;
    return BROKEN;
  }
  if (size < 0 && errno == ENOBUFS) {
    exchange->overrun = true;
    return exchange->dump ? BROKEN : MORE;
  }
  if (size < 0) { fail(&exchange->job, "recvmsg", "netlink"); return BROKEN; }
  if (sender.nl_pid != 0 || size == 0) return MORE; /* another process's, not the kernel's */
  if ((message.msg_flags & MSG_TRUNC) != 0) {
    exchange->overrun = true;
    return exchange->dump ? BROKEN : MORE;
  }
  bool complete = exchange->dump && ends(exchange, channel->buffer, (size_t)size);
  size_t kept = exchange->sieve.data == NULL ? (size_t)size : sieve_messages(&exchange->sieve, channel->buffer, (size_t)size);
  if (kept > 0 && !keep(exchange, channel->buffer, kept)) { fail_with(&exchange->job, ENOMEM, "malloc", "answer"); return BROKEN; }
  return complete ? COMPLETE : MORE;
}

static void answer (struct channel *channel, struct exchange *exchange)
{
  if (channel->fd < 0 && !open_socket(channel, &exchange->job)) return;
  if (!send_request(channel, exchange)) return;
  enum reading state = MORE;
  while (state == MORE) {
    state = read_answer(channel, exchange);
    if (state == MORE && exchange->dump && is_closing(channel)) {
      fail_with(&exchange->job, ECANCELED, "channel", "closed");
      state = BROKEN;
    }
  }
  /* What is left of a broken answer must not become part of the next one, nor its dump refuse the next dump. */
  if (state == BROKEN) close_fd(&channel->fd);
}

/* Whatever of the time spent the processor was not ours, we waited: for RTNL, or for a processor. */
static void run (struct channel *channel, struct exchange *exchange)
{
  uint64_t begun = now(CLOCK_MONOTONIC), worked = now(CLOCK_THREAD_CPUTIME_ID);
  answer(channel, exchange);
  exchange->work = now(CLOCK_THREAD_CPUTIME_ID) - worked;
  exchange->spent = now(CLOCK_MONOTONIC) - begun;
  exchange->queue = begun - exchange->queued;
}

static struct job *next_request (struct channel *channel)
{
  pthread_mutex_lock(&channel->lock);
  while (channel->queue == NULL && !channel->closing) pthread_cond_wait(&channel->changed, &channel->lock);
  struct job *job = channel->queue;
  if (job != NULL && (channel->queue = job->next) == NULL) channel->queue_end = &channel->queue;
  pthread_mutex_unlock(&channel->lock);
  return job;
}

static void *channel_main (void *argument)
{
  struct channel *channel = argument;
  struct job *opening = &channel->opening->job, *job;
  bool opened = enter(opening, channel->netns) && open_socket(channel, opening);
  close_fd(&channel->netns);
  job_finish(opening);
  while (opened && (job = next_request(channel)) != NULL) {
    run(channel, (struct exchange *)job);
    job_finish(job);
  }
  close_fd(&channel->fd);
  pthread_mutex_lock(&channel->lock);
  channel->ended = true;
  struct job *closers = channel->closers;
  channel->closers = NULL;
  pthread_mutex_unlock(&channel->lock);
  for (struct job *next; closers != NULL; closers = next) {
    next = closers->next;
    job_finish(closers);
  }
  channel_unref(channel);
  return NULL;
}

static void on_collected (napi_env env, void *data, void *hint)
{
  (void)env; (void)hint;
  channel_shut(data, NULL);
  channel_unref(data);
}

static napi_value opened (napi_env env, struct job *job)
{
  struct opening *opening = (struct opening *)job;
  napi_value object = make_object(env);
  if (object == NULL || napi_type_tag_object(env, object, &channel_tag) != napi_ok) return NULL;
  if (napi_wrap(env, object, opening->channel, on_collected, NULL, NULL) != napi_ok) return NULL;
  opening->channel = NULL; /* the object's now */
  return object;
}

static void drop_opening (struct job *job, bool delivered)
{
  struct opening *opening = (struct opening *)job;
  (void)delivered;
  if (opening->channel != NULL) {
    channel_shut(opening->channel, NULL);
    channel_unref(opening->channel);
  }
  free(opening);
}

napi_value channel_open (napi_env env, napi_callback_info info)
{
  napi_value values[4];
  int protocol, netns, sendbuf, recvbuf;
  if (!arguments(env, info, 4, values) || !as_int(env, values[0], "protocol", &protocol) || !as_int(env, values[2], "sendBuffer", &sendbuf)
      || !as_int(env, values[3], "receiveBuffer", &recvbuf) || !as_netns(env, values[1], &netns)) return NULL;
  struct opening *opening = calloc(1, sizeof *opening);
  struct channel *channel = calloc(1, sizeof *channel);
  if (opening == NULL || channel == NULL) { free(opening); free(channel); close_fd(&netns); return throw_errno(env, ENOMEM, "malloc", "channel"); }
  *channel = (struct channel){
    .refs = 1, .queue_end = &channel->queue, .protocol = protocol, .netns = netns, .sendbuf = sendbuf, .recvbuf = recvbuf, .fd = -1, .opening = opening,
  };
  pthread_mutex_init(&channel->lock, NULL);
  pthread_cond_init(&channel->changed, NULL);
  *opening = (struct opening){ .job = { .result = opened, .drop = drop_opening }, .channel = channel };
  napi_value promise = job_begin(env, &opening->job, true);
  if (promise == NULL) { close_fd(&netns); return NULL; }
  channel->refs++; /* the thread's */
  int error = thread_start(channel_main, channel);
  if (error != 0) {
    channel->ended = true;
    close_fd(&channel->netns);
    channel_unref(channel);
    fail_with(&opening->job, error, "pthread_create", "channel");
    job_finish(&opening->job);
  }
  return promise;
}

static struct channel *as_channel (napi_env env, napi_value value)
{
  bool ours = false;
  void *channel = NULL;
  if (napi_check_object_type_tag(env, value, &channel_tag, &ours) == napi_ok && ours && napi_unwrap(env, value, &channel) == napi_ok) return channel;
  throw_type(env, "channel must be what channelOpen returned");
  return NULL;
}

static void free_answer (napi_env env, void *data, void *hint)
{
  (void)env; (void)hint;
  free(data);
}

/* Where a copy of it would cost the event loop something, JavaScript gets the memory itself. Not every runtime allows that. */
static napi_value make_answer (napi_env env, struct datagram *answer)
{
  napi_value buffer;
  if (answer->length >= 8192 && napi_create_external_buffer(env, answer->length, answer->data, free_answer, NULL, &buffer) == napi_ok) {
    answer->data = NULL;
    return buffer;
  }
  return napi_create_buffer_copy(env, answer->length, answer->data, NULL, &buffer) == napi_ok ? buffer : NULL;
}

static napi_value exchanged (napi_env env, struct job *job)
{
  struct exchange *exchange = (struct exchange *)job;
  napi_value list, overrun, buffer, object = make_object(env);
  if (object == NULL || napi_create_array_with_length(env, exchange->count, &list) != napi_ok || napi_get_boolean(env, exchange->overrun, &overrun) != napi_ok) return NULL;
  for (size_t i = 0; i < exchange->count; i++) {
    if ((buffer = make_answer(env, &exchange->answers[i])) == NULL) return NULL;
    if (napi_set_element(env, list, (uint32_t)i, buffer) != napi_ok) return NULL;
  }
  set(env, object, "datagrams", list);
  set(env, object, "overrun", overrun);
  set(env, object, "waitNs", make_int(env, (int64_t)exchange->wait));
  set(env, object, "queueNs", make_int(env, (int64_t)exchange->queue));
  set(env, object, "spentNs", make_int(env, (int64_t)exchange->spent));
  set(env, object, "workNs", make_int(env, (int64_t)exchange->work));
  return object;
}

static void drop_exchange (struct job *job, bool delivered)
{
  struct exchange *exchange = (struct exchange *)job;
  (void)delivered;
  for (size_t i = 0; i < exchange->count; i++) free(exchange->answers[i].data);
  free(exchange->answers);
  free(exchange->sieve.data);
  free(exchange);
}

napi_value channel_exchange (napi_env env, napi_callback_info info)
{
  napi_value values[4], promise;
  struct sieve sieve = { 0 };
  struct channel *channel;
  napi_typedarray_type type;
  void *data;
  size_t length;
  bool typed = false, dump;
  size_t given = 4; /* the last may be missing */
  if (napi_get_cb_info(env, info, &given, values, NULL, NULL) != napi_ok || given < 3) return throw_type(env, "too few arguments");
  if ((channel = as_channel(env, values[0])) == NULL || !as_bool(env, values[2], "dump", &dump)) return NULL;
  if (napi_is_typedarray(env, values[1], &typed) != napi_ok || !typed
      || napi_get_typedarray_info(env, values[1], &type, &length, &data, NULL, NULL) != napi_ok || type != napi_uint8_array) return throw_type(env, "datagram must be a Uint8Array");
  if (length < sizeof(struct nlmsghdr)) return throw_type(env, "datagram must hold a netlink header");
  if (!as_sieve(env, values[3], &sieve)) return NULL;
  struct exchange *exchange = calloc(1, sizeof *exchange + length);
  if (exchange == NULL) { free(sieve.data); return throw_errno(env, ENOMEM, "malloc", "request"); }
  exchange->job = (struct job){ .result = exchanged, .drop = drop_exchange };
  exchange->sieve = sieve;
  exchange->queued = now(CLOCK_MONOTONIC);
  exchange->dump = dump;
  exchange->length = length;
  memcpy(exchange->request, data, length);
  if ((promise = job_begin(env, &exchange->job, true)) == NULL) return NULL;
  pthread_mutex_lock(&channel->lock);
  bool closing = channel->closing;
  if (!closing) {
    *channel->queue_end = &exchange->job;
    channel->queue_end = &exchange->job.next;
    pthread_cond_signal(&channel->changed);
  }
  pthread_mutex_unlock(&channel->lock);
  if (closing) cancel(&exchange->job);
  return promise;
}

static void drop_closing (struct job *job, bool delivered)
{
  (void)delivered;
  free(job);
}

napi_value channel_close (napi_env env, napi_callback_info info)
{
  napi_value values[1], promise;
  struct channel *channel;
  if (!arguments(env, info, 1, values) || (channel = as_channel(env, values[0])) == NULL) return NULL;
  struct job *job = calloc(1, sizeof *job);
  if (job == NULL) return throw_errno(env, ENOMEM, "malloc", "channel");
  job->drop = drop_closing;
  if ((promise = job_begin(env, job, true)) != NULL) channel_shut(channel, job);
  return promise;
}
