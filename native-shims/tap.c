/* TAP devices: ioctls on /dev/net/tun. Source: include/uapi/linux/if_tun.h, drivers/net/tun.c. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shims.h"

#define QUEUES_MAX 256 /* MAX_TAP_QUEUES in tun.c */
#define TUN_DEVICE "/dev/net/tun"

struct tap {
  struct job job;
  int netns, ifindex, queues, owner, group;
  bool vnet_hdr, persist, keep;
  char name[IFNAMSIZ];
  int opened;
  int fds[];
};

static void drop_tap (struct job *job, bool delivered)
{
  struct tap *tap = (struct tap *)job;
  close_fd(&tap->netns);
  for (int i = 0; !delivered && i < tap->opened; i++) close_fd(&tap->fds[i]);
  free(tap);
}

static short flags_of (const struct tap *tap)
{
  return (short)(IFF_TAP | IFF_NO_PI | (tap->vnet_hdr ? IFF_VNET_HDR : 0) | (tap->queues > 1 ? IFF_MULTI_QUEUE : 0));
}

/* One more queue: TUNSETIFF with `flags` on a fresh descriptor; the kernel's choice of name comes back in tap->name. */
static bool add_queue (struct tap *tap, short flags, int ifindex)
{
  struct ifreq request = { .ifr_flags = flags };
  unsigned int index = (unsigned int)ifindex;
  int fd = open(TUN_DEVICE, O_RDWR | O_CLOEXEC);
  if (fd < 0) return fail(&tap->job, "open", TUN_DEVICE);
  tap->fds[tap->opened++] = fd;
  if (ifindex > 0 && ioctl(fd, TUNSETIFINDEX, &index) != 0) return fail(&tap->job, "TUNSETIFINDEX", tap->name);
  memcpy(request.ifr_name, tap->name, IFNAMSIZ);
  if (ioctl(fd, TUNSETIFF, &request) != 0) return fail(&tap->job, "TUNSETIFF", tap->name);
  memcpy(tap->name, request.ifr_name, IFNAMSIZ);
  return true;
}

/* On failure the last descriptor closes and the link goes with it: persistence is set last. */
static bool create (struct tap *tap)
{
  if (!enter(&tap->job, tap->netns) || !add_queue(tap, (short)(flags_of(tap) | IFF_TUN_EXCL), tap->ifindex)) return false;
  while (tap->opened < tap->queues) if (!add_queue(tap, flags_of(tap), 0)) return false;
  int fd = tap->fds[0];
  if (tap->owner >= 0 && ioctl(fd, TUNSETOWNER, (unsigned long)tap->owner) != 0) return fail(&tap->job, "TUNSETOWNER", tap->name);
  if (tap->group >= 0 && ioctl(fd, TUNSETGROUP, (unsigned long)tap->group) != 0) return fail(&tap->job, "TUNSETGROUP", tap->name);
  if (tap->persist && ioctl(fd, TUNSETPERSIST, 1ul) != 0) return fail(&tap->job, "TUNSETPERSIST", tap->name);
  return true;
}

/* Descriptors close here, on this thread: each of them waits for RTNL. */
static void close_queues (struct tap *tap)
{
  for (int i = 0; i < tap->opened; i++) close_fd(&tap->fds[i]);
  tap->opened = 0;
}

static void work_create (struct job *job)
{
  if (!create((struct tap *)job)) close_queues((struct tap *)job);
}

/* Many of them, one after the other on one thread: a thread and a promise for each would cost the event loop more than the TAP. */
struct taps {
  struct job job;
  int netns;
  uint32_t count;
  struct tap *list[];
};

static void drop_taps (struct job *job, bool delivered)
{
  struct taps *taps = (struct taps *)job;
  close_fd(&taps->netns);
  for (uint32_t i = 0; i < taps->count; i++) if (taps->list[i] != NULL) drop_tap(&taps->list[i]->job, delivered);
  free(taps);
}

/* As asked, or nothing: a name with %d that the kernel has filled in is none of ours. */
static bool create_as_named (struct tap *tap)
{
  char asked[IFNAMSIZ];
  memcpy(asked, tap->name, sizeof asked);
  if (tap->job.failure.errnum != 0 || !create(tap)) return false;
  return strcmp(asked, tap->name) == 0 || fail_with(&tap->job, ERANGE, "TUNSETIFF", asked);
}

