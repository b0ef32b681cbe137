/* Small files in a given namespace, what directories hold, and descriptors closed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shims.h"

/* `data` NULL: no such file. Of a directory, `names` of them, each with its NUL. */
struct content { char *data; size_t length, names; bool directory; };

struct files {
  struct job job;
  int netns;
  bool look; /* a directory is no mistake */
  size_t count, limit;
  char **paths;
  struct content *contents;
};

static void drop_files (struct job *job, bool delivered)
{
  struct files *files = (struct files *)job;
  (void)delivered;
  close_fd(&files->netns);
  for (size_t i = 0; files->contents != NULL && i < files->count; i++) free(files->contents[i].data);
  free(files->contents);
  free_strings(files->paths);
  free(files);
}

static bool fail_at (struct files *files, const char *syscall, size_t index)
{
  fail(&files->job, syscall, files->paths[index]);
  files->job.failure.index = (int)index;
  return false;
}

/*
 * /proc/sys/net shows the namespace of the thread that looks. /proc/net does not: it is self/net, and self is the main
 * thread; thread-self is meant.
 */
static int open_here (const char *path, int flags)
{
  char here[4096];
  if (strncmp(path, "/proc/net/", 10) != 0) return open(path, flags | O_CLOEXEC);
  if (snprintf(here, sizeof here, "/proc/thread-self/net/%s", path + 10) >= (int)sizeof here) { errno = ENAMETOOLONG; return -1; }
  return open(here, flags | O_CLOEXEC);
}

static bool read_open (struct files *files, size_t index, int fd)
{
  struct content *content = &files->contents[index];
  size_t room = 0;
  for (;;) {
    if (content->length == room) {
      char *data = realloc(content->data, room = room == 0 ? 4096 : room * 2);
      if (data == NULL) { errno = ENOMEM; return fail_at(files, "malloc", index); }
      content->data = data;
    }
    size_t want = room - content->length;
    if (want > files->limit - content->length) want = files->limit - content->length;
    ssize_t got = want == 0 ? 0 : read(fd, content->data + content->length, want);
    if (got < 0) return fail_at(files, "read", index);
    if (got == 0) return true;
    content->length += (size_t)got;
  }
}

static bool add_name (struct content *content, const char *name, size_t *room)
{
  size_t length = strlen(name) + 1;
  if (content->data == NULL || content->length + length > *room) {
    char *data = realloc(content->data, *room = *room * 2 + length);
    if (data == NULL) return false;
    content->data = data;
  }
  memcpy(content->data + content->length, name, length);
  content->length += length;
  content->names++;
  return true;
}

/* Takes the descriptor. */
static bool read_directory (struct files *files, size_t index, int *fd)
{
  struct content *content = &files->contents[index];
  size_t room = 1024;
  DIR *directory = fdopendir(*fd);
  if (directory == NULL) return fail_at(files, "fdopendir", index);
  *fd = -1;
  content->directory = true;
  content->data = malloc(room);
  bool done = content->data != NULL;
  while (done) {
    errno = 0;
    struct dirent *entry = readdir(directory);
    if (entry == NULL) break;
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) done = add_name(content, entry->d_name, &room);
  }
  if (!done) errno = ENOMEM;
  if (errno != 0) done = fail_at(files, "readdir", index);
  closedir(directory);
  return done;
}

static bool look_open (struct files *files, size_t index, int *fd)
{
  struct stat status;
  if (fstat(*fd, &status) != 0) return fail_at(files, "fstat", index);
  return S_ISDIR(status.st_mode) ? read_directory(files, index, fd) : read_open(files, index, *fd);
}

static void work_read (struct job *job)
{
  struct files *files = (struct files *)job;
  if (!enter(job, files->netns)) return;
  for (size_t i = 0; i < files->count; i++) {
    int fd = open_here(files->paths[i], O_RDONLY | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || (files->look && errno == ENOTDIR))) continue;
    bool done = fd < 0 ? fail_at(files, "open", i) : files->look ? look_open(files, i, &fd) : read_open(files, i, fd);
    close_fd(&fd);
    if (!done) return;
  }
}

static napi_value names_of (napi_env env, const struct content *content)
{
  napi_value list;
  const char *name = content->data;
  if (napi_create_array_with_length(env, content->names, &list) != napi_ok) return NULL;
  for (size_t i = 0; i < content->names; i++, name += strlen(name) + 1) {
    napi_value item = make_string(env, name);
    if (item == NULL || napi_set_element(env, list, (uint32_t)i, item) != napi_ok) return NULL;
  }
  return list;
}

static napi_value result_read (napi_env env, struct job *job)
{
  struct files *files = (struct files *)job;
  napi_value list, item;
  if (napi_create_array_with_length(env, files->count, &list) != napi_ok) return NULL;
  for (size_t i = 0; i < files->count; i++) {
    const struct content *content = &files->contents[i];
    napi_status status = napi_ok;
    if (content->data == NULL) status = napi_get_null(env, &item);
    else if (!content->directory) status = napi_create_buffer_copy(env, content->length, content->data, NULL, &item);
    else if ((item = names_of(env, content)) == NULL) return NULL;
    if (status != napi_ok || napi_set_element(env, list, (uint32_t)i, item) != napi_ok) return NULL;
  }
  return list;
}

