/* Network namespaces: open, create and delete named ones as `ip netns` does (iproute2, ip/ipnetns.c), and run one call inside. */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shims.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* include/uapi/asm-generic/socket.h, Linux 5.14 */
#endif

#define OWN_NAMESPACE "/proc/thread-self/ns/net"

struct naming {
  struct job job;
  char *directory, *name, path[4096];
  int fd, netns;
  unsigned int ifindex;
  uint64_t inode, device, cookie;
};

static void drop_naming (struct job *job, bool delivered)
{
  struct naming *naming = (struct naming *)job;
  if (delivered) own_fd(job, naming->fd);
  else close_fd(&naming->fd);
  close_fd(&naming->netns);
  free(naming->directory);
  free(naming->name);
  free(naming);
}

static struct naming *naming_make (napi_env env, void (*work)(struct job *), napi_value (*result)(napi_env, struct job *))
{
  struct naming *naming = calloc(1, sizeof *naming);
  if (naming == NULL) { throw_errno(env, ENOMEM, "malloc", "network namespace"); return NULL; }
  naming->job = (struct job){ .work = work, .result = result, .drop = drop_naming };
  naming->fd = naming->netns = -1;
  return naming;
}

static bool identify (struct naming *naming)
{
  struct stat status;
  /* Without O_NONBLOCK a path that is a FIFO would hold the thread for ever. */
  if ((naming->fd = open(naming->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0) return fail(&naming->job, "open", naming->name);
  int type = ioctl(naming->fd, NS_GET_NSTYPE);
  if (type != CLONE_NEWNET) return fail_with(&naming->job, EINVAL, "NS_GET_NSTYPE", naming->name);
  if (fstat(naming->fd, &status) != 0) return fail(&naming->job, "fstat", naming->name);
  naming->inode = status.st_ino;
  naming->device = status.st_dev;
  return true;
}

/* The number that no other namespace gets until the next boot, as inodes do; 0 before Linux 5.14, and where we may not enter. This thread does not come back. */
static uint64_t cookie_of (const struct naming *naming)
{
  struct stat own;
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  bool inside = stat(OWN_NAMESPACE, &own) == 0 && own.st_ino == naming->inode && own.st_dev == naming->device;
  if (!inside && setns(naming->fd, CLONE_NEWNET) != 0) return 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) != 0) cookie = 0;
  close(fd);
  return cookie;
}

static void work_open (struct job *job)
{
  struct naming *naming = (struct naming *)job;
  if (identify(naming)) naming->cookie = cookie_of(naming);
}

static napi_value result_open (napi_env env, struct job *job)
{
  struct naming *naming = (struct naming *)job;
  napi_value object = make_object(env);
  set(env, object, "fd", make_int(env, naming->fd));
  set(env, object, "inode", make_bigint(env, naming->inode));
  set(env, object, "device", make_bigint(env, naming->device));
  set(env, object, "cookie", make_bigint(env, naming->cookie));
  return object;
}

napi_value netns_open (napi_env env, napi_callback_info info)
{
  napi_value values[1];
  char *path;
  if (!arguments(env, info, 1, values) || (path = as_string(env, values[0], "path")) == NULL) return NULL;
  struct naming *naming = naming_make(env, work_open, result_open);
  if (naming == NULL) { free(path); return NULL; }
  naming->name = path;
  return job_start(env, &naming->job);
}

/* A mount point of its own whose mounts reach every mount namespace, so that names made here and there are seen by all. */
static bool share_directory (struct naming *naming)
{
  const char *directory = naming->directory;
  if (mount("", directory, "none", MS_SHARED | MS_REC, NULL) == 0) return true;
  if (errno != EINVAL) return fail(&naming->job, "mount --make-rshared", directory);
  if (mount(directory, directory, "none", MS_BIND | MS_REC, NULL) != 0) return fail(&naming->job, "mount --rbind", directory);
  return mount("", directory, "none", MS_SHARED | MS_REC, NULL) == 0 || fail(&naming->job, "mount --make-rshared", directory);
}

/* The lock that `ip netns add` takes too: two first users would stack two bind mounts, one hiding the other's names. */
static bool prepare_directory (struct naming *naming)
{
  if (mkdir(naming->directory, 0755) != 0 && errno != EEXIST) return fail(&naming->job, "mkdir", naming->directory);
  int lock = open(naming->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock < 0) return fail(&naming->job, "open", naming->directory);
  bool done = flock(lock, LOCK_EX) == 0 ? share_directory(naming) : fail(&naming->job, "flock", naming->directory);
  close(lock);
  return done;
}

