/**
 * Makes stripped links as good as new. What a new network gets of an old one's link:
 *
 * | what the last network left             | how it goes                                                        | where |
 * |----------------------------------------|--------------------------------------------------------------------|-------|
 * | name, group, alias, STP, forward delay | overwritten                                                        | strip |
 * | addresses of ours, all routes, neighbours and proxies | removed; the kernel drops the rest when the link goes down | strip, ports here |
 * | addresses of others                    | removed: the kernel keeps IPv4's, and with keep_addr_on_down IPv6's too | here  |
 * | its own ports                          | without master and down; until then they are up in a bridge that is down and takes nothing from them | here |
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
 * changes, what the kernel itself counts (see above); sockets that somebody bound to the link by index still are, and a macvlan, VLAN or VXLAN that somebody has
 * put on it is still there, where it is down (one that is up shows): in a container, it is a way into the next network (tried); offloads set by ethtool;
 * how packets are spread (/sys/class/net/NAME/queues); ports that somebody gives to a bridge while it waits;
 * link-layer addresses added by `ip maddr`; addresses and forwarding entries that somebody gives to a link while it waits in the pool (a name, a group, a master,
 * an option or a setting that he gives it is seen before it is lent); settings written here no longer follow /proc/sys/net/*\/{conf,neigh}/default. A new default of
 * conf reaches links in the pool within a second, one of neigh those that are laundered after the next change of conf, since a namespace does not show it.
 * A link that was down joins its IPv6 multicast groups on the link layer with its first carrier, a new one at once.
 */
import { isError } from '../errors.js'
import { pacer } from '../netlink/breathe.js'
import { dump, dumpsNothing, getEach, send } from '../netlink/call.js'
import { isErrno } from '../netlink/errno.js'
import type { Message } from '../netlink/header.js'
import { native } from '../netlink/native.js'
import { common, ifinfomsg } from '../netlink/rtnl/ifinfo.js'
import { dumpLinks, IFF_UP, link, type LinkMessage } from '../netlink/rtnl/link.js'
import { brPortMsg, dumpMdb } from '../netlink/rtnl/mdb.js'
import { attributeAt } from '../netlink/scan.js'
import type { Transport } from '../netlink/transport.js'
import { readAddresses, removeAddressRequest } from './addr.js'
import type { Buried } from './burial.js'
import { countersIn } from './count.js'
import type { Counters } from './counters.js'
import { flush } from './flush.js'
import { glance, type Forwarding } from './glance.js'
import { likeness } from './likeness.js'
import { linkState } from './link-state.js'
import type { TapObject } from './object.js'
import { ipv6Path, ipv6Settings, type Pristine } from './pristine.js'
import { leaveRequests, poolName } from './strip.js'
import { readSysctls, writeSysctls } from './sysctl.js'
import { likenRequests } from './unlike.js'

/** A stripped link, and its group. `carrierChanges`: of a TAP, how many it had had when it was last known that nobody had a descriptor. */
export interface Stripped extends Buried { readonly group: number, readonly carrierChanges?: number }

export interface Laundry {
  readonly transport: Transport
  readonly netns: number
  readonly pristine: Pristine
  /** How many queues these have, and whether packets have headers; undefined for bridges. */
  readonly tap: Pick<TapObject, 'queues' | 'vnetHdr' | 'uid' | 'gid'> | undefined
}

/** `gone`: it is not there, or somebody else's by now. */
export type Laundered = { readonly state: 'clean', readonly counters: Counters } | { readonly state: 'spoiled', readonly why: string } | { readonly state: 'gone' }

/** How often what differs is written: an MTU brings IPv6 back, whose settings then differ. */
const ROUNDS = 3

