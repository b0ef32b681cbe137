/* One piece of work on a thread of ours, and the promise that it settles. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shims.h"

/*
 * What one environment (the main thread's or a worker's) and its jobs share. Jobs may outlive the environment: a thread
 * can be inside the kernel for seconds while its worker is terminated. So it is counted, and `wake` is touched only
 * under the lock and while `alive`. The library itself is never unloaded (-z nodelete), or such a thread would have
 * its code taken away.
 */
struct home {
  pthread_mutex_t lock;
  int refs;
  bool alive;
  napi_threadsafe_function wake;
  struct job *done, **done_end;
  /* event loop's thread only */
  int pending; /* promises that keep the loop alive */
  int *fds;    /* what JavaScript holds */
  size_t fd_count, fd_room;
};

static void home_unref (struct home *home)
{
  pthread_mutex_lock(&home->lock);
  bool last = --home->refs == 0;
  pthread_mutex_unlock(&home->lock);
  if (!last) return;
  pthread_mutex_destroy(&home->lock);
  free(home->fds);
  free(home);
}

/* Without memory for it the descriptor stays with the process, as it would without us. */
void own_fd (struct job *job, int fd)
{
  struct home *home = job->home;
  if (home == NULL || fd < 0) return;
  if (home->fd_count == home->fd_room) {
    size_t room = home->fd_room == 0 ? 64 : home->fd_room * 2;
    int *fds = realloc(home->fds, room * sizeof *fds);
    if (fds == NULL) return;
    home->fds = fds;
    home->fd_room = room;
  }
  home->fds[home->fd_count++] = fd;
}

/* The newest are closed first, most of the time. */
void forget_fd (napi_env env, int fd)
{
  struct home *home = NULL;
  if (napi_get_instance_data(env, (void **)&home) != napi_ok || home == NULL) return;
  for (size_t i = home->fd_count; i-- > 0;) {
    if (home->fds[i] != fd) continue;
    home->fds[i] = home->fds[--home->fd_count];
    return;
  }
}

static struct job *take_done (struct home *home)
{
  pthread_mutex_lock(&home->lock);
  struct job *list = home->done;
  home->done = NULL;
  home->done_end = &home->done;
  pthread_mutex_unlock(&home->lock);
  return list;
}

static void drop (struct job *job, bool delivered)
{
  struct home *home = job->home;
  job->drop(job, delivered);
  if (home != NULL) home_unref(home);
}

static void settle (napi_env env, struct job *job)
{
  struct home *home = job->home;
  if (job->ref && --home->pending == 0) napi_unref_threadsafe_function(env, home->wake);
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) { drop(job, false); return; }
  napi_value value = NULL, thrown;
  bool delivered = false;
  if (job->failure.errnum != 0) {
    value = make_error(env, &job->failure);
    if (value != NULL) napi_reject_deferred(env, job->deferred, value);
  } else {
    if (job->result != NULL) value = job->result(env, job);
    else napi_get_undefined(env, &value);
    delivered = value != NULL && napi_resolve_deferred(env, job->deferred, value) == napi_ok;
    /* A worker that is being terminated can run no JavaScript: then nobody has received the result. */
    if (!delivered) napi_get_and_clear_last_exception(env, &thrown);
  }
  napi_close_handle_scope(env, scope);
  drop(job, delivered);
}

static void on_wake (napi_env env, napi_value callback, void *context, void *data)
{
  (void)callback; (void)data;
  if (env == NULL) return; /* torn down: on_teardown has the list */
  for (struct job *job = take_done(context), *next; job != NULL; job = next) {
    next = job->next;
    settle(env, job);
  }
}

