/* Processes: started without holding up the event loop, signalled by pidfd. Waiting for them is in waiter.c. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shims.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4u
#endif
#define STACK_SIZE (64 * 1024)

struct spawning {
  struct job job;
  int netns, fds[3], pidfd;
  pid_t pid;
  bool new_session;
  char *file, *directory, *log, **args, **env;
  int64_t log_size; /* before the start */
  char status[1024];
};

/* --- starting --- */

static void drop_spawning (struct job *job, bool delivered)
{
  struct spawning *spawning = (struct spawning *)job;
  if (delivered) own_fd(job, spawning->pidfd);
  else if (spawning->pidfd >= 0) {
    /* Its worker ended meanwhile. The program runs on, as its others do; it must not become a zombie when it ends. */
    if (!reap_later(spawning->pidfd)) close_fd(&spawning->pidfd);
  }
  close_fd(&spawning->netns);
  for (int i = 0; i < 3; i++) close_fd(&spawning->fds[i]);
  free(spawning->file);
  free(spawning->directory);
  free(spawning->log);
  free_strings(spawning->args);
  free_strings(spawning->env);
  free(spawning);
}

/* The child, in its parent's memory but with descriptors and signal handlers of its own, while the parent's thread stands still. */
static int child_main (void *argument)
{
  struct spawning *spawning = argument;
  struct sigaction standard = { .sa_handler = SIG_DFL };
  sigset_t none;
  for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
  sigemptyset(&none);
  /* All three are copies above 2, so none is overwritten before it is used. */
  for (int i = 0; i < 3; i++) if (dup2(spawning->fds[i], i) < 0) { fail(&spawning->job, "dup2", spawning->file); _exit(127); }
  /* Ours are CLOEXEC; those of other addons, or inherited by node, may not be. Kernels before 5.11 know no such flag. */
  if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) != 0) for (int fd = 3; fd < 4096; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
  if (spawning->new_session && setsid() < 0) { fail(&spawning->job, "setsid", spawning->file); _exit(127); }
  if (*spawning->directory != '\0' && chdir(spawning->directory) != 0) { fail(&spawning->job, "chdir", spawning->directory); _exit(127); }
  sigprocmask(SIG_SETMASK, &none, NULL);
  execve(spawning->file, spawning->args, spawning->env);
  fail(&spawning->job, "execve", spawning->file);
  _exit(127);
}

/* Its standard output and error: a file that outlives us, made where it is not there, never through a symbolic link. */
static bool open_log (struct spawning *spawning)
{
  struct stat status;
  if (spawning->log == NULL) return true;
  int fd = open(spawning->log, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 || fstat(fd, &status) != 0) { fail(&spawning->job, fd < 0 ? "open" : "fstat", spawning->log); close_fd(&fd); return false; }
  spawning->log_size = status.st_size;
  for (int i = 1; i < 3; i++) if ((spawning->fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0) fail(&spawning->job, "fcntl", spawning->log);
  close_fd(&fd);
  return spawning->job.failure.errnum == 0;
}

/* Not reaped yet, so the number is still its own. Without it the caller looks himself. */
static void read_status (struct spawning *spawning)
{
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)spawning->pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? -1 : read(fd, spawning->status, sizeof spawning->status - 1);
  spawning->status[got < 0 ? 0 : got] = '\0';
  close_fd(&fd);
}

static void work_spawn (struct job *job)
{
  struct spawning *spawning = (struct spawning *)job;
  if (!enter(job, spawning->netns) || !open_log(spawning)) return;
  for (int i = 0; i < 3; i++) {
    if (spawning->fds[i] >= 0) continue;
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    spawning->fds[i] = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (spawning->fds[i] < 0) { fail(job, "open", "/dev/null"); close_fd(&fd); return; }
    close_fd(&fd);
  }
  /* Of this thread, which stands still until the child executes: made anew it would cost every thread of the process an interrupt. */
  char stack[STACK_SIZE] __attribute__((aligned(16)));
  /* The pidfd comes with the child, so no other process can have taken its number in between. */
  int pid = clone(child_main, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, spawning, &spawning->pidfd);
  if (pid < 0) { spawning->pidfd = -1; fail(job, "clone", spawning->file); }
  else spawning->pid = pid;
  if (pid > 0 && job->failure.errnum != 0) {
    waitpid(pid, NULL, 0);
    close_fd(&spawning->pidfd);
  } else if (pid > 0) read_status(spawning);
}

static napi_value result_spawn (napi_env env, struct job *job)
{
  struct spawning *spawning = (struct spawning *)job;
  napi_value object = make_object(env);
  set(env, object, "pid", make_int(env, spawning->pid));
  set(env, object, "pidfd", make_int(env, spawning->pidfd));
  set(env, object, "logSize", make_int(env, spawning->log_size));
  set(env, object, "status", make_string(env, spawning->status));
  return object;
}

