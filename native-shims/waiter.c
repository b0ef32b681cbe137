/*
 * Waiting for processes to end, and for what they log: one thread for all of the process, there while somebody waits.
 * It sleeps in epoll on the processes' descriptors, on one inotify instance for all logs, and on `wake`.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shims.h"

#define WAIT_BY_PIDFD ((idtype_t)3) /* P_PIDFD, Linux 5.4 */
/* Of a log, at one look: more than a start ever prints. */
#define LOOK (64 * 1024)
/* Where the user's inotify instances are used up (128), the logs are looked at so often. */
#define LOOK_EVERY_MS 20

struct waiting {
  struct job job; /* home NULL: nobody asked; the child is reaped all the same */
  struct waiting *next; /* of logs */
  int pidfd;      /* a copy, so that the caller may close his */
  bool asked, child;
  siginfo_t end;
  /* of a log: `path` is not NULL */
  char *path, **texts;
  int fd, watch;
  int64_t at, deadline; /* bytes; nanoseconds */
  bool ended;
  char *data;     /* whole lines that have been looked at are dropped from it */
  size_t length, found;
};

static pthread_mutex_t waiter_lock = PTHREAD_MUTEX_INITIALIZER;
static int waiter_epoll = -1, waiter_wake = -1, waiter_count;
static struct waiting *waiter_coming; /* logs that the thread has not seen yet */

static int64_t now (void)
{
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static void free_waiting (struct waiting *waiting)
{
  close_fd(&waiting->pidfd);
  close_fd(&waiting->fd);
  free(waiting->path);
  free_strings(waiting->texts);
  free(waiting->data);
  free(waiting);
}

static void drop_waiting (struct job *job, bool delivered)
{
  (void)delivered;
  free_waiting((struct waiting *)job);
}

static void end_waiting (struct waiting *waiting)
{
  memset(&waiting->end, 0, sizeof waiting->end);
  waiting->child = waitid(WAIT_BY_PIDFD, (id_t)waiting->pidfd, &waiting->end, WEXITED | WNOHANG) == 0 && waiting->end.si_pid != 0;
  close_fd(&waiting->pidfd);
  if (waiting->asked) job_finish(&waiting->job);
  else free_waiting(waiting);
}

/* --- logs; all of this is the thread's own --- */

struct logs { int epoll, inotify; struct waiting *first; };

static bool says (const struct waiting *waiting, const char *line)
{
  for (char **text = waiting->texts; *text != NULL; text++) if (strstr(line, *text) != NULL) return true;
  return false;
}

/* Whether a whole line says what is waited for; those that do not are dropped. */
static bool look (struct waiting *waiting)
{
  size_t begin = 0;
  for (char *end; (end = memchr(waiting->data + begin, '\n', waiting->length - begin)) != NULL; begin = (size_t)(end - waiting->data) + 1) {
    *end = '\0';
    bool said = says(waiting, waiting->data + begin);
    *end = '\n';
    if (!said) continue;
    waiting->found = begin;
    return true;
  }
  /* A line that fills all is none. */
  if (waiting->length == LOOK) begin = LOOK;
  memmove(waiting->data, waiting->data + begin, waiting->length -= begin);
  return false;
}

/* Reads on; true where it has been said, or cannot be read. */
static bool read_log (struct waiting *waiting)
{
  struct stat status;
  if (fstat(waiting->fd, &status) != 0) { fail(&waiting->job, "fstat", waiting->path); return true; }
  if (status.st_size < waiting->at) { waiting->at = 0; waiting->length = 0; } /* cut meanwhile: everything in it is new, also the line that had begun */
  for (;;) {
    ssize_t got = pread(waiting->fd, waiting->data + waiting->length, LOOK - waiting->length, (off_t)waiting->at);
    if (got < 0) { fail(&waiting->job, "pread", waiting->path); return true; }
    if (got == 0) return false;
    waiting->at += got;
    waiting->length += (size_t)got;
    if (look(waiting)) return true;
  }
}

static void finish_log (struct logs *logs, struct waiting *waiting)
{
  bool shared = false;
  for (struct waiting **at = &logs->first; *at != NULL;) {
    if (*at == waiting) { *at = waiting->next; continue; }
    shared |= (*at)->watch == waiting->watch;
    at = &(*at)->next;
  }
  if (waiting->watch >= 0 && !shared) inotify_rm_watch(logs->inotify, waiting->watch);
  epoll_ctl(logs->epoll, EPOLL_CTL_DEL, waiting->pidfd, NULL);
  job_finish(&waiting->job);
}

/* Whatever is written after the watch is told; what was before is looked at by the caller. Without a watch it is looked at now and then. */
static void watch_log (struct logs *logs, struct waiting *waiting)
{
  char name[64];
  snprintf(name, sizeof name, "/proc/self/fd/%d", waiting->fd);
  if (logs->inotify < 0 && (logs->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) >= 0) {
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = logs };
    if (epoll_ctl(logs->epoll, EPOLL_CTL_ADD, logs->inotify, &event) != 0) close_fd(&logs->inotify);
  }
  if (logs->inotify >= 0) waiting->watch = inotify_add_watch(logs->inotify, name, IN_MODIFY);
}

