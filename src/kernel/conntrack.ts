/** Tracked connections of whole networks: found and forgotten. The kernel itself forgets nothing when a bridge goes. */
import type { KernelError } from '../errors.js'
import { mapSlowly } from '../netlink/breathe.js'
import { dump, get, send } from '../netlink/call.js'
import { decodeEntry, decodeStats, dumpEntries, getStats, removeEntry, sourcePaths, type Entry } from '../netlink/ct/entry.js'
import { isErrno } from '../netlink/errno.js'
import { NLMSG_MIN_TYPE } from '../netlink/header.js'
import { makeSieve, withinPrefix } from '../netlink/sieve.js'
import type { Transport } from '../netlink/transport.js'
import { parseCidr } from '../values/cidr.js'
import { ipToBytes, parseIp } from '../values/ip.js'

/** A connection of which an end lies in one of the prefixes that were asked for. */
export interface Flow {
  readonly entry: Entry
  /** The source of the original direction, or of the reply, or both: those that lie in one of the prefixes. */
  readonly inside: readonly string[]
}

/** Where the kernel has no connection tracking, or not for programs, there are none. */
const isAbsent = (error: unknown): boolean => ['EINVAL', 'EOPNOTSUPP', 'EPROTONOSUPPORT'].some((name) => isErrno(error, name))

/** `conntrack -C`: how many there are, in 0.1 ms whatever their number. `transport` speaks nfnetlink. Throws KernelError. */
export async function countFlows (transport: Transport): Promise<number> {
  try {
    const [answer] = await get(transport, getStats())
    return answer === undefined ? 0 : decodeStats(answer).entries ?? 0
  } catch (error) {
    if (isAbsent(error)) return 0
    throw error
  }
}

/**
 * `conntrack -L --orig-src PREFIX` and `--reply-src PREFIX`: what a host in one of the prefixes began, or what was begun towards it, translated or not.
 * One dump a family, which takes the kernel 10 ms and 2.5 ms for each thousand connections of others, without RTNL: it filters by whole addresses
 * only. So the channel's thread looks through it. Throws KernelError.
 */
export async function readFlows (transport: Transport, prefixes: readonly string[]): Promise<Flow[]> {
  const found: Flow[] = []
  for (const family of ['ip', 'ip6'] as const) {
    const own = prefixes.filter((prefix) => prefix.includes(':') === (family === 'ip6'))
    if (own.length > 0) found.push(...await readFamily(transport, family, own))
  }
  return found
}

async function readFamily (transport: Transport, family: 'ip' | 'ip6', prefixes: readonly string[]): Promise<Flow[]> {
  const spans = prefixes.map(withinPrefix)
  const sieve = makeSieve(4, sourcePaths[family].map((path) => ({ path, width: family === 'ip' ? 4 : 16, values: spans })))
  try {
    const messages = await dump(transport, dumpEntries(family), sieve)
    const entries = await mapSlowly(messages.filter(({ type }) => type >= NLMSG_MIN_TYPE), decodeEntry)
    // A transport without a thread leaves the looking to us; and what comes twice, since it moved while it was read, is one.
    const within = finder(prefixes.map(covers))
    const flows = await mapSlowly(entries, (entry) => ({ entry, inside: sources(entry).filter(within) }))
    return [...new Map(flows.filter(({ inside }) => inside.length > 0).map((flow) => [flow.entry.id, flow])).values()]
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}

const sources = ({ original, reply }: Entry): string[] => [...new Set([original, reply].flatMap((tuple) => tuple?.ip?.src4 ?? tuple?.ip?.src6 ?? []))]

function finder (covering: readonly ((address: string) => boolean)[]): (address: string) => boolean {
  const known = new Map<string, boolean>()
  return (address) => {
    const answer = known.get(address) ?? covering.some((covers) => covers(address))
    known.set(address, answer)
    return answer
  }
}

/** So many fit into one send whose answers fit into the smallest receive buffer. */
const AT_ONCE = 256

/**
 * `conntrack -D` of exactly these: each by its addresses and its number, so that a connection which has taken its place meanwhile stays. What is gone by itself is no error.
 * Returns how many were there, and the first refusal.
 */
export async function forgetFlows (transport: Transport, flows: readonly Flow[]): Promise<{ readonly gone: number, readonly error?: KernelError }> {
  let gone = 0
  let first: KernelError | undefined
  for (let from = 0; from < flows.length; from += AT_ONCE) {
    for (const { error } of await send(transport, flows.slice(from, from + AT_ONCE).map(({ entry }) => removeEntry(entry)))) {
      if (error === undefined) gone++
      else if (!isErrno(error, 'ENOENT')) first ??= error
    }
  }
  return { gone, ...first === undefined ? {} : { error: first } }
}

/** Whether an address lies in a prefix, for many addresses. */
export function covers (prefix: string): (address: string) => boolean {
  const { value, mask } = withinPrefix(prefix)
  return (address) => {
    const bytes = ipToBytes(parseIp(address))
    return value.length === bytes.length && value.every((byte, i) => ((bytes[i] ?? 0) & (mask[i] ?? 0)) === byte)
  }
}

/** Whether two prefixes have an address in common. */
export function overlap (one: string, other: string): boolean {
  const [a, b] = [parseCidr(one), parseCidr(other)]
  if (a.address.includes(':') !== b.address.includes(':')) return false
  return covers(`${a.address}/${String(Math.min(a.prefix, b.prefix))}`)(b.address)
}