/** Launders links of one kind and shape, in order. Touches none that has left its group. Throws KernelError where the kernel cannot be asked at all. */
export async function launder (links: readonly Stripped[], laundry: Laundry): Promise<Laundered[]> {
  const { transport, pristine } = laundry
  const work = links.map((one): Item => ({ one, name: poolName(one.index), unlike: false }))
  const surroundings = await surroundingsOf(laundry.netns)
  await look(work, laundry, surroundings)
  await leave(work, laundry, surroundings)
  // Many at once: what they wait for is mostly each other's turn.
  await each(work, async (item) => { await renew(item, laundry) })
  await each(work, async (item) => { if (item.unlike || surroundings.keepsAddresses) await strip(item, laundry) })
  const flushed = work.filter(isOpen)
  const outcomes = await flush(transport, flushed.map(({ one, message }) => ({ one, rooted: !UNROOTED.has(glanceQdisc(message)) })), pristine)
  const grouped = outcomes.some(({ groups }) => groups) ? await multicast(transport) : new Set()
  for (const [i, item] of flushed.entries()) {
    const { spoiled = grouped.has(item.one.index) ? 'multicast groups that this kernel cannot flush' : undefined, addressed = false } = outcomes[i] ?? {}
    if (spoiled !== undefined) item.done = { state: 'spoiled', why: spoiled }
    else if (addressed) await strip(item, laundry)
  }
  await vacant(work, transport)
  for (const item of work.filter(isOpen)) if (!item.unlike && item.message !== undefined) item.done = { state: 'clean', counters: countersIn(item.message.payload) }
  for (let round = 0; round < ROUNDS && work.some(isOpen); round++) {
    for (const item of work.filter(isOpen)) await liken(item, laundry, surroundings)
    await look(work, laundry, surroundings)
    for (const item of work.filter(isOpen)) if (!item.unlike && item.message !== undefined) item.done = { state: 'clean', counters: countersIn(item.message.payload) }
  }
  return work.map(({ done }) => done ?? { state: 'spoiled', why: 'something differs from a new link that cannot be set' })
}

/** `unlike`: a new link is not like it. */
interface Item { readonly one: Stripped, readonly name: string, message?: Message | undefined, unlike: boolean, done?: Laundered }

const isOpen = ({ done }: Item): boolean => done === undefined
async function each (work: readonly Item[], act: (item: Item) => Promise<void>): Promise<void> {
  const pace = pacer()
  await Promise.all(work.filter(isOpen).map(async (item) => {
    await pace()
    await act(item)
  }))
}

/** Root qdiscs that nobody can give parameters. */
const UNROOTED: ReadonlySet<string> = new Set(['noop', 'noqueue', 'pfifo_fast'])
const glanceQdisc = (message: Message | undefined): string => {
  const data = message === undefined ? undefined : attributeAt(message.payload, ifinfomsg.size, common.qdisc.number)
  return data === undefined ? '' : common.qdisc.codec.decode(data)
}

/** Reads those that are not done: which are gone, and which are not as new. */
async function look (work: readonly Item[], { transport, pristine }: Laundry, { forwarding }: Surroundings): Promise<void> {
  const open = work.filter(isOpen)
  const answers = await getEach(transport, open.map(({ one, name }) => link.get({ index: one.index }, name)))
  const pace = pacer()
  for (const [i, item] of open.entries()) {
    const { error, replies = [] } = answers[i] ?? {}
    if (error !== undefined && !isErrno(error, 'ENODEV')) throw error
    item.message = replies.find(({ type }) => type === link.types.new)
    const seen = item.message === undefined ? undefined : glance(item.message.payload)
    if (item.message === undefined || seen?.group !== item.one.group || seen.kind !== item.one.kind) item.done = { state: 'gone' }
    else item.unlike = !forwardsLike(seen.forwarding, forwarding) || !likeness(item.message.payload, item.one.kind).equals(pristine.likeness)
    const rest = pace()
    if (rest !== undefined) await rest
  }
}

/** Ports that were stripped as they were leave their bridges and go down: the kernel drops what others have given them. */
async function leave (work: readonly Item[], laundry: Laundry, surroundings: Surroundings): Promise<void> {
  const ports = work.filter((item) => isOpen(item) && item.one.kind === 'tun' && item.message !== undefined && isPort(item.message.payload))
  if (ports.length === 0) return
  const requests = ports.map(({ one }) => leaveRequests(one.index))
  const outcomes = await send(laundry.transport, requests.flat())
  let at = 0
  for (const [i, item] of ports.entries()) {
    const refused = outcomes.slice(at, at += requests[i]?.length ?? 0).find(({ errnoName }) => errnoName !== undefined && errnoName !== 'ENODEV')
    if (refused !== undefined) item.done = { state: 'spoiled', why: refused.error?.message ?? '' }
  }
  await look(ports, laundry, surroundings)
}