/* False where nothing can come of it: the job has failed then. */
static bool open_log (struct logs *logs, struct waiting *waiting)
{
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = waiting };
  if ((waiting->data = malloc(LOOK + 1)) == NULL) { errno = ENOMEM; return fail(&waiting->job, "malloc", "log"); }
  if ((waiting->fd = open(waiting->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) < 0) return fail(&waiting->job, "open", waiting->path);
  if (epoll_ctl(logs->epoll, EPOLL_CTL_ADD, waiting->pidfd, &event) != 0) return fail(&waiting->job, "epoll_ctl", "pidfd");
  watch_log(logs, waiting);
  return true;
}

/* Returns how many have come to their end. */
static int take_coming (struct logs *logs)
{
  uint64_t times;
  int done = 0;
  if (read(waiter_wake, &times, sizeof times) < 0) { /* taken before */ }
  pthread_mutex_lock(&waiter_lock);
  struct waiting *coming = waiter_coming;
  waiter_coming = NULL;
  pthread_mutex_unlock(&waiter_lock);
  for (struct waiting *next; coming != NULL; coming = next) {
    next = coming->next;
    coming->next = logs->first;
    logs->first = coming;
    if (open_log(logs, coming) && !read_log(coming)) continue;
    finish_log(logs, coming);
    done++;
  }
  return done;
}

static int take_changes (struct logs *logs)
{
  char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
  int done = 0;
  ssize_t length = read(logs->inotify, events, sizeof events);
  for (ssize_t at = 0; at < length;) {
    const struct inotify_event *event = (const struct inotify_event *)(events + at);
    at += (ssize_t)(sizeof *event + event->len);
    for (struct waiting *waiting = logs->first, *next; waiting != NULL; waiting = next) {
      next = waiting->next;
      if ((waiting->watch != event->wd && !(event->mask & IN_Q_OVERFLOW)) || !read_log(waiting)) continue;
      finish_log(logs, waiting);
      done++;
    }
  }
  return done;
}

/* Those that have waited long enough, and those that nobody watches for us. */
static int take_late (struct logs *logs)
{
  int done = 0;
  int64_t at = logs->first == NULL ? 0 : now();
  for (struct waiting *waiting = logs->first, *next; waiting != NULL; waiting = next) {
    next = waiting->next;
    bool over = waiting->watch < 0 && read_log(waiting);
    if (!over && waiting->deadline <= at) over = !fail_with(&waiting->job, ETIMEDOUT, "wait", waiting->path);
    if (!over) continue;
    finish_log(logs, waiting);
    done++;
  }
  return done;
}

static int patience (const struct logs *logs)
{
  if (logs->first == NULL) return -1;
  int64_t at = now(), next = INT64_MAX;
  for (const struct waiting *waiting = logs->first; waiting != NULL; waiting = waiting->next) {
    int64_t wake = waiting->watch < 0 ? at + LOOK_EVERY_MS * 1000000 : waiting->deadline;
    if (wake < next) next = wake;
  }
  int64_t ms = (next - at) / 1000000 + 1;
  return ms < 0 ? 0 : ms > 60000 ? 60000 : (int)ms;
}

/* --- the thread --- */

static int take_event (struct logs *logs, void *what)
{
  struct waiting *waiting = what;
  if (what == NULL) return take_coming(logs);
  if (what == logs) return take_changes(logs);
  if (waiting->path != NULL) {
    waiting->ended = true;
    finish_log(logs, waiting);
  } else {
    epoll_ctl(logs->epoll, EPOLL_CTL_DEL, waiting->pidfd, NULL);
    end_waiting(waiting);
  }
  return 1;
}

static void *waiter_main (void *argument)
{
  struct logs logs = { .epoll = (int)(intptr_t)argument, .inotify = -1 };
  int wake = -1;
  for (bool more = true; more;) {
    struct epoll_event event;
    int got = epoll_wait(logs.epoll, &event, 1, patience(&logs));
    int done = got == 1 ? take_event(&logs, event.data.ptr) : 0;
    done += take_late(&logs);
    if (done == 0) continue;
    pthread_mutex_lock(&waiter_lock);
    more = (waiter_count -= done) > 0;
    if (!more) { waiter_epoll = -1; wake = waiter_wake; waiter_wake = -1; }
    pthread_mutex_unlock(&waiter_lock);
  }
  close_fd(&wake);
  close_fd(&logs.epoll);
  close_fd(&logs.inotify); /* takes milliseconds */
  return NULL;
}

