/**
 * Makes stripped links as good as new. What a new network gets of an old one's link:
 *
 * | what the last network left             | how it goes                                                        | where |
 * |----------------------------------------|--------------------------------------------------------------------|-------|
 * | name, group, alias, STP, forward delay | overwritten                                                        | strip |
 * | addresses of ours, all routes, neighbours and proxies | removed; the kernel drops the rest when the link goes down | strip |
 * | addresses of others                    | removed: the kernel keeps IPv4's, and with keep_addr_on_down IPv6's too | here  |
 * | its own ports                          | without master                                                     | strip |
 * | ports of others                        | the link is not used again                                         | here  |
 * | forwarding database, also permanent entries | flushed, then a fresh MAC                                     | here  |
 * | multicast groups                       | flushed; before kernel 6.8 the link is not used again where there is one | here |
 * | queueing disciplines, filters          | root, ingress and clsact removed: the kernel puts its default in at the next start | here |
 * | bridge options, MTU, queue length, flags, GSO and GRO limits, IPv4 settings | compared with a new link, and set where they differ | here |
 * | IPv6 settings                          | compared likewise, and written below /proc                         | here  |
 * | how neighbours are looked for          | written, always: it costs less than to read it                     | here  |
 * | a secret for IPv6 addresses            | cannot be taken back: the link is not used again                   | here  |
 * | whatever else differs (XDP, VLANs, other names, a master …) | the link is not used again                    | here  |
 * | a TAP's descriptors                    | where one is open, the TAP is not used again                       | here  |
 * | a TAP's offloads, header size, filters, send buffer | as at its making, through a descriptor                | here  |
 * | counters                               | never begin anew: our statistics subtract what they were           | here  |
 * | MAC, MTU, name, group, alias           | the new network's                                                  | reuse |
 * | connections of the old subnet          | forgotten by whoever stops a network                               | flows |
 *
 * What stays different from a new link, and cannot be helped: the index (a new one's is as arbitrary), `tso_max_size` and `tso_max_segs`, the number of carrier
 * changes, what the kernel itself counts (see above); sockets that somebody bound to the link by index still are; offloads set by ethtool;
 * link-layer addresses added by `ip maddr`; addresses and forwarding entries that somebody gives to a link while it waits in the pool (a name, a group, a master,
 * an option or a setting that he gives it is seen before it is lent); settings written here no longer follow /proc/sys/net/*\/{conf,neigh}/default. A new default of
 * conf reaches links in the pool within a second, one of neigh those that are laundered after the next change of conf, since a namespace does not show it.
 * A link that was down joins its IPv6 multicast groups on the link layer with its first carrier, a new one at once.
 */
import { isError } from '../errors.js'
import { walk } from '../netlink/attr.js'
import { pacer } from '../netlink/breathe.js'
import { dump, getEach, send, type Outcome } from '../netlink/call.js'
import { isErrno } from '../netlink/errno.js'
import type { Message } from '../netlink/header.js'
import { native } from '../netlink/native.js'
import type { Request } from '../netlink/request.js'
import { dumpLinks, IFF_UP, link, type LinkMessage } from '../netlink/rtnl/link.js'
import { brPortMsg, dumpMdb, flushMdb } from '../netlink/rtnl/mdb.js'
import { flushFdb } from '../netlink/rtnl/neigh.js'
import { setNeighTable } from '../netlink/rtnl/neightbl.js'
import { qdisc, TC_H_INGRESS, TC_H_ROOT } from '../netlink/rtnl/qdisc.js'
import type { Transport } from '../netlink/transport.js'
import { readAddresses, removeAddressRequest } from './addr.js'
import type { Buried } from './burial.js'
import { countersIn, type Counters } from './counters.js'
import { glance, type Forwarding } from './glance.js'
import { likeness } from './likeness.js'
import { linkState } from './link-state.js'
import type { TapObject } from './object.js'
import { ipv6Path, ipv6Settings, type Pristine } from './pristine.js'
import { poolMac, poolName, withMode } from './strip.js'
import { readSysctls, writeSysctls } from './sysctl.js'
import { likenRequests } from './unlike.js'

/** A stripped link, and its group. */
export interface Stripped extends Buried { readonly group: number }

export interface Laundry {
  readonly transport: Transport
  readonly netns: number
  readonly pristine: Pristine
  readonly ipv6: boolean
  /** How many queues these have, and whether packets have headers; undefined for bridges. */
  readonly tap: Pick<TapObject, 'queues' | 'vnetHdr'> | undefined
}

/** `gone`: it is not there, or somebody else's by now. */
export type Laundered = { readonly state: 'clean', readonly counters: Counters } | { readonly state: 'spoiled', readonly why: string } | { readonly state: 'gone' }

/** How often what differs is written: an MTU brings IPv6 back, whose settings then differ. */
const ROUNDS = 3
const IN6_ADDR_GEN_MODE_STABLE_PRIVACY = 2