/** Up, or with a master. */
function isPort (payload: Buffer): boolean {
  return (ifinfomsg.decode(payload).flags & IFF_UP) !== 0 || attributeAt(payload, ifinfomsg.size, common.master.number) !== undefined
}

/** `keepsAddresses`: IPv6 addresses outlast a link that goes down. */
interface Surroundings { readonly forwarding: Forwarding, readonly keepsAddresses: boolean }

/** Forwarding of new links is what was last written for all of them. */
async function surroundingsOf (netns: number): Promise<Surroundings> {
  const [ipv4, ipv6, keep] = await readSysctls(netns, ['ipv4/conf/default/forwarding', 'ipv6/conf/default/forwarding', 'ipv6/conf/all/keep_addr_on_down'].map((name) => `/proc/sys/net/${name}`))
  const on = (value: string | undefined): boolean | undefined => value === undefined ? undefined : value !== '0'
  return { forwarding: { ipv4: on(ipv4), ipv6: on(ipv6) }, keepsAddresses: on(keep) === true }
}

/** Whether new links here forward, by default. Throws KernelError. */
export async function forwardingOfNew (netns: number): Promise<Forwarding> { return (await surroundingsOf(netns)).forwarding }

/** Whether a link forwards as new ones do: it may have been laundered while that was switched for all. */
export const forwardsLike = (now: Forwarding, then: Forwarding): boolean => (now.ipv4 ?? then.ipv4) === then.ipv4 && (now.ipv6 ?? then.ipv6) === then.ipv6

/** Whether a program without privilege may open it; and with IFF_NO_CARRIER or TUNSETCARRIER without a trace, so that only opening it proves that nobody has. */
export function anybodys ({ uid, gid }: Pick<TapObject, 'uid' | 'gid'>): boolean { return uid >= 0 || gid >= 0 }

/** Proves that nobody has a descriptor of a TAP, which a guest of the last network could go on using, and takes back what was set through them. */
async function renew (item: Item, { netns, tap }: Laundry): Promise<void> {
  if (tap === undefined || item.message === undefined) return
  const seen = glance(item.message.payload)
  // As it was when it was lent: nobody has opened it since.
  if (!anybodys(tap) && !seen.carrier && seen.carrierChanges === item.one.carrierChanges) return
  // Others may join a TAP of several queues; one of a single queue is EBUSY.
  if (tap.queues > 1 && linkState(link.decode(item.message)).tap?.queues !== 0) { item.done = { state: 'spoiled', why: 'a descriptor is open' }; return }
  try { await native().tapRenew(netns, seen.name, seen.index, tap) } catch (error) {
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

/** Bridges that somebody has given ports. */
async function vacant (work: readonly Item[], transport: Transport): Promise<void> {
  const bridges = work.filter((item) => isOpen(item) && item.one.kind === 'bridge')
  const empty = await dumpsNothing(transport, bridges.map(({ one: { index } }) => link.dump({ master: index })))
  for (const [i, item] of bridges.entries()) if (empty[i] !== true && (await dumpLinks(transport, { master: item.one.index })).length > 0) item.done = { state: 'spoiled', why: 'ports of others' }
}

/** Source: include/uapi/linux/if_bridge.h. */
const MDBA_MDB = 1

/** Indexes of the bridges that have groups. */
async function multicast (transport: Transport): Promise<ReadonlySet<number>> {
  const found = (await dump(transport, dumpMdb())).filter(({ payload }) => (attributeAt(payload, brPortMsg.size, MDBA_MDB)?.length ?? 0) > 0)
  return new Set(found.map(({ payload }) => brPortMsg.decode(payload).ifindex))
}

/** Writes what differs. */
async function liken (item: Item, { transport, pristine, netns }: Laundry, { forwarding }: Surroundings): Promise<void> {
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