/* With the lock held. Returns an errno. */
static int waiter_open (void)
{
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
  int error = 0;
  if ((waiter_epoll = epoll_create1(EPOLL_CLOEXEC)) < 0 || (waiter_wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0
      || epoll_ctl(waiter_epoll, EPOLL_CTL_ADD, waiter_wake, &event) != 0) error = errno;
  if (error == 0) error = thread_start(waiter_main, (void *)(intptr_t)waiter_epoll);
  if (error != 0) { close_fd(&waiter_epoll); close_fd(&waiter_wake); }
  return error;
}

/* Returns an errno. Once added, it is the waiter's, which may have freed it already. */
static int waiter_add (struct waiting *waiting)
{
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = waiting };
  pthread_mutex_lock(&waiter_lock);
  int error = waiter_epoll < 0 ? waiter_open() : 0;
  if (error == 0) {
    waiter_count++; /* before it can end: the thread takes it down under the lock only */
    if (waiting->path != NULL) {
      waiting->next = waiter_coming;
      waiter_coming = waiting;
      eventfd_write(waiter_wake, 1);
    } else if (epoll_ctl(waiter_epoll, EPOLL_CTL_ADD, waiting->pidfd, &event) != 0) {
      error = errno;
      waiter_count--;
    }
  }
  pthread_mutex_unlock(&waiter_lock);
  return error;
}

bool reap_later (int pidfd)
{
  struct waiting *waiting = calloc(1, sizeof *waiting);
  if (waiting == NULL) return false;
  waiting->pidfd = pidfd;
  waiting->fd = waiting->watch = -1;
  if (waiter_add(waiting) == 0) return true;
  free(waiting);
  return false;
}

static napi_value result_wait (napi_env env, struct job *job)
{
  struct waiting *waiting = (struct waiting *)job;
  napi_value object = make_object(env), null;
  if (napi_get_null(env, &null) != napi_ok) return NULL;
  bool exited = waiting->child && waiting->end.si_code == CLD_EXITED;
  set(env, object, "code", exited ? make_int(env, waiting->end.si_status) : null);
  set(env, object, "signal", waiting->child && !exited ? make_int(env, waiting->end.si_status) : null);
  return object;
}

/* dnsmasq logs what guests sent: not always UTF-8. */
static napi_value result_log (napi_env env, struct job *job)
{
  struct waiting *waiting = (struct waiting *)job;
  napi_value value;
  napi_status status = waiting->ended ? napi_get_null(env, &value) : napi_create_string_utf8(env, waiting->data + waiting->found, waiting->length - waiting->found, &value);
  return status == napi_ok ? value : NULL;
}

static napi_value wait_for (napi_env env, struct waiting *waiting, int pidfd, bool ref)
{
  napi_value promise;
  int error = (waiting->pidfd = fcntl(pidfd, F_DUPFD_CLOEXEC, 3)) < 0 ? errno : 0;
  if ((promise = job_begin(env, &waiting->job, ref)) == NULL) return NULL;
  if (error == 0 && (error = waiter_add(waiting)) == 0) return promise;
  fail_with(&waiting->job, error, "epoll", "pidfd");
  job_finish(&waiting->job);
  return promise;
}

napi_value process_wait (napi_env env, napi_callback_info info)
{
  napi_value values[2];
  int pidfd;
  bool ref;
  if (!arguments(env, info, 2, values) || !as_int(env, values[0], "pidfd", &pidfd) || !as_bool(env, values[1], "ref", &ref)) return NULL;
  struct waiting *waiting = calloc(1, sizeof *waiting);
  if (waiting == NULL) return throw_errno(env, ENOMEM, "malloc", "process");
  *waiting = (struct waiting){ .job = { .result = result_wait, .drop = drop_waiting }, .asked = true, .pidfd = -1, .fd = -1, .watch = -1 };
  return wait_for(env, waiting, pidfd, ref);
}

napi_value process_log (napi_env env, napi_callback_info info)
{
  napi_value values[5];
  int pidfd, timeout;
  double from;
  if (!arguments(env, info, 5, values) || !as_int(env, values[0], "pidfd", &pidfd) || !as_int(env, values[4], "timeout", &timeout)) return NULL;
  if (napi_get_value_double(env, values[2], &from) != napi_ok || !(from >= 0 && from <= 9007199254740992.0)) return throw_type(env, "from must be an offset");
  struct waiting *waiting = calloc(1, sizeof *waiting);
  if (waiting == NULL) return throw_errno(env, ENOMEM, "malloc", "log");
  *waiting = (struct waiting){ .job = { .result = result_log, .drop = drop_waiting }, .asked = true, .pidfd = -1, .fd = -1, .watch = -1, .at = (int64_t)from, .deadline = now() + (int64_t)timeout * 1000000 };
  if ((waiting->path = as_string(env, values[1], "path")) == NULL || (waiting->texts = as_strings(env, values[3], "texts", NULL)) == NULL) { free_waiting(waiting); return NULL; }
  return wait_for(env, waiting, pidfd, true);
}
