/* The character device of a macvtap, opened once a queue. Source: drivers/net/macvtap.c, drivers/net/tap.c. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "shims.h"

#define QUEUES_MAX 256
#define NODE "/sys/netwright-tap"

struct macvtap {
  struct job job;
  int netns, ifindex, queues, opened;
  bool vnet_hdr;
  char *name;
  int fds[QUEUES_MAX];
};

/* Here, on our thread: the last one takes the guest's end away. */
static void close_queues (struct macvtap *tap)
{
  while (tap->opened > 0) close_fd(&tap->fds[--tap->opened]);
}

static void drop_macvtap (struct job *job, bool delivered)
{
  struct macvtap *tap = (struct macvtap *)job;
  if (!delivered) close_queues(tap);
  close_fd(&tap->netns);
  free(tap->name);
  free(tap);
}

/* Linux keeps `dev` beside or below a directory `macvtap`, depending on its version. */
static bool read_number (struct macvtap *tap, dev_t *number)
{
  static const char *const places[] = { "/sys/class/net/%s/macvtap/tap%d/dev", "/sys/class/net/%s/tap%d/dev" };
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    char path[128];
    unsigned int major_number, minor_number;
    snprintf(path, sizeof path, places[i], tap->name, tap->ifindex);
    FILE *file = fopen(path, "re");
    if (file == NULL) continue;
    int found = fscanf(file, "%u:%u", &major_number, &minor_number);
    fclose(file);
    if (found != 2) continue;
    *number = makedev(major_number, minor_number);
    return true;
  }
  return fail_with(&tap->job, ESTALE, "open", tap->name);
}

/*
 * Nobody needs to have made /dev/tapN, and where namespaces have macvtaps of one index it is another's: in a mount namespace of this thread, which
 * ends with it and of which nobody else sees anything, sysfs shows the devices of its network namespace, and a node of our own lies on a tmpfs.
 */
static bool make_node (struct macvtap *tap)
{
  dev_t number = 0;
  if (unshare(CLONE_NEWNS) != 0) return fail(&tap->job, "unshare", "mount namespace");
  if (mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return fail(&tap->job, "mount --make-rprivate", "/");
  /* EBUSY: it is what is there, as on a host's own /sys. Source: fs/namespace.c, do_add_mount(). */
  if (mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0 && errno != EBUSY) return fail(&tap->job, "mount", "sysfs");
  if (!read_number(tap, &number)) return false;
  if (mount("tmpfs", "/sys", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0700,size=64k") != 0) return fail(&tap->job, "mount", "tmpfs");
  return mknod(NODE, S_IFCHR | 0600, number) == 0 || fail(&tap->job, "mknod", tap->name);
}

/* As TAPs are opened: without a header unless it is asked for. What was opened must be what was meant. */
static bool open_queue (struct macvtap *tap)
{
  struct ifreq request = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | (tap->vnet_hdr ? IFF_VNET_HDR : 0) | (tap->queues > 1 ? IFF_MULTI_QUEUE : 0)) };
  struct ifreq is;
  int fd = open(NODE, O_RDWR | O_CLOEXEC);
  if (fd < 0) return fail(&tap->job, "open", tap->name);
  tap->fds[tap->opened++] = fd;
  if (ioctl(fd, TUNSETIFF, &request) != 0) return fail(&tap->job, "TUNSETIFF", tap->name);
  if (ioctl(fd, TUNGETIFF, &is) != 0) return fail(&tap->job, "TUNGETIFF", tap->name);
  is.ifr_name[IFNAMSIZ - 1] = '\0';
  return strcmp(is.ifr_name, tap->name) == 0 || fail_with(&tap->job, ESTALE, "TUNGETIFF", tap->name);
}

static void work_open (struct job *job)
{
  struct macvtap *tap = (struct macvtap *)job;
  if (!enter(job, tap->netns) || !make_node(tap)) return;
  while (tap->opened < tap->queues) {
    if (open_queue(tap)) continue;
    close_queues(tap);
    return;
  }
}

static napi_value result_fds (napi_env env, struct job *job)
{
  struct macvtap *tap = (struct macvtap *)job;
  return make_ints(env, tap->fds, tap->opened);
}

napi_value macvtap_open (napi_env env, napi_callback_info info)
{
  napi_value values[4];
  int ifindex, queues;
  bool vnet_hdr;
  if (!arguments(env, info, 4, values) || !as_int(env, values[2], "ifindex", &ifindex)
      || !int_of(env, values[3], "queues", &queues) || !bool_of(env, values[3], "vnetHdr", &vnet_hdr)) return NULL;
  if (queues < 1 || queues > QUEUES_MAX) return throw_type(env, "queues must be 1 to 256");
  struct macvtap *tap = calloc(1, sizeof *tap);
  if (tap == NULL) return throw_errno(env, ENOMEM, "malloc", "macvtap");
  tap->job = (struct job){ .work = work_open, .result = result_fds, .drop = drop_macvtap };
  tap->netns = -1;
  tap->ifindex = ifindex;
  tap->queues = queues;
  tap->vnet_hdr = vnet_hdr;
  if ((tap->name = as_string(env, values[1], "name")) == NULL || !as_netns(env, values[0], &tap->netns)) { drop_macvtap(&tap->job, false); return NULL; }
  if (strlen(tap->name) >= IFNAMSIZ || strchr(tap->name, '/') != NULL) fail_with(&tap->job, EINVAL, "open", tap->name);
  return job_start(env, &tap->job);
}
