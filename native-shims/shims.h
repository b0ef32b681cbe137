/*
 * What the files of the addon share. One job a file; thinking stays in TypeScript.
 *
 * Threads: JavaScript calls arrive on the event loop's thread of their environment (the main one or a worker's).
 * Work runs on threads of ours, made for it and ended with it, so one that changed its namespace is never used again.
 * A finished job goes to its environment's list of done jobs, and the environment is woken to settle the promise.
 */
#ifndef NETWRIGHT_SHIMS_H
#define NETWRIGHT_SHIMS_H

#include <node_api.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a job failed; `errnum` 0 means that it did not. */
struct failure {
  int errnum;
  const char *syscall; /* a literal */
  char object[160];    /* what it was about, may be cut */
  int index;           /* which of several paths, -1: not one of several */
};

struct home;

/* One promise. Embedded as the first member of what each kind of work needs to know. */
struct job {
  struct job *next;
  struct home *home;
  napi_deferred deferred;
  bool ref;                                               /* keeps the event loop alive until settled */
  void (*work)(struct job *job);                          /* on a thread of ours */
  napi_value (*result)(napi_env env, struct job *job);    /* on the event loop; NULL: undefined */
  void (*drop)(struct job *job, bool delivered);          /* frees the job; closes what was made where nobody received it */
  struct failure failure;
};

/* job.c */
bool home_make (napi_env env);
/* Makes the promise; from here on the job belongs to the machinery. NULL: an exception is pending and the job is dropped. */
napi_value job_begin (napi_env env, struct job *job, bool ref);
/* job_begin, then `work` on a thread of its own. */
napi_value job_start (napi_env env, struct job *job);
/* A detached thread with all signals blocked. Returns an errno. */
int thread_start (void *(*main)(void *), void *argument);
/* From any thread, once: the job is settled or, where its environment is gone, dropped. */
void job_finish (struct job *job);
/* Records the current errno; always returns false, so that `return fail(...)` reads well. */
bool fail (struct job *job, const char *syscall, const char *object);
bool fail_with (struct job *job, int errnum, const char *syscall, const char *object);
/* From a job's drop, where JavaScript has received this descriptor: it is closed with its environment (a worker may be terminated at any moment), unless JavaScript closes it before. */
void own_fd (struct job *job, int fd);
/* JavaScript closes it: the number is soon another file's. */
void forget_fd (napi_env env, int fd);
/* Moves the calling thread into `netns`; -1 is where it is already. */
bool enter (struct job *job, int netns);

/* value.c: arguments in, values out. The as_* functions leave a TypeError pending where they return false or NULL. */
bool arguments (napi_env env, napi_callback_info info, size_t count, napi_value *values);
bool as_int (napi_env env, napi_value value, const char *what, int *out);
bool as_bool (napi_env env, napi_value value, const char *what, bool *out);
char *as_string (napi_env env, napi_value value, const char *what);
/* A NULL-terminated list, to be freed with free_strings. */
char **as_strings (napi_env env, napi_value value, const char *what, size_t *count);
void free_strings (char **strings);
/* A private copy of a namespace's descriptor, so that the caller may close his at once. -1 stays -1; false where dup fails. */
bool as_netns (napi_env env, napi_value value, int *out);
bool int_of (napi_env env, napi_value object, const char *name, int *out);
bool bool_of (napi_env env, napi_value object, const char *name, bool *out);
napi_value throw_type (napi_env env, const char *text);
napi_value throw_errno (napi_env env, int errnum, const char *syscall, const char *object);
napi_value make_error (napi_env env, const struct failure *failure);
napi_value make_int (napi_env env, int64_t value);
napi_value make_ints (napi_env env, const int *values, int count);
napi_value make_string (napi_env env, const char *text);
napi_value make_bigint (napi_env env, uint64_t value);
napi_value make_object (napi_env env);
void set (napi_env env, napi_value object, const char *name, napi_value value);
void close_fd (int *fd);

