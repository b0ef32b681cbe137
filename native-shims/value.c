/* Arguments in, values and errors out. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shims.h"

napi_value throw_type (napi_env env, const char *text)
{
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) == napi_ok && !pending) napi_throw_type_error(env, NULL, text);
  return NULL;
}

static bool wrong (napi_env env, const char *what, const char *kind)
{
  char text[128];
  snprintf(text, sizeof text, "%s must be %s", what, kind);
  throw_type(env, text);
  return false;
}

bool arguments (napi_env env, napi_callback_info info, size_t count, napi_value *values)
{
  size_t given = count;
  if (napi_get_cb_info(env, info, &given, values, NULL, NULL) == napi_ok && given >= count) return true;
  throw_type(env, "too few arguments");
  return false;
}

bool as_int (napi_env env, napi_value value, const char *what, int *out)
{
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok || !(number >= INT32_MIN && number <= INT32_MAX) || number != (int)number) return wrong(env, what, "a 32-bit integer");
  *out = (int)number;
  return true;
}

bool as_bool (napi_env env, napi_value value, const char *what, bool *out)
{
  return napi_get_value_bool(env, value, out) == napi_ok || wrong(env, what, "a boolean");
}

char *as_string (napi_env env, napi_value value, const char *what)
{
  size_t length;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) { wrong(env, what, "a string"); return NULL; }
  char *text = malloc(length + 1);
  if (text == NULL) { throw_errno(env, ENOMEM, "malloc", what); return NULL; }
  napi_get_value_string_utf8(env, value, text, length + 1, &length);
  /* A NUL inside would make the kernel see another path or argument than the caller wrote. */
  if (strlen(text) == length) return text;
  free(text);
  wrong(env, what, "a string without NUL");
  return NULL;
}

char **as_strings (napi_env env, napi_value value, const char *what, size_t *count)
{
  uint32_t length;
  if (napi_get_array_length(env, value, &length) != napi_ok) { wrong(env, what, "an array of strings"); return NULL; }
  char **strings = calloc((size_t)length + 1, sizeof *strings);
  if (strings == NULL) { throw_errno(env, ENOMEM, "malloc", what); return NULL; }
  for (uint32_t i = 0; i < length; i++) {
    napi_value item;
    if (napi_get_element(env, value, i, &item) == napi_ok && (strings[i] = as_string(env, item, what)) != NULL) continue;
    free_strings(strings);
    throw_type(env, "unreadable array");
    return NULL;
  }
  if (count != NULL) *count = length;
  return strings;
}

void free_strings (char **strings)
{
  if (strings == NULL) return;
  for (char **string = strings; *string != NULL; string++) free(*string);
  free(strings);
}

bool as_netns (napi_env env, napi_value value, int *out)
{
  if (!as_int(env, value, "netns", out)) return false;
  if (*out < 0) { *out = -1; return true; }
  int copy = fcntl(*out, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) { throw_errno(env, errno, "fcntl", "network namespace"); return false; }
  *out = copy;
  return true;
}

bool int_of (napi_env env, napi_value object, const char *name, int *out)
{
  napi_value value;
  return (napi_get_named_property(env, object, name, &value) == napi_ok && as_int(env, value, name, out)) || wrong(env, name, "a 32-bit integer");
}

bool bool_of (napi_env env, napi_value object, const char *name, bool *out)
{
  napi_value value;
  return (napi_get_named_property(env, object, name, &value) == napi_ok && as_bool(env, value, name, out)) || wrong(env, name, "a boolean");
}

napi_value make_int (napi_env env, int64_t value)
{
  napi_value number;
  return napi_create_int64(env, value, &number) == napi_ok ? number : NULL;
}

napi_value make_ints (napi_env env, const int *values, int count)
{
  napi_value list;
  if (napi_create_array_with_length(env, (size_t)count, &list) != napi_ok) return NULL;
  for (int i = 0; i < count; i++) if (napi_set_element(env, list, (uint32_t)i, make_int(env, values[i])) != napi_ok) return NULL;
  return list;
}

napi_value make_bigint (napi_env env, uint64_t value)
{
  napi_value number;
  return napi_create_bigint_uint64(env, value, &number) == napi_ok ? number : NULL;
}

napi_value make_object (napi_env env)
{
  napi_value object;
  return napi_create_object(env, &object) == napi_ok ? object : NULL;
}

void set (napi_env env, napi_value object, const char *name, napi_value value)
{
  if (object != NULL && value != NULL) napi_set_named_property(env, object, name, value);
}

napi_value make_string (napi_env env, const char *text)
{
  napi_value string;
  return napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &string) == napi_ok ? string : NULL;
}

#ifdef __GLIBC__
static const char *errno_name (int errnum, char *buffer, size_t size)
{
  const char *name = strerrorname_np(errnum);
  if (name != NULL) return name;
  snprintf(buffer, size, "errno %d", errnum);
  return buffer;
}
#else
/* Other C libraries have no names; Node's libuv, which exports its functions, has. */
extern char *uv_err_name_r (int error, char *buffer, size_t size);
static const char *errno_name (int errnum, char *buffer, size_t size) { return uv_err_name_r(-errnum, buffer, size); }
#endif

/* `open /run/x: ENOENT, No such file or directory`, with code, errno, syscall and, for one of several paths, path and index. */
napi_value make_error (napi_env env, const struct failure *failure)
{
  char text[512], buffer[64];
  const char *name = errno_name(failure->errnum, buffer, sizeof buffer);
  snprintf(text, sizeof text, "%s%s%s: %s, %s", failure->syscall, *failure->object == '\0' ? "" : " ", failure->object, name, strerror(failure->errnum));
  napi_value error;
  if (napi_create_error(env, make_string(env, name), make_string(env, text), &error) != napi_ok) return NULL;
  set(env, error, "errno", make_int(env, failure->errnum));
  set(env, error, "syscall", make_string(env, failure->syscall));
  if (failure->index >= 0) {
    set(env, error, "path", make_string(env, failure->object));
    set(env, error, "index", make_int(env, failure->index));
  }
  return error;
}

napi_value throw_errno (napi_env env, int errnum, const char *syscall, const char *object)
{
  struct failure failure = { .errnum = errnum, .syscall = syscall, .index = -1 };
  strncpy(failure.object, object, sizeof failure.object - 1);
  napi_value error = make_error(env, &failure);
  if (error != NULL) napi_throw(env, error);
  return NULL;
}

void close_fd (int *fd)
{
  if (*fd >= 0) close(*fd);
  *fd = -1;
}