/* Private copies, so that the caller may close his at once. */
static bool copy_fds (napi_env env, napi_value list, struct spawning *spawning)
{
  uint32_t length;
  napi_value item;
  if (napi_get_array_length(env, list, &length) != napi_ok || length != 3) { throw_type(env, "fds must be three descriptors"); return false; }
  for (uint32_t i = 0; i < 3; i++) {
    int fd;
    if (napi_get_element(env, list, i, &item) != napi_ok || !as_int(env, item, "fds", &fd)) return false;
    if (fd >= 0 && (spawning->fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0) { throw_errno(env, errno, "fcntl", "fds"); return false; }
  }
  return true;
}

/* argv, with the program's own path first. */
static bool copy_args (napi_env env, napi_value list, struct spawning *spawning)
{
  size_t count;
  char **args = as_strings(env, list, "args", &count), **all = args == NULL ? NULL : realloc(args, (count + 2) * sizeof *args), *first;
  if (all == NULL) { free_strings(args); return false; }
  spawning->args = all;
  if ((first = strdup(spawning->file)) == NULL) return false;
  memmove(all + 1, all, (count + 1) * sizeof *all);
  all[0] = first;
  return true;
}

/* Stays NULL where none is asked for. */
static bool log_of (napi_env env, napi_value options, char **out)
{
  napi_value value;
  napi_valuetype type;
  if (napi_get_named_property(env, options, "log", &value) != napi_ok || napi_typeof(env, value, &type) != napi_ok) return false;
  return type == napi_undefined || (*out = as_string(env, value, "log")) != NULL;
}

napi_value process_spawn (napi_env env, napi_callback_info info)
{
  napi_value values[6], directory;
  if (!arguments(env, info, 6, values)) return NULL;
  struct spawning *spawning = calloc(1, sizeof *spawning);
  if (spawning == NULL) return throw_errno(env, ENOMEM, "malloc", "process");
  *spawning = (struct spawning){ .job = { .work = work_spawn, .result = result_spawn, .drop = drop_spawning }, .netns = -1, .fds = { -1, -1, -1 }, .pidfd = -1 };
  if ((spawning->file = as_string(env, values[1], "file")) != NULL && copy_args(env, values[2], spawning)
      && (spawning->env = as_strings(env, values[3], "env", NULL)) != NULL && copy_fds(env, values[4], spawning)
      && bool_of(env, values[5], "newSession", &spawning->new_session) && napi_get_named_property(env, values[5], "directory", &directory) == napi_ok
      && (spawning->directory = as_string(env, directory, "directory")) != NULL && log_of(env, values[5], &spawning->log) && as_netns(env, values[0], &spawning->netns)) {
    return job_start(env, &spawning->job);
  }
  spawning->netns = -1;
  drop_spawning(&spawning->job, false);
  return throw_type(env, "invalid arguments");
}

/* --- processes that are there --- */

struct finding { struct job job; pid_t pid; unsigned flags; int pidfd; };

static void work_find (struct job *job)
{
  struct finding *finding = (struct finding *)job;
  finding->pidfd = (int)syscall(SYS_pidfd_open, finding->pid, finding->flags);
  if (finding->pidfd < 0) fail(job, "pidfd_open", "");
}

static napi_value result_find (napi_env env, struct job *job)
{
  return make_int(env, ((struct finding *)job)->pidfd);
}

static void drop_finding (struct job *job, bool delivered)
{
  if (delivered) own_fd(job, ((struct finding *)job)->pidfd);
  else close_fd(&((struct finding *)job)->pidfd);
  free(job);
}

napi_value process_open (napi_env env, napi_callback_info info)
{
  napi_value values[1];
  int pid;
  if (!arguments(env, info, 1, values) || !as_int(env, values[0], "pid", &pid)) return NULL;
  struct finding *finding = calloc(1, sizeof *finding);
  if (finding == NULL) return throw_errno(env, ENOMEM, "malloc", "process");
  *finding = (struct finding){ .job = { .work = work_find, .result = result_find, .drop = drop_finding }, .pid = pid, .pidfd = -1 };
  return job_start(env, &finding->job);
}

napi_value process_open_thread (napi_env env, napi_callback_info info)
{
  (void)info;
  struct finding *finding = calloc(1, sizeof *finding);
  if (finding == NULL) return throw_errno(env, ENOMEM, "malloc", "process");
  *finding = (struct finding){ .job = { .work = work_find, .result = result_find, .drop = drop_finding }, .pid = (pid_t)syscall(SYS_gettid), .flags = PIDFD_THREAD, .pidfd = -1 };
  return job_start(env, &finding->job);
}

napi_value process_signal (napi_env env, napi_callback_info info)
{
  napi_value values[2];
  int pidfd, number;
  if (!arguments(env, info, 2, values) || !as_int(env, values[0], "pidfd", &pidfd) || !as_int(env, values[1], "signal", &number)) return NULL;
  if (syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0) != 0) return throw_errno(env, errno, "pidfd_send_signal", "");
  return NULL;
}

napi_value process_capabilities (napi_env env, napi_callback_info info)
{
  (void)info;
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3, .pid = 0 };
  struct __user_cap_data_struct data[2] = { 0 };
  if (syscall(SYS_capget, &header, data) != 0) return throw_errno(env, errno, "capget", "");
  return make_bigint(env, (uint64_t)data[1].effective << 32 | data[0].effective);
}

napi_value process_thread (napi_env env, napi_callback_info info)
{
  (void)info;
  return make_int(env, (int64_t)syscall(SYS_gettid));
}