/* A sysctl takes its value in one write; only an ordinary file may take it in parts. */
static bool write_open (struct files *files, size_t index, int fd)
{
  const struct content *content = &files->contents[index];
  for (size_t at = 0; at < content->length;) {
    ssize_t put = write(fd, content->data + at, content->length - at);
    if (put == 0) errno = EIO;
    if (put <= 0) return fail_at(files, "write", index);
    at += (size_t)put;
  }
  return true;
}

static void work_write (struct job *job)
{
  struct files *files = (struct files *)job;
  if (!enter(job, files->netns)) return;
  for (size_t i = 0; i < files->count; i++) {
    int fd = open_here(files->paths[i], O_WRONLY | O_TRUNC);
    bool done = fd >= 0 ? write_open(files, i, fd) : fail_at(files, "open", i);
    close_fd(&fd);
    if (!done) return;
  }
}

static struct files *files_make (napi_env env, napi_value netns, size_t count)
{
  struct files *files = calloc(1, sizeof *files);
  if (files != NULL) files->contents = calloc(count + 1, sizeof *files->contents);
  if (files != NULL) files->paths = calloc(count + 1, sizeof *files->paths);
  if (files == NULL || files->contents == NULL || files->paths == NULL) throw_errno(env, ENOMEM, "malloc", "files");
  else {
    files->count = count;
    files->job.drop = drop_files;
    if (as_netns(env, netns, &files->netns)) return files;
    files->netns = -1;
  }
  if (files != NULL) { files->netns = -1; drop_files(&files->job, false); }
  return NULL;
}

static napi_value read_some (napi_env env, napi_callback_info info, bool look)
{
  napi_value values[3];
  size_t count;
  int limit;
  char **paths;
  if (!arguments(env, info, 3, values) || !as_int(env, values[2], "limit", &limit)) return NULL;
  if (limit < 0) return throw_type(env, "limit must not be negative");
  if ((paths = as_strings(env, values[1], "paths", &count)) == NULL) return NULL;
  struct files *files = files_make(env, values[0], count);
  if (files == NULL) { free_strings(paths); return NULL; }
  free_strings(files->paths);
  files->paths = paths;
  files->limit = (size_t)limit;
  files->look = look;
  files->job.work = work_read;
  files->job.result = result_read;
  return job_start(env, &files->job);
}

napi_value files_read (napi_env env, napi_callback_info info) { return read_some(env, info, false); }
napi_value files_look (napi_env env, napi_callback_info info) { return read_some(env, info, true); }

static bool file_of (napi_env env, napi_value list, uint32_t index, struct files *files)
{
  napi_value item, path, data;
  if (napi_get_element(env, list, index, &item) != napi_ok || napi_get_named_property(env, item, "path", &path) != napi_ok
      || napi_get_named_property(env, item, "data", &data) != napi_ok) { throw_type(env, "files must be objects with path and data"); return false; }
  struct content *content = &files->contents[index];
  if ((files->paths[index] = as_string(env, path, "path")) == NULL || (content->data = as_string(env, data, "data")) == NULL) return false;
  content->length = strlen(content->data);
  return true;
}

napi_value files_write (napi_env env, napi_callback_info info)
{
  napi_value values[2];
  uint32_t count;
  if (!arguments(env, info, 2, values)) return NULL;
  if (napi_get_array_length(env, values[1], &count) != napi_ok) return throw_type(env, "files must be an array");
  struct files *files = files_make(env, values[0], count);
  if (files == NULL) return NULL;
  for (uint32_t i = 0; i < count; i++) {
    if (file_of(env, values[1], i, files)) continue;
    drop_files(&files->job, false);
    return NULL;
  }
  files->job.work = work_write;
  return job_start(env, &files->job);
}

napi_value file_close (napi_env env, napi_callback_info info)
{
  napi_value values[1];
  int fd;
  if (!arguments(env, info, 1, values) || !as_int(env, values[0], "fd", &fd)) return NULL;
  forget_fd(env, fd);
  if (close(fd) != 0 && errno != EINTR) return throw_errno(env, errno, "close", "");
  return NULL;
}

struct shutting { struct job job; int fd; };

static void work_close (struct job *job)
{
  struct shutting *shutting = (struct shutting *)job;
  int fd = shutting->fd;
  shutting->fd = -1;
  if (close(fd) != 0 && errno != EINTR) fail(job, "close", "");
}

static void drop_shutting (struct job *job, bool delivered)
{
  (void)delivered;
  close_fd(&((struct shutting *)job)->fd);
  free(job);
}

napi_value file_close_async (napi_env env, napi_callback_info info)
{
  napi_value values[1];
  int fd;
  if (!arguments(env, info, 1, values) || !as_int(env, values[0], "fd", &fd)) return NULL;
  struct shutting *shutting = calloc(1, sizeof *shutting);
  if (shutting == NULL) return throw_errno(env, ENOMEM, "malloc", "");
  forget_fd(env, fd);
  *shutting = (struct shutting){ .job = { .work = work_close, .drop = drop_shutting }, .fd = fd };
  return job_start(env, &shutting->job);
}