static void work_create (struct job *job)
{
  struct naming *naming = (struct naming *)job;
  if (!prepare_directory(naming)) return;
  int fd = open(naming->path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
  if (fd < 0) { fail(job, "open", naming->path); return; }
  close(fd);
  if (unshare(CLONE_NEWNET) != 0) fail(job, "unshare", naming->path);
  else if (mount(OWN_NAMESPACE, naming->path, "none", MS_BIND, NULL) != 0) fail(job, "mount --bind", naming->path);
  if (job->failure.errnum != 0) unlink(naming->path);
}

/* A namespace that only its descriptor holds: whoever is killed before it gets a name leaves nothing. This thread does not come back. */
static void work_unnamed (struct job *job)
{
  struct naming *naming = (struct naming *)job;
  if (unshare(CLONE_NEWNET) != 0) { fail(job, "unshare", "network namespace"); return; }
  if (identify(naming)) naming->cookie = cookie_of(naming);
}

static void work_name (struct job *job)
{
  struct naming *naming = (struct naming *)job;
  char source[32];
  if (!prepare_directory(naming)) return;
  int fd = open(naming->path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
  if (fd < 0) { fail(job, "open", naming->path); return; }
  close(fd);
  snprintf(source, sizeof source, "/proc/self/fd/%d", naming->netns);
  if (mount(source, naming->path, "none", MS_BIND, NULL) == 0) return;
  fail(job, "mount --bind", naming->path);
  unlink(naming->path);
}

static void work_delete (struct job *job)
{
  struct naming *naming = (struct naming *)job;
  /* EINVAL: a name that a killed creation left without its mount. */
  if (umount2(naming->path, MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && errno != EINVAL) { fail(job, "umount", naming->path); return; }
  if (unlink(naming->path) != 0) fail(job, "unlink", naming->path);
}

static napi_value named (napi_env env, napi_callback_info info, void (*work)(struct job *))
{
  napi_value values[3];
  if (!arguments(env, info, work == work_name ? 3 : 2, values)) return NULL;
  struct naming *naming = naming_make(env, work, NULL);
  if (naming == NULL) return NULL;
  if (work == work_name && !as_netns(env, values[2], &naming->netns)) { drop_naming(&naming->job, false); return NULL; }
  if ((naming->directory = as_string(env, values[0], "directory")) == NULL || (naming->name = as_string(env, values[1], "name")) == NULL) {
    drop_naming(&naming->job, false);
    return NULL;
  }
  const char *name = naming->name;
  int length = snprintf(naming->path, sizeof naming->path, "%s/%s", naming->directory, name);
  if (length >= (int)sizeof naming->path || *name == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
    fail_with(&naming->job, EINVAL, "network namespace name", name);
  }
  return job_start(env, &naming->job);
}

napi_value netns_create (napi_env env, napi_callback_info info) { return named(env, info, work_create); }
napi_value netns_delete (napi_env env, napi_callback_info info) { return named(env, info, work_delete); }
napi_value netns_name (napi_env env, napi_callback_info info) { return named(env, info, work_name); }

napi_value netns_unnamed (napi_env env, napi_callback_info info)
{
  (void)info;
  struct naming *naming = naming_make(env, work_unnamed, result_open);
  if (naming == NULL) return NULL;
  if ((naming->name = strdup(OWN_NAMESPACE)) == NULL) { drop_naming(&naming->job, false); return throw_errno(env, ENOMEM, "malloc", "network namespace"); }
  return job_start(env, &naming->job);
}

/*
 * Moves the calling thread, which is the event loop's: nothing but `fn` runs before it is back. A thread that could not
 * be brought back would send everybody's later requests into the wrong namespace, so the process ends then.
 */
napi_value netns_run (napi_env env, napi_callback_info info)
{
  napi_value values[2], receiver, result = NULL;
  int netns;
  bool is_promise = false;
  if (!arguments(env, info, 2, values) || !as_int(env, values[0], "netns", &netns) || napi_get_undefined(env, &receiver) != napi_ok) return NULL;
  int home = open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC);
  if (home < 0) return throw_errno(env, errno, "open", OWN_NAMESPACE);
  if (netns >= 0 && setns(netns, CLONE_NEWNET) != 0) {
    int error = errno;
    close(home);
    return throw_errno(env, error, "setns", "network namespace");
  }
  napi_status status = napi_call_function(env, receiver, values[1], 0, NULL, &result);
  if (netns >= 0 && setns(home, CLONE_NEWNET) != 0) napi_fatal_error("netnsRun", NAPI_AUTO_LENGTH, "cannot return to the network namespace", NAPI_AUTO_LENGTH);
  close(home);
  if (status != napi_ok) return status == napi_pending_exception ? NULL : throw_type(env, "fn must be a function");
  if (napi_is_promise(env, result, &is_promise) == napi_ok && is_promise) return throw_type(env, "fn must not be asynchronous: it has left the namespace before it ends");
  return result;
}

static void work_ifindex (struct job *job)
{
  struct naming *naming = (struct naming *)job;
  if (!enter(job, naming->netns)) return;
  naming->ifindex = if_nametoindex(naming->name);
  if (naming->ifindex == 0 && errno != ENODEV && errno != ENXIO) fail(job, "if_nametoindex", naming->name);
}

static napi_value result_ifindex (napi_env env, struct job *job)
{
  return make_int(env, ((struct naming *)job)->ifindex);
}

napi_value netns_ifindex (napi_env env, napi_callback_info info)
{
  napi_value values[2];
  if (!arguments(env, info, 2, values)) return NULL;
  struct naming *naming = naming_make(env, work_ifindex, result_ifindex);
  if (naming == NULL) return NULL;
  if ((naming->name = as_string(env, values[1], "name")) == NULL || !as_netns(env, values[0], &naming->netns)) {
    drop_naming(&naming->job, false);
    return NULL;
  }
  return job_start(env, &naming->job);
}
