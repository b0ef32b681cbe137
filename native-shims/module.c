/* The table of exports: src/netlink/native.ts, interface Native, name for name. */
#include "shims.h"

static const struct { const char *name; napi_callback function; } exported[] = {
  { "channelOpen", channel_open },
  { "channelExchange", channel_exchange },
  { "channelClose", channel_close },
  { "earOpen", ear_open },
  { "earHear", ear_hear },
  { "earClose", ear_close },
  { "tapCreate", tap_create },
  { "tapsCreate", taps_create },
  { "tapOpen", tap_open },
  { "tapDelete", tap_delete },
  { "tapRenew", tap_renew },
  { "tapKeep", tap_keep },
  { "netnsOpen", netns_open },
  { "netnsCreate", netns_create },
  { "netnsUnnamed", netns_unnamed },
  { "netnsName", netns_name },
  { "netnsDelete", netns_delete },
  { "netnsRun", netns_run },
  { "processSpawn", process_spawn },
  { "processOpen", process_open },
  { "threadOpen", process_open_thread },
  { "processWait", process_wait },
  { "processLog", process_log },
  { "processSignal", process_signal },
  { "lockTry", lock_try },
  { "lockRelease", lock_release },
  { "filesRead", files_read },
  { "filesLook", files_look },
  { "filesWrite", files_write },
  { "filesEdit", files_edit },
  { "close", file_close },
  { "closeAsync", file_close_async },
  { "deviceOpen", device_open },
  { "macvtapOpen", macvtap_open },
  { "fdsSend", fds_send },
  { "wakerOpen", waker_open },
  { "wakerWake", waker_wake },
  { "socketTame", socket_tame },
  { "socketDrops", socket_drops },
  { "letterboxOpen", letterbox_open },
  { "letterboxTake", letterbox_take },
  { "letterboxClose", letterbox_close },
  { "ifindex", netns_ifindex },
  { "capabilities", process_capabilities },
  { "threadId", process_thread },
};

NAPI_MODULE_INIT()
{
  if (!home_make(env)) return NULL;
  for (size_t i = 0; i < sizeof exported / sizeof *exported; i++) {
    napi_value function;
    if (napi_create_function(env, exported[i].name, NAPI_AUTO_LENGTH, exported[i].function, NULL, &function) != napi_ok) return NULL;
    if (napi_set_named_property(env, exports, exported[i].name, function) != napi_ok) return NULL;
  }
  return exports;
}
