/* A list of changes to files, one after another on one thread: directories made, files written whole, files removed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shims.h"

enum kind { DIRECTORY, FILE_WHOLE, NOTHING };

struct change {
  enum kind kind;
  char *path, *data;
  size_t length;
  int mode, group;
  bool durable;
};

struct editing {
  struct job job;
  size_t count;
  struct change *changes;
};

static void drop_editing (struct job *job, bool delivered)
{
  struct editing *editing = (struct editing *)job;
  (void)delivered;
  for (size_t i = 0; editing->changes != NULL && i < editing->count; i++) {
    free(editing->changes[i].path);
    free(editing->changes[i].data);
  }
  free(editing->changes);
  free(editing);
}

static bool fail_at (struct editing *editing, const char *syscall, const struct change *change)
{
  fail(&editing->job, syscall, change->path);
  editing->job.failure.index = (int)(change - editing->changes);
  return false;
}

/* `mkdir -m`; one that is there gets the group and the mode only where a group is asked for. */
static bool make_directory (struct editing *editing, const struct change *change)
{
  bool made = mkdir(change->path, (mode_t)change->mode) == 0;
  if (!made && errno != EEXIST) return fail_at(editing, "mkdir", change);
  if (change->group >= 0 && chown(change->path, (uid_t)-1, (gid_t)change->group) != 0) return fail_at(editing, "chown", change);
  if ((made || change->group >= 0) && chmod(change->path, (mode_t)change->mode) != 0) return fail_at(editing, "chmod", change);
  return true;
}

static bool fill (struct editing *editing, const struct change *change, int fd)
{
  for (size_t at = 0; at < change->length;) {
    ssize_t put = write(fd, change->data + at, change->length - at);
    if (put == 0) errno = EIO;
    if (put <= 0) return fail_at(editing, "write", change);
    at += (size_t)put;
  }
  if (change->group >= 0 && fchown(fd, (uid_t)-1, (gid_t)change->group) != 0) return fail_at(editing, "fchown", change);
  if (fchmod(fd, (mode_t)change->mode) != 0) return fail_at(editing, "fchmod", change); /* whatever the umask says */
  return !change->durable || fsync(fd) == 0 || fail_at(editing, "fsync", change);
}

/* The name is one that src/engine/files.ts takes for a temp file of ours. */
static bool temporary_name (struct editing *editing, const struct change *change, char **out)
{
  unsigned char random[6];
  if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) return fail_at(editing, "getrandom", change);
  if (asprintf(out, "%s.%02x%02x%02x%02x%02x%02x.new", change->path, random[0], random[1], random[2], random[3], random[4], random[5]) >= 0) return true;
  *out = NULL;
  errno = ENOMEM;
  return fail_at(editing, "malloc", change);
}

/* A reader sees the old content or the new, never a part. */
static bool write_whole (struct editing *editing, const struct change *change)
{
  char *temporary;
  if (!temporary_name(editing, change, &temporary)) return false;
  int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, (mode_t)change->mode);
  bool done = fd >= 0 || fail_at(editing, "open", change);
  if (fd >= 0) {
    done = fill(editing, change, fd);
    /* Some file systems tell only now that there is no room. */
    if (close(fd) != 0 && done) done = fail_at(editing, "close", change);
    if (done && rename(temporary, change->path) != 0) done = fail_at(editing, "rename", change);
    if (!done) unlink(temporary);
  }
  free(temporary);
  return done;
}

static size_t directory_length (const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash == NULL ? 0 : (size_t)(slash - path);
}

/* A rename survives a power cut from here on. */
static bool sync_directory (struct editing *editing, const struct change *change)
{
  size_t length = directory_length(change->path);
  char *directory = length == 0 ? strdup(*change->path == '/' ? "/" : ".") : strndup(change->path, length);
  int fd = directory == NULL ? -1 : open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool done = fd >= 0 && fsync(fd) == 0;
  if (!done) fail_at(editing, fd < 0 ? "open" : "fsync", change);
  close_fd(&fd);
  free(directory);
  return done;
}