/* waiter.c: a child whose end nobody asks for is reaped all the same, and `pidfd` closed then; false where that is impossible. */
bool reap_later (int pidfd);

/* tap_look.c: whether the link `ifindex` is a persistent TAP of that name: its flags as TUNSETIFF takes them, or -1 with errno (ESTALE: it is not). */
int tap_look (const char *name, int ifindex);

/* sieve.c: which messages of a dump are kept. */
struct sieve { uint8_t *data; size_t length; };
/* Undefined, or bytes as src/netlink/sieve.ts makes them, of which it takes a copy; false: a TypeError is pending. */
bool as_sieve (napi_env env, napi_value value, struct sieve *out);
/* Moves what is kept together, at the beginning; returns its length. */
size_t sieve_messages (const struct sieve *sieve, char *data, size_t length);

/* One function for each name in module.c's table; what it does is said in src/netlink/native.ts. */
napi_value channel_open (napi_env env, napi_callback_info info);
napi_value channel_exchange (napi_env env, napi_callback_info info);
napi_value channel_close (napi_env env, napi_callback_info info);
napi_value ear_open (napi_env env, napi_callback_info info);
napi_value ear_hear (napi_env env, napi_callback_info info);
napi_value ear_close (napi_env env, napi_callback_info info);
napi_value tap_create (napi_env env, napi_callback_info info);
napi_value taps_create (napi_env env, napi_callback_info info);
napi_value tap_open (napi_env env, napi_callback_info info);
napi_value tap_delete (napi_env env, napi_callback_info info);
napi_value tap_renew (napi_env env, napi_callback_info info);
napi_value tap_keep (napi_env env, napi_callback_info info);
napi_value netns_open (napi_env env, napi_callback_info info);
napi_value netns_create (napi_env env, napi_callback_info info);
napi_value netns_delete (napi_env env, napi_callback_info info);
napi_value netns_unnamed (napi_env env, napi_callback_info info);
napi_value netns_name (napi_env env, napi_callback_info info);
napi_value netns_run (napi_env env, napi_callback_info info);
napi_value netns_ifindex (napi_env env, napi_callback_info info);
napi_value process_spawn (napi_env env, napi_callback_info info);
napi_value process_open (napi_env env, napi_callback_info info);
napi_value process_open_thread (napi_env env, napi_callback_info info);
napi_value process_wait (napi_env env, napi_callback_info info);
napi_value process_log (napi_env env, napi_callback_info info);
napi_value process_signal (napi_env env, napi_callback_info info);
napi_value process_capabilities (napi_env env, napi_callback_info info);
napi_value process_thread (napi_env env, napi_callback_info info);
napi_value lock_try (napi_env env, napi_callback_info info);
napi_value lock_release (napi_env env, napi_callback_info info);
napi_value files_read (napi_env env, napi_callback_info info);
napi_value files_look (napi_env env, napi_callback_info info);
napi_value files_write (napi_env env, napi_callback_info info);
napi_value files_edit (napi_env env, napi_callback_info info);
napi_value file_close (napi_env env, napi_callback_info info);
napi_value file_close_async (napi_env env, napi_callback_info info);
napi_value device_open (napi_env env, napi_callback_info info);
napi_value macvtap_open (napi_env env, napi_callback_info info);
napi_value fds_send (napi_env env, napi_callback_info info);
napi_value waker_open (napi_env env, napi_callback_info info);
napi_value waker_wake (napi_env env, napi_callback_info info);
napi_value socket_tame (napi_env env, napi_callback_info info);
napi_value socket_drops (napi_env env, napi_callback_info info);
napi_value letterbox_open (napi_env env, napi_callback_info info);
napi_value letterbox_take (napi_env env, napi_callback_info info);
napi_value letterbox_close (napi_env env, napi_callback_info info);

#endif