/*
 * The carrier went with the last descriptor, and the kernel acts on that within a second: as soon as the link is up it has its queues drained, which takes an RCU
 * grace period with RTNL held, and so does the first who looks at the link until then. Looking while it is down does it for nothing. Nobody reads the answers.
 * Source: net/core/rtnetlink.c, rtnl_getlink(); net/core/link_watch.c, linkwatch_sync_dev().
 */
static void settle_carrier (const struct taps *taps)
{
  struct { struct nlmsghdr header; struct ifinfomsg link; struct nlattr mask; uint32_t value; } question = {
    .header = { .nlmsg_len = sizeof question, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST },
    .mask = { .nla_len = sizeof question.mask + sizeof question.value, .nla_type = IFLA_EXT_MASK }, .value = RTEXT_FILTER_SKIP_STATS,
  };
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  for (uint32_t i = 0; fd >= 0 && i < taps->count; i++) {
    question.link.ifi_index = taps->list[i]->ifindex;
    if (taps->list[i]->persist && !taps->list[i]->keep) (void)send(fd, &question, sizeof question, 0);
  }
  close_fd(&fd);
}

static void work_create_list (struct job *job)
{
  struct taps *taps = (struct taps *)job;
  if (!enter(job, taps->netns)) return;
  for (uint32_t i = 0; i < taps->count; i++) {
    struct tap *tap = taps->list[i];
    if (create_as_named(tap)) { if (!tap->keep) close_queues(tap); continue; }
    job->failure = tap->job.failure;
    job->failure.index = (int)i;
    for (uint32_t j = 0; j <= i; j++) close_queues(taps->list[j]);
    return;
  }
  settle_carrier(taps);
}

/* Joined: is it still what tap_look() saw? A link that vanished in between was made anew by TUNSETIFF, and is not persistent. */
static bool joined (struct tap *tap, short flags)
{
  struct ifreq is;
  const int mask = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE | IFF_PERSIST;
  if (ioctl(tap->fds[tap->opened - 1], TUNGETIFF, &is) != 0) return fail(&tap->job, "TUNGETIFF", tap->name);
  if ((is.ifr_flags & mask) != (flags | IFF_PERSIST) || (int)if_nametoindex(tap->name) != tap->ifindex) return fail_with(&tap->job, ESTALE, "TUNGETIFF", tap->name);
  return true;
}

static void work_open (struct job *job)
{
  struct tap *tap = (struct tap *)job;
  if (!enter(job, tap->netns)) return;
  int flags = tap_look(tap->name, tap->ifindex);
  if (flags >= 0 && flags != flags_of(tap)) { flags = -1; errno = ESTALE; }
  if (flags < 0) { fail(job, "TUNGETIFF", tap->name); return; }
  while (tap->opened < tap->queues) {
    if (add_queue(tap, (short)flags, 0) && joined(tap, (short)flags)) continue;
    close_queues(tap);
    return;
  }
}

static void work_delete (struct job *job)
{
  struct tap *tap = (struct tap *)job;
  if (!enter(job, tap->netns)) return;
  int flags = tap_look(tap->name, tap->ifindex);
  if (flags < 0) { fail(job, "TUNGETIFF", tap->name); return; }
  if (add_queue(tap, (short)flags, 0) && joined(tap, (short)flags) && ioctl(tap->fds[0], TUNSETPERSIST, 0ul) != 0) fail(job, "TUNSETPERSIST", tap->name);
  close_queues(tap);
}

/* What programs have set through a queue outlives their descriptors: as at the making of a TAP again. What a kernel does not know (EINVAL) nobody has set. */
static bool renew (struct tap *tap)
{
  int fd = tap->fds[0], no = 0, none = -1, header = sizeof(struct virtio_net_hdr), most = INT_MAX;
  struct tun_filter everything = { .flags = 0, .count = 0 };
  struct sock_fprog filter = { .len = 0 };
  const struct { unsigned long request; unsigned long argument; const char *name; } resets[] = {
    { TUNSETOFFLOAD, 0, "TUNSETOFFLOAD" },
    { TUNSETVNETHDRSZ, (unsigned long)&header, "TUNSETVNETHDRSZ" },
    { TUNSETVNETLE, (unsigned long)&no, "TUNSETVNETLE" },
    { TUNSETVNETBE, (unsigned long)&no, "TUNSETVNETBE" },
    { TUNSETSNDBUF, (unsigned long)&most, "TUNSETSNDBUF" },
    { TUNSETTXFILTER, (unsigned long)&everything, "TUNSETTXFILTER" },
    { TUNDETACHFILTER, (unsigned long)&filter, "TUNDETACHFILTER" },
    { TUNSETSTEERINGEBPF, (unsigned long)&none, "TUNSETSTEERINGEBPF" },
    { TUNSETFILTEREBPF, (unsigned long)&none, "TUNSETFILTEREBPF" },
  };
  for (size_t i = 0; i < sizeof resets / sizeof *resets; i++) {
    if (ioctl(fd, resets[i].request, resets[i].argument) != 0 && errno != EINVAL) return fail(&tap->job, resets[i].name, tap->name);
  }
  return true;
}