/* Several durable files in a row in one directory: it is synced once. */
static bool last_of_row (const struct editing *editing, const struct change *change)
{
  const struct change *next = change + 1;
  if (next == editing->changes + editing->count || next->kind != FILE_WHOLE || !next->durable) return true;
  size_t length = directory_length(change->path);
  return directory_length(next->path) != length || strncmp(change->path, next->path, length) != 0;
}

static void work_edit (struct job *job)
{
  struct editing *editing = (struct editing *)job;
  for (size_t i = 0; i < editing->count; i++) {
    const struct change *change = &editing->changes[i];
    switch (change->kind) {
      case DIRECTORY: if (!make_directory(editing, change)) return; break;
      case FILE_WHOLE:
        if (!write_whole(editing, change) || (change->durable && last_of_row(editing, change) && !sync_directory(editing, change))) return;
        break;
      case NOTHING: if (unlink(change->path) != 0 && errno != ENOENT) { fail_at(editing, "unlink", change); return; } break;
    }
  }
}

/* A text, as UTF-8, or bytes. */
static bool content_of (napi_env env, napi_value value, struct change *change)
{
  napi_valuetype type;
  napi_typedarray_type kind;
  void *data;
  if (napi_typeof(env, value, &type) == napi_ok && type == napi_string) {
    if ((change->data = as_string(env, value, "data")) == NULL) return false;
    change->length = strlen(change->data);
    return true;
  }
  if (napi_get_typedarray_info(env, value, &kind, &change->length, &data, NULL, NULL) != napi_ok || kind != napi_uint8_array) { throw_type(env, "data must be a string or a Uint8Array"); return false; }
  if ((change->data = malloc(change->length + 1)) == NULL) { throw_errno(env, ENOMEM, "malloc", "data"); return false; }
  memcpy(change->data, data, change->length);
  return true;
}

static bool change_of (napi_env env, napi_value item, struct change *change)
{
  napi_value value;
  if (napi_get_named_property(env, item, "kind", &value) != napi_ok) return false;
  char *kind = as_string(env, value, "kind");
  if (kind == NULL) return false;
  bool none = strcmp(kind, "none") == 0, file = strcmp(kind, "file") == 0, known = none || file || strcmp(kind, "directory") == 0;
  change->kind = none ? NOTHING : file ? FILE_WHOLE : DIRECTORY;
  free(kind);
  if (!known) { throw_type(env, "kind must be directory, file or none"); return false; }
  if (napi_get_named_property(env, item, "path", &value) != napi_ok || (change->path = as_string(env, value, "path")) == NULL) return false;
  if (none) return true;
  if (!int_of(env, item, "mode", &change->mode) || !int_of(env, item, "group", &change->group)) return false;
  if (!file) return true;
  return napi_get_named_property(env, item, "data", &value) == napi_ok && content_of(env, value, change) && bool_of(env, item, "durable", &change->durable);
}

napi_value files_edit (napi_env env, napi_callback_info info)
{
  napi_value values[1], item;
  uint32_t count;
  if (!arguments(env, info, 1, values)) return NULL;
  if (napi_get_array_length(env, values[0], &count) != napi_ok || count == 0) return throw_type(env, "changes must be an array of at least one");
  struct editing *editing = calloc(1, sizeof *editing);
  if (editing != NULL) editing->changes = calloc((size_t)count + 1, sizeof *editing->changes);
  if (editing == NULL || editing->changes == NULL) { free(editing); return throw_errno(env, ENOMEM, "malloc", "changes"); }
  editing->count = count;
  editing->job.work = work_edit;
  editing->job.drop = drop_editing;
  for (uint32_t i = 0; i < count; i++) {
    if (napi_get_element(env, values[0], i, &item) == napi_ok && change_of(env, item, &editing->changes[i])) continue;
    drop_editing(&editing->job, false);
    return throw_type(env, "invalid change");
  }
  return job_start(env, &editing->job);
}