/* Runs before the threadsafe function's own teardown, since it was registered after it. */
static void on_teardown (void *argument)
{
  struct home *home = argument;
  pthread_mutex_lock(&home->lock);
  home->alive = false;
  pthread_mutex_unlock(&home->lock);
  napi_release_threadsafe_function(home->wake, napi_tsfn_abort);
  for (struct job *job = take_done(home), *next; job != NULL; job = next) {
    next = job->next;
    drop(job, false);
  }
  for (size_t i = 0; i < home->fd_count; i++) close(home->fds[i]);
  home->fd_count = 0;
  home_unref(home);
}

bool home_make (napi_env env)
{
  struct home *home = calloc(1, sizeof *home);
  napi_value name;
  if (home == NULL) return false;
  pthread_mutex_init(&home->lock, NULL);
  home->refs = 1;
  home->alive = true;
  home->done_end = &home->done;
  if (napi_create_string_utf8(env, "netwright", NAPI_AUTO_LENGTH, &name) != napi_ok
      || napi_create_threadsafe_function(env, NULL, NULL, name, 0, 1, NULL, NULL, home, on_wake, &home->wake) != napi_ok) {
    home_unref(home);
    return false;
  }
  /* Idle channels keep no process alive; job_begin refers to it while something is in flight. */
  napi_unref_threadsafe_function(env, home->wake);
  napi_set_instance_data(env, home, NULL, NULL);
  return napi_add_env_cleanup_hook(env, on_teardown, home) == napi_ok;
}

napi_value job_begin (napi_env env, struct job *job, bool ref)
{
  napi_value promise;
  job->failure.index = job->failure.errnum != 0 ? job->failure.index : -1;
  if (napi_get_instance_data(env, (void **)&job->home) != napi_ok || job->home == NULL
      || napi_create_promise(env, &job->deferred, &promise) != napi_ok) {
    job->home = NULL;
    drop(job, false);
    return NULL;
  }
  pthread_mutex_lock(&job->home->lock);
  job->home->refs++;
  pthread_mutex_unlock(&job->home->lock);
  job->ref = ref;
  if (ref && job->home->pending++ == 0) napi_ref_threadsafe_function(env, job->home->wake);
  return promise;
}

static void *job_main (void *argument)
{
  struct job *job = argument;
  job->work(job);
  job_finish(job);
  return NULL;
}

int thread_start (void *(*main)(void *), void *argument)
{
  pthread_t thread;
  pthread_attr_t attributes;
  sigset_t all, before;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 256 * 1024);
  /* A thread inherits the mask: the process's signals stay the main thread's business, and no call of ours sees EINTR. */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&thread, &attributes, main, argument);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return error;
}

napi_value job_start (napi_env env, struct job *job)
{
  napi_value promise = job_begin(env, job, true);
  if (promise == NULL) return NULL;
  if (job->failure.errnum == 0) {
    /* Once started, it is the thread's, which may have freed it already. */
    int error = thread_start(job_main, job);
    if (error == 0) return promise;
    fail_with(job, error, "pthread_create", "");
  }
  job_finish(job);
  return promise;
}

void job_finish (struct job *job)
{
  struct home *home = job->home;
  job->next = NULL;
  pthread_mutex_lock(&home->lock);
  bool alive = home->alive;
  if (alive) {
    bool asleep = home->done == NULL;
    *home->done_end = job;
    home->done_end = &job->next;
    if (asleep) napi_call_threadsafe_function(home->wake, NULL, napi_tsfn_nonblocking);
  }
  pthread_mutex_unlock(&home->lock);
  if (!alive) drop(job, false);
}

bool fail_with (struct job *job, int errnum, const char *syscall, const char *object)
{
  job->failure.errnum = errnum;
  job->failure.syscall = syscall;
  job->failure.index = -1;
  strncpy(job->failure.object, object, sizeof job->failure.object - 1);
  return false;
}

bool fail (struct job *job, const char *syscall, const char *object)
{
  return fail_with(job, errno, syscall, object);
}

bool enter (struct job *job, int netns)
{
  if (netns < 0) return true;
  return setns(netns, CLONE_NEWNET) == 0 || fail(job, "setns", "network namespace");
}
