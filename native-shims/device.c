/* Character devices that are opened several times, once a queue. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shims.h"

#define QUEUES_MAX 256

struct device {
  struct job job;
  char *path;
  int count, opened;
  int fds[QUEUES_MAX];
};

static void close_device (struct device *device)
{
  while (device->opened > 0) close_fd(&device->fds[--device->opened]);
}

static void drop_device (struct job *job, bool delivered)
{
  struct device *device = (struct device *)job;
  if (!delivered) close_device(device);
  free(device->path);
  free(device);
}

/* All of them or none. */
static void work_device (struct job *job)
{
  struct device *device = (struct device *)job;
  while (device->opened < device->count) {
    int fd = open(device->path, O_RDWR | O_CLOEXEC);
    if (fd >= 0) { device->fds[device->opened++] = fd; continue; }
    fail(job, "open", device->path);
    close_device(device);
    return;
  }
}

static napi_value result_device (napi_env env, struct job *job)
{
  struct device *device = (struct device *)job;
  return make_ints(env, device->fds, device->opened);
}

napi_value device_open (napi_env env, napi_callback_info info)
{
  napi_value values[2];
  int count;
  if (!arguments(env, info, 2, values) || !as_int(env, values[1], "count", &count)) return NULL;
  if (count < 1 || count > QUEUES_MAX) return throw_type(env, "count must be 1 to 256");
  struct device *device = calloc(1, sizeof *device);
  if (device == NULL) return throw_errno(env, ENOMEM, "malloc", "device");
  device->job = (struct job){ .work = work_device, .result = result_device, .drop = drop_device };
  device->count = count;
  if ((device->path = as_string(env, values[0], "path")) == NULL) { drop_device(&device->job, false); return NULL; }
  return job_start(env, &device->job);
}