static void work_renew (struct job *job)
{
  struct tap *tap = (struct tap *)job;
  work_open(job);
  if (tap->opened == tap->queues) renew(tap);
  close_queues(tap);
}

static napi_value list_of_fds (napi_env env, const struct tap *tap)
{
  return make_ints(env, tap->fds, tap->opened);
}

static napi_value result_fds (napi_env env, struct job *job)
{
  napi_value object = make_object(env), name, fds = list_of_fds(env, (struct tap *)job);
  if (fds == NULL || napi_create_string_utf8(env, ((struct tap *)job)->name, NAPI_AUTO_LENGTH, &name) != napi_ok) return NULL;
  set(env, object, "name", name);
  set(env, object, "fds", fds);
  return object;
}

/* In the namespace where its thread is. */
static struct tap *tap_named (napi_env env, napi_value name_value, int ifindex, int queues)
{
  if (queues < 1 || queues > QUEUES_MAX) { throw_type(env, "queues must be 1 to 256"); return NULL; }
  char *name = as_string(env, name_value, "name");
  if (name == NULL) return NULL;
  struct tap *tap = calloc(1, sizeof *tap + (size_t)queues * sizeof *tap->fds);
  /* Cut to fit, another name would be meant. */
  if (tap != NULL && strlen(name) >= sizeof tap->name) fail_with(&tap->job, ENAMETOOLONG, "TUNSETIFF", name);
  else if (tap != NULL) strcpy(tap->name, name);
  free(name);
  if (tap == NULL) { throw_errno(env, ENOMEM, "malloc", "tap"); return NULL; }
  tap->job.drop = drop_tap;
  tap->queues = queues;
  tap->ifindex = ifindex;
  tap->owner = tap->group = tap->netns = -1;
  return tap;
}

static struct tap *tap_make (napi_env env, napi_value *values, int queues)
{
  int ifindex;
  if (!as_int(env, values[2], "ifindex", &ifindex)) return NULL;
  struct tap *tap = tap_named(env, values[1], ifindex, queues);
  if (tap != NULL && !as_netns(env, values[0], &tap->netns)) { free(tap); return NULL; }
  return tap;
}

/* { name, ifindex, queues, vnetHdr, persist, owner, group, keep }; NULL: a TypeError is pending. */
static struct tap *tap_described (napi_env env, napi_value description)
{
  napi_value name;
  int ifindex, queues, owner, group;
  bool vnet_hdr, persist, keep;
  if (napi_get_named_property(env, description, "name", &name) != napi_ok || !int_of(env, description, "ifindex", &ifindex) || !int_of(env, description, "queues", &queues)
      || !bool_of(env, description, "vnetHdr", &vnet_hdr) || !bool_of(env, description, "persist", &persist) || !bool_of(env, description, "keep", &keep)
      || !int_of(env, description, "owner", &owner) || !int_of(env, description, "group", &group)) return NULL;
  struct tap *tap = tap_named(env, name, ifindex, queues);
  if (tap == NULL) return NULL;
  tap->vnet_hdr = vnet_hdr;
  tap->persist = persist;
  tap->keep = keep;
  tap->owner = owner;
  tap->group = group;
  return tap;
}

static napi_value result_list (napi_env env, struct job *job)
{
  struct taps *taps = (struct taps *)job;
  napi_value lists;
  if (napi_create_array_with_length(env, taps->count, &lists) != napi_ok) return NULL;
  for (uint32_t i = 0; i < taps->count; i++) {
    napi_value fds = list_of_fds(env, taps->list[i]);
    if (fds == NULL || napi_set_element(env, lists, i, fds) != napi_ok) return NULL;
  }
  return lists;
}