/** Launders links of one kind and shape, in order. Touches none that has left its group. Throws KernelError where the kernel cannot be asked at all. */
export async function launder (links: readonly Stripped[], laundry: Laundry): Promise<Laundered[]> {
  const { transport } = laundry
  const work = links.map((one): Item => ({ one, name: poolName(one.index) }))
  const forwarding = await forwardingOf(laundry.netns)
  await look(work, laundry, forwarding)
  // Many at once: what they wait for is mostly each other's turn.
  await Promise.all(work.filter(isOpen).map(async (item) => { await renew(item, laundry) }))
  await Promise.all(work.filter(isOpen).map(async (item) => { await strip(item, laundry) }))
  await flush(work.filter(isOpen), laundry)
  const bridges = await multicast(transport, work)
  await Promise.all(work.filter(isOpen).map(async (item) => {
    if (bridges.has(item.one.index)) item.done = { state: 'spoiled', why: 'multicast groups that this kernel cannot flush' }
    else if (item.one.kind === 'bridge' && (await dumpLinks(transport, { master: item.one.index })).length > 0) item.done = { state: 'spoiled', why: 'ports of others' }
  }))
  for (let round = 0; round < ROUNDS; round++) {
    await look(work, laundry, forwarding)
    const unlike = work.filter(isOpen)
    if (unlike.length === 0) break
    for (const item of unlike) await liken(item, laundry, forwarding)
  }
  return work.map(({ done }) => done ?? { state: 'spoiled', why: 'something differs from a new link that cannot be set' })
}

interface Item { readonly one: Stripped, readonly name: string, message?: Message | undefined, washed?: boolean, unflushed?: boolean, done?: Laundered }

const isOpen = ({ done }: Item): boolean => done === undefined

/** Reads those that are not done: which are gone, and which, once they were washed, are as new. */
async function look (work: readonly Item[], { transport, pristine }: Laundry, forwarding: Forwarding): Promise<void> {
  const open = work.filter(isOpen)
  const answers = await getEach(transport, open.map(({ one, name }) => link.get({ index: one.index }, name)))
  const pace = pacer()
  for (const [i, item] of open.entries()) {
    const { error, replies = [] } = answers[i] ?? {}
    if (error !== undefined && !isErrno(error, 'ENODEV')) throw error
    item.message = replies.find(({ type }) => type === link.types.new)
    const seen = item.message === undefined ? undefined : glance(item.message.payload)
    if (item.message === undefined || seen?.group !== item.one.group || seen.kind !== item.one.kind) item.done = { state: 'gone' }
    else if (item.washed === true && isLike(seen.forwarding, forwarding) && likeness(item.message.payload, item.one.kind).equals(pristine.likeness)) item.done = { state: 'clean', counters: countersIn(item.message.payload) }
    const rest = pace()
    if (rest !== undefined) await rest
  }
}

/** What new links get: the last that was written for all of them. */
async function forwardingOf (netns: number): Promise<Forwarding> {
  const [ipv4, ipv6] = await readSysctls(netns, ['ipv4', 'ipv6'].map((family) => `/proc/sys/net/${family}/conf/default/forwarding`))
  return { ipv4: ipv4 === undefined ? undefined : ipv4 !== '0', ipv6: ipv6 === undefined ? undefined : ipv6 !== '0' }
}

const isLike = (now: Forwarding, then: Forwarding): boolean => (now.ipv4 ?? then.ipv4) === then.ipv4 && (now.ipv6 ?? then.ipv6) === then.ipv6

/** Proves that nobody has a descriptor of a TAP, which a guest of the last network could go on using, and takes back what was set through them. */
async function renew (item: Item, { netns, tap }: Laundry): Promise<void> {
  if (tap === undefined || item.message === undefined) return
  const state = linkState(link.decode(item.message))
  // Others may join a TAP of several queues; one of a single queue is EBUSY.
  if (tap.queues > 1 && state.tap?.queues !== 0) { item.done = { state: 'spoiled', why: 'a descriptor is open' }; return }
  try { await native().tapRenew(netns, state.name, state.index, tap) } catch (error) {
    item.done = { state: 'spoiled', why: isErrno(error, 'EBUSY') ? 'a descriptor is open' : String(error) }
  }
}

/** Addresses that others have added. */
async function strip ({ one: { index }, name }: Item, { transport }: Laundry): Promise<void> {
  const found = await readAddresses(transport, index)
  const outcomes = await send(transport, found.map(({ address, prefix }) => removeAddressRequest({ type: 'address', dev: name, index, address, prefix })))
  // Deleting one may delete others, which were derived from it.
  for (const { error } of outcomes) if (error !== undefined && !isErrno(error, 'EADDRNOTAVAIL') && !isErrno(error, 'ENODEV')) throw error
}

/** What cannot be compared is reset for all, in one send. */
async function flush (work: readonly Item[], { transport, pristine, ipv6 }: Laundry): Promise<void> {
  const requests = work.map(({ one, name }) => flushRequests(one, name, pristine, ipv6))
  const outcomes = await send(transport, requests.flat())
  let at = 0
  for (const [i, item] of work.entries()) {
    const mine = outcomes.slice(at, at += requests[i]?.length ?? 0)
    item.washed = true
    const why = mine.flatMap((outcome) => complaint(item, outcome) ?? [])[0]
    if (why !== undefined) item.done = { state: 'spoiled', why }
  }
}

