/*
 * Looks through a dump on the channel's thread, so that whoever wants ten objects among a hundred thousand does not get them all: keeps the messages
 * in which one of some attributes has one of some values. What is looked for is said in bytes, which src/netlink/sieve.ts writes:
 *
 *     u8 bytes before the first attribute; then for each attribute: u8 depth, u8 types[depth] (the path), u8 width, u16 count (little endian),
 *     count * (value[width], mask[width])
 */
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "shims.h"

/* The first attribute of this type in data[*at..end): leaves its payload there. */
static bool descend (const char *data, size_t *at, size_t *end, unsigned type)
{
  struct nlattr found;
  while (*at + sizeof found <= *end) {
    memcpy(&found, data + *at, sizeof found);
    if (found.nla_len < sizeof found || found.nla_len > *end - *at) return false;
    if ((found.nla_type & NLA_TYPE_MASK) == type) {
      *end = *at + found.nla_len;
      *at += sizeof found;
      return true;
    }
    *at += NLA_ALIGN(found.nla_len);
  }
  return false;
}

static bool sieve_valid (const struct sieve *sieve)
{
  size_t at = 1, width, count;
  if (sieve->length < 1) return false;
  while (at < sieve->length) {
    at += 1 + sieve->data[at];
    if (at + 3 > sieve->length) return false;
    width = sieve->data[at];
    count = sieve->data[at + 1] | (size_t)sieve->data[at + 2] << 8;
    at += 3 + count * width * 2;
  }
  return at == sieve->length;
}

static bool among (const uint8_t *pairs, size_t count, size_t width, const char *value)
{
  for (; count-- > 0; pairs += width * 2) {
    size_t i = 0;
    while (i < width && ((uint8_t)value[i] & pairs[width + i]) == pairs[i]) i++;
    if (i == width) return true;
  }
  return false;
}

static bool wanted (const struct sieve *sieve, const char *data, size_t length)
{
  for (size_t next = 1; next < sieve->length;) {
    const uint8_t *path = sieve->data + next + 1;
    size_t depth = path[-1], width = path[depth], count = path[depth + 1] | (size_t)path[depth + 2] << 8;
    size_t at = sieve->data[0], end = length, level = 0;
    next += 1 + depth + 3 + count * width * 2;
    while (level < depth && descend(data, &at, &end, path[level])) level++;
    if (level == depth && end - at == width && among(path + depth + 3, count, width, data + at)) return true;
  }
  return false;
}

/* Acknowledgements, the end of a dump and a dump that was interrupted always stay. */
size_t sieve_messages (const struct sieve *sieve, char *data, size_t length)
{
  struct nlmsghdr header;
  size_t kept = 0;
  for (size_t at = 0, size; at + sizeof header <= length; at += size) {
    memcpy(&header, data + at, sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > length - at) return length; /* whoever reads it says what is wrong */
    size = NLMSG_ALIGN(header.nlmsg_len) > length - at ? length - at : NLMSG_ALIGN(header.nlmsg_len);
    if (header.nlmsg_type >= NLMSG_MIN_TYPE && (header.nlmsg_flags & NLM_F_DUMP_INTR) == 0 && !wanted(sieve, data + at + sizeof header, header.nlmsg_len - sizeof header)) continue;
    memmove(data + kept, data + at, size);
    kept += size;
  }
  return kept;
}

bool as_sieve (napi_env env, napi_value value, struct sieve *out)
{
  napi_valuetype kind;
  napi_typedarray_type type;
  bool typed = false;
  void *data;
  if (napi_typeof(env, value, &kind) == napi_ok && kind == napi_undefined) return true;
  if (napi_is_typedarray(env, value, &typed) == napi_ok && typed
      && napi_get_typedarray_info(env, value, &type, &out->length, &data, NULL, NULL) == napi_ok && type == napi_uint8_array && out->length > 0 && (out->data = malloc(out->length)) != NULL) {
    memcpy(out->data, data, out->length);
    if (sieve_valid(out)) return true;
    free(out->data);
  }
  throw_type(env, "sieve must be what makeSieve returns");
  return false;
}
