/* A list of changes to files, one after another on one thread: directories made and removed, files written, moved and removed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shims.h"

enum kind { DIRECTORY, FILE_WHOLE, BEGINNING, ROOM, MOVED, NOTHING, EMPTY };

struct change {
  enum kind kind;
  char *path, *data; /* where it is MOVED to, `data` says */
  size_t length;
  int mode, group, levels, size;
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
  struct stat status;
  bool made = mkdir(change->path, (mode_t)change->mode) == 0;
  if (!made && errno == EEXIST && stat(change->path, &status) == 0) errno = S_ISDIR(status.st_mode) ? 0 : EEXIST;
  if (!made && errno != 0) return fail_at(editing, "mkdir", change); /* ENOENT: gone meanwhile */
  if (change->group >= 0 && chown(change->path, (uid_t)-1, (gid_t)change->group) != 0) return fail_at(editing, "chown", change);
  if ((made || change->group >= 0) && chmod(change->path, (mode_t)change->mode) != 0) return fail_at(editing, "chmod", change);
  return true;
}

static bool put (struct editing *editing, const struct change *change, int fd)
{
  for (size_t at = 0; at < change->length;) {
    ssize_t written = write(fd, change->data + at, change->length - at);
    if (written == 0) errno = EIO;
    if (written <= 0) return fail_at(editing, "write", change);
    at += (size_t)written;
  }
  return true;
}

static bool fill (struct editing *editing, const struct change *change, int fd)
{
  if (!put(editing, change, fd)) return false;
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

/* What is longer stays as it is behind that. */
static bool write_beginning (struct editing *editing, const struct change *change)
{
  int fd = open(change->path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT || fail_at(editing, "open", change);
  bool done = put(editing, change, fd);
  close_fd(&fd);
  return done;
}

/* Where the file system cannot promise room (ramfs, some of the network), bytes are written. */
static bool fill_room (struct editing *editing, const struct change *change, int fd)
{
  char *zeros = calloc(1, (size_t)change->size);
  if (zeros == NULL) { errno = ENOMEM; return fail_at(editing, "malloc", change); }
  struct change written = *change;
  written.data = zeros;
  written.length = (size_t)change->size;
  bool done = put(editing, &written, fd);
  free(zeros);
  if (!done) editing->job.failure.index = (int)(change - editing->changes);
  return done;
}

/* Nobody reads it, so it may be half made. */
static bool keep_room (struct editing *editing, const struct change *change)
{
  int fd = open(change->path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return fail_at(editing, "open", change);
  bool done = fallocate(fd, 0, 0, change->size) == 0;
  if (!done) done = errno == EOPNOTSUPP || errno == ENOSYS ? fill_room(editing, change, fd) : fail_at(editing, "fallocate", change);
  close_fd(&fd);
  return done;
}

/* Upwards, as long as they are empty. */
static bool remove_empty (struct editing *editing, const struct change *change)
{
  for (int level = 0; level < change->levels && *change->path != '\0'; level++) {
    if (rmdir(change->path) != 0) {
      if (errno == ENOTEMPTY || errno == EEXIST || errno == EBUSY) return true;
      if (errno != ENOENT) return fail_at(editing, "rmdir", change);
    }
    change->path[directory_length(change->path)] = '\0';
  }
  return true;
}

static bool make_change (struct editing *editing, const struct change *change)
{
  switch (change->kind) {
    case DIRECTORY: return make_directory(editing, change);
    case FILE_WHOLE: return write_whole(editing, change) && (!change->durable || !last_of_row(editing, change) || sync_directory(editing, change));
    case BEGINNING: return write_beginning(editing, change);
    case ROOM: return keep_room(editing, change);
    case MOVED: return rename(change->path, change->data) == 0 || fail_at(editing, "rename", change);
    case NOTHING: return unlink(change->path) == 0 || errno == ENOENT || fail_at(editing, "unlink", change);
    case EMPTY: return remove_empty(editing, change);
  }
  return true;
}

static void work_edit (struct job *job)
{
  struct editing *editing = (struct editing *)job;
  for (size_t i = 0; i < editing->count; i++) if (!make_change(editing, &editing->changes[i])) return;
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

/* As src/netlink/native.ts says them. */
static const struct { const char *name; enum kind kind; } kinds[] = {
  { "directory", DIRECTORY }, { "file", FILE_WHOLE }, { "beginning", BEGINNING }, { "room", ROOM }, { "moved", MOVED }, { "none", NOTHING }, { "empty", EMPTY },
};

static bool kind_of (napi_env env, napi_value item, enum kind *out)
{
  napi_value value;
  if (napi_get_named_property(env, item, "kind", &value) != napi_ok) return false;
  char *name = as_string(env, value, "kind");
  if (name == NULL) return false;
  size_t i = 0;
  while (i < sizeof kinds / sizeof *kinds && strcmp(kinds[i].name, name) != 0) i++;
  free(name);
  if (i == sizeof kinds / sizeof *kinds) { throw_type(env, "kind must be directory, file, beginning, room, moved, none or empty"); return false; }
  *out = kinds[i].kind;
  return true;
}

static bool text_of (napi_env env, napi_value item, const char *name, char **out)
{
  napi_value value;
  return napi_get_named_property(env, item, name, &value) == napi_ok && (*out = as_string(env, value, name)) != NULL;
}

static bool data_of (napi_env env, napi_value item, struct change *change)
{
  napi_value value;
  return napi_get_named_property(env, item, "data", &value) == napi_ok && content_of(env, value, change);
}

static bool change_of (napi_env env, napi_value item, struct change *change)
{
  change->group = -1;
  if (!kind_of(env, item, &change->kind) || !text_of(env, item, "path", &change->path)) return false;
  switch (change->kind) {
    case NOTHING: return true;
    case EMPTY: return int_of(env, item, "levels", &change->levels);
    case ROOM: return int_of(env, item, "size", &change->size);
    case MOVED: return text_of(env, item, "to", &change->data);
    case BEGINNING: return data_of(env, item, change);
    case DIRECTORY: return int_of(env, item, "mode", &change->mode) && int_of(env, item, "group", &change->group);
    case FILE_WHOLE: return int_of(env, item, "mode", &change->mode) && int_of(env, item, "group", &change->group) && data_of(env, item, change) && bool_of(env, item, "durable", &change->durable);
  }
  return false;
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
