/* flock(2): a lock that the kernel gives back when its holder dies, however it dies. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shims.h"

struct locking { struct job job; char *path, *sign; int fd; bool unlink; };

static void drop_locking (struct job *job, bool delivered)
{
  struct locking *locking = (struct locking *)job;
  if (delivered) own_fd(job, locking->fd);
  else close_fd(&locking->fd);
  free(locking->path);
  free(locking->sign);
  free(locking);
}

static bool same_file (int fd, const char *path)
{
  struct stat held, named;
  return fstat(fd, &held) == 0 && lstat(path, &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

/* For whoever waits in vain. The lock is ours without it, so a full disk is no reason to give it back: they are told "another process". */
static void sign (const struct locking *locking)
{
  if (locking->sign == NULL || ftruncate(locking->fd, 0) != 0) return;
  if (write(locking->fd, locking->sign, strlen(locking->sign)) < 0) { /* as said */ }
}

/*
 * The holder unlinks the file and then unlocks it, so the lock that we get may be on a file that has lost its name,
 * while somebody else locks the new file of that name. Then try again; each turn means that somebody was done.
 */
static void work_try (struct job *job)
{
  struct locking *locking = (struct locking *)job;
  for (;;) {
    locking->fd = open(locking->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (locking->fd < 0) { fail(job, "open", locking->path); return; }
    if (flock(locking->fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) fail(job, "flock", locking->path);
      close_fd(&locking->fd);
      return;
    }
    if (same_file(locking->fd, locking->path)) { sign(locking); return; }
    close_fd(&locking->fd);
  }
}

static napi_value result_try (napi_env env, struct job *job)
{
  struct locking *locking = (struct locking *)job;
  napi_value null;
  if (locking->fd >= 0) return make_int(env, locking->fd);
  return napi_get_null(env, &null) == napi_ok ? null : NULL;
}

static void work_release (struct job *job)
{
  struct locking *locking = (struct locking *)job;
  if (locking->unlink && same_file(locking->fd, locking->path) && unlink(locking->path) != 0) fail(job, "unlink", locking->path);
  close_fd(&locking->fd);
}

napi_value lock_try (napi_env env, napi_callback_info info)
{
  napi_value values[2];
  napi_valuetype type;
  char *path, *text = NULL;
  if (!arguments(env, info, 2, values) || napi_typeof(env, values[1], &type) != napi_ok) return NULL;
  if ((type != napi_null && (text = as_string(env, values[1], "sign")) == NULL) || (path = as_string(env, values[0], "path")) == NULL) { free(text); return NULL; }
  struct locking *locking = calloc(1, sizeof *locking);
  if (locking == NULL) { free(path); free(text); return throw_errno(env, ENOMEM, "malloc", "lock"); }
  *locking = (struct locking){ .job = { .work = work_try, .result = result_try, .drop = drop_locking }, .path = path, .sign = text, .fd = -1 };
  return job_start(env, &locking->job);
}

napi_value lock_release (napi_env env, napi_callback_info info)
{
  napi_value values[3];
  int fd;
  bool remove;
  char *path;
  if (!arguments(env, info, 3, values) || !as_int(env, values[0], "fd", &fd) || !as_bool(env, values[2], "unlink", &remove)
      || (path = as_string(env, values[1], "path")) == NULL) return NULL;
  struct locking *locking = calloc(1, sizeof *locking);
  if (locking == NULL) { free(path); return throw_errno(env, ENOMEM, "malloc", "lock"); }
  forget_fd(env, fd);
  *locking = (struct locking){ .job = { .work = work_release, .drop = drop_locking }, .path = path, .fd = fd, .unlink = remove };
  return job_start(env, &locking->job);
}