napi_value taps_create (napi_env env, napi_callback_info info)
{
  napi_value values[2], description;
  uint32_t count = 0;
  if (!arguments(env, info, 2, values)) return NULL;
  if (napi_get_array_length(env, values[1], &count) != napi_ok) return throw_type(env, "taps must be an array");
  struct taps *taps = calloc(1, sizeof *taps + count * sizeof *taps->list);
  if (taps == NULL) return throw_errno(env, ENOMEM, "malloc", "taps");
  taps->netns = -1;
  taps->count = count;
  bool good = as_netns(env, values[0], &taps->netns);
  for (uint32_t i = 0; good && i < count; i++) {
    good = napi_get_element(env, values[1], i, &description) == napi_ok && (taps->list[i] = tap_described(env, description)) != NULL;
  }
  if (!good) { drop_taps(&taps->job, false); return NULL; }
  taps->job.work = work_create_list;
  taps->job.result = result_list;
  taps->job.drop = drop_taps;
  return job_start(env, &taps->job);
}

napi_value tap_create (napi_env env, napi_callback_info info)
{
  napi_value values[4];
  int queues, owner, group;
  bool vnet_hdr, persist;
  if (!arguments(env, info, 4, values) || !int_of(env, values[3], "queues", &queues) || !bool_of(env, values[3], "vnetHdr", &vnet_hdr)
      || !bool_of(env, values[3], "persist", &persist) || !int_of(env, values[3], "owner", &owner) || !int_of(env, values[3], "group", &group)) return NULL;
  struct tap *tap = tap_make(env, values, queues);
  if (tap == NULL) return NULL;
  tap->vnet_hdr = vnet_hdr;
  tap->persist = persist;
  tap->owner = owner;
  tap->group = group;
  tap->job.work = work_create;
  tap->job.result = result_fds;
  return job_start(env, &tap->job);
}

napi_value tap_open (napi_env env, napi_callback_info info)
{
  napi_value values[4];
  int queues;
  bool vnet_hdr;
  if (!arguments(env, info, 4, values) || !int_of(env, values[3], "queues", &queues) || !bool_of(env, values[3], "vnetHdr", &vnet_hdr)) return NULL;
  struct tap *tap = tap_make(env, values, queues);
  if (tap == NULL) return NULL;
  tap->vnet_hdr = vnet_hdr;
  tap->job.work = work_open;
  tap->job.result = result_fds;
  return job_start(env, &tap->job);
}

napi_value tap_renew (napi_env env, napi_callback_info info)
{
  napi_value values[4];
  int queues;
  bool vnet_hdr;
  if (!arguments(env, info, 4, values) || !int_of(env, values[3], "queues", &queues) || !bool_of(env, values[3], "vnetHdr", &vnet_hdr)) return NULL;
  struct tap *tap = tap_make(env, values, queues);
  if (tap == NULL) return NULL;
  tap->vnet_hdr = vnet_hdr;
  tap->job.work = work_renew;
  return job_start(env, &tap->job);
}

struct keeping { struct job job; int fd; };

static void work_keep (struct job *job)
{
  if (ioctl(((struct keeping *)job)->fd, TUNSETPERSIST, 1ul) != 0) fail(job, "TUNSETPERSIST", "");
}

static void drop_keeping (struct job *job, bool delivered)
{
  (void)delivered;
  free(job);
}

napi_value tap_keep (napi_env env, napi_callback_info info)
{
  napi_value values[1];
  int fd;
  if (!arguments(env, info, 1, values) || !as_int(env, values[0], "fd", &fd)) return NULL;
  struct keeping *keeping = calloc(1, sizeof *keeping);
  if (keeping == NULL) return throw_errno(env, ENOMEM, "malloc", "tap");
  keeping->fd = fd;
  keeping->job.work = work_keep;
  keeping->job.drop = drop_keeping;
  return job_start(env, &keeping->job);
}

napi_value tap_delete (napi_env env, napi_callback_info info)
{
  napi_value values[3];
  if (!arguments(env, info, 3, values)) return NULL;
  struct tap *tap = tap_make(env, values, 1);
  if (tap == NULL) return NULL;
  tap->job.work = work_delete;
  return job_start(env, &tap->job);
}