function flushRequests ({ index, kind }: Stripped, name: string, pristine: Pristine, ipv6: boolean): Request[] {
  return [
    link.change({ index, flags: 0, change: IFF_UP }, name),
    ...kind === 'bridge' ? [flushFdb(index, name), flushMdb(index, name)] : [],
    link.change({ index, address: poolMac() }, name),
    qdisc.remove({ ifindex: index, parent: TC_H_ROOT }, name),
    qdisc.remove({ ifindex: index, parent: TC_H_INGRESS, handle: 0xffff0000 }, name),
    ...pristine.neighbours.map(({ family, name: table, parms }) => {
      const { refcnt: _refcnt, reachableTime: _reachable, queueLen: _queueLen, rest: _rest, pad: _pad, ...settable } = parms ?? {}
      return setNeighTable({ ...family === undefined ? {} : { family }, ...table === undefined ? {} : { name: table }, parms: { ...settable, ifindex: index } }, name)
    }),
    // The kernel takes this mode only from a link that has a secret: refusal is the proof that there is none.
    ...ipv6 && pristine.ipv6.size > 0 ? [withMode(index, name, IN6_ADDR_GEN_MODE_STABLE_PRIVACY)] : [],
  ]
}

/** Why the link cannot be used again, where the outcome says so. */
function complaint (item: Item, { request, error, acknowledged }: Outcome): string | undefined {
  if (error === undefined && !acknowledged) return `${request.name}: the kernel's answer was lost`
  switch (request.name) {
    case 'RTM_DELQDISC': return error === undefined || isErrno(error, 'ENOENT') || isErrno(error, 'EINVAL') || isErrno(error, 'EOPNOTSUPP') ? undefined : error.message
    // Without IPv6 on the link (its MTU is too small) there is no table of its neighbours; it is made anew with the MTU.
    case 'RTM_SETNEIGHTBL': return error === undefined || isErrno(error, 'ENOENT') ? undefined : error.message
    case 'RTM_DELMDB': item.unflushed = error !== undefined; return undefined
    default: break
  }
  if (isProbe(request)) return error === undefined ? 'a secret for IPv6 addresses' : isErrno(error, 'EINVAL') || isErrno(error, 'EAFNOSUPPORT') ? undefined : error.message
  return error?.message
}

const probe = withMode(1, '', IN6_ADDR_GEN_MODE_STABLE_PRIVACY).body.subarray(16)
const isProbe = ({ name, body }: Request): boolean => name === 'RTM_NEWLINK' && body.subarray(16).equals(probe)

/** Source: include/uapi/linux/if_bridge.h. */
const MDBA_MDB = 1

/** Indexes of the bridges that still have groups, where the kernel cannot flush them. */
async function multicast (transport: Transport, work: readonly Item[]): Promise<ReadonlySet<number>> {
  if (!work.some(({ done, unflushed }) => done === undefined && unflushed === true)) return new Set()
  return new Set((await dump(transport, dumpMdb())).filter(({ payload }) => [...walk(payload.subarray(brPortMsg.size))].some((one) => one.type === MDBA_MDB && one.payload.length > 0)).map(({ payload }) => brPortMsg.decode(payload).ifindex))
}

/** Writes what differs. */
async function liken (item: Item, { transport, pristine, netns }: Laundry, forwarding: Forwarding): Promise<void> {
  if (item.message === undefined) return
  const state: LinkMessage = link.decode(item.message)
  // The kernel remembers that a bridge was given an MTU: it no longer follows its ports.
  if (state.mtu !== pristine.message.mtu && item.one.kind === 'bridge') { item.done = { state: 'spoiled', why: 'an MTU that somebody has set' }; return }
  const [refused] = (await send(transport, likenRequests(state, pristine.message))).flatMap(({ error }) => error ?? [])
  if (refused !== undefined) { item.done = { state: 'spoiled', why: refused.message }; return }
  const name = state.ifname ?? item.name
  const now = await ipv6Settings(netns, name)
  const other = [...pristine.ipv6].filter(([setting, value]) => !UNSEEN[item.one.kind].has(setting) && now.has(setting) && now.get(setting) !== value)
  const files = other.map(([setting, value]) => ({ path: ipv6Path(name, setting), value }))
  for (const family of ['ipv4', 'ipv6'] as const) {
    const wanted = forwarding[family]
    if (wanted !== undefined && (glance(item.message.payload).forwarding[family] ?? wanted) !== wanted) files.push({ path: `/proc/sys/net/${family}/conf/${name}/forwarding`, value: wanted ? '1' : '0' })
  }
  try { await writeSysctls(netns, files) } catch (error) {
    item.done = { state: 'spoiled', why: isError(error) ? error.message : String(error) }
  }
}

/** What every start of a network writes of its bridge, and what is switched for all links together. */
const UNSEEN: Readonly<Record<Buried['kind'], ReadonlySet<string>>> = { bridge: new Set(['accept_ra', 'autoconf', 'forwarding']), tun: new Set(['forwarding']) }
