/** Which links can become the port of a bridge. Source: net/bridge/br_if.c, br_add_if(). */
import { access, readFile } from 'node:fs/promises'
import { NetwrightError } from '../errors.js'
import { get } from '../netlink/call.js'
import { isErrno } from '../netlink/errno.js'
import { dumpAddrs, RT_SCOPE_LINK } from '../netlink/rtnl/addr.js'
import { dumpLinks, IFF_LOOPBACK, IFF_LOWER_UP, IFF_UP, link, RTEXT_FILTER_SKIP_STATS, type LinkMessage } from '../netlink/rtnl/link.js'
import type { Transport } from '../netlink/transport.js'

/** include/uapi/linux/if_arp.h: everything else is not Ethernet, and a bridge takes no ports of it. */
const ARPHRD_ETHER = 1
/** Links that say of themselves that they are no ports (IFF_DONT_BRIDGE). */
const NEVER = new Set(['macvlan', 'macvtap', 'ipvlan', 'ipvtap'])
/** What takes a link's frames before a bridge could: one of them at a time (rx_handler). */
const TAKERS = new Set(['macvlan', 'macvtap', 'ipvlan', 'ipvtap'])

/** `ip -d link show dev NAME`, as the kernel says it; undefined where there is none. Throws KernelError. */
export async function readRawLink (transport: Transport, by: { readonly name: string } | { readonly index: number }): Promise<LinkMessage | undefined> {
  const asked = 'name' in by ? link.get({ ifname: by.name, extMask: RTEXT_FILTER_SKIP_STATS }, by.name) : link.get({ index: by.index, extMask: RTEXT_FILTER_SKIP_STATS }, `link ${String(by.index)}`)
  try {
    const found = (await get(transport, asked)).find(({ type }) => type === link.types.new)
    return found === undefined ? undefined : link.decode(found)
  } catch (error) {
    if (isErrno(error, 'ENODEV')) return undefined
    throw error
  }
}

interface Unfitness { readonly why: string, readonly remedy: string, readonly conflict: { readonly kind: string, readonly name: string, readonly detail?: string } }

/** Throws NETWRIGHT_NOT_FOUND, and NETWRIGHT_UPLINK_UNFIT with the reason. `carrier: false` for what may come up later. */
export async function requireUplink (transport: Transport, name: string, { carrier = true }: { readonly carrier?: boolean } = {}): Promise<LinkMessage> {
  const found = await readRawLink(transport, { name })
  if (found === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `there is no link named ${name}`, { remedy: 'ip link show' })
  const unfit = await wireless(found) ?? ofItsKind(found) ?? await taken(transport, found) ?? await idle(transport, found, carrier)
  if (unfit !== undefined) throw new NetwrightError('NETWRIGHT_UPLINK_UNFIT', `${name} cannot be the port of a bridge: ${unfit.why}`, { remedy: unfit.remedy, conflict: unfit.conflict })
  return found
}

const nameOf = ({ ifname = '' }: LinkMessage): string => ifname

/**
 * An access point takes only frames that bear the station's own address, so a guest's frames would be lost: cfg80211 forbids it (IFF_DONT_BRIDGE).
 * sysfs shows the links of the namespace in which it was mounted: a link of that name with another index is somebody else's, and then the kernel's refusal is all there is.
 */
async function wireless (message: LinkMessage): Promise<Unfitness | undefined> {
  const name = nameOf(message)
  const at = `/sys/class/net/${name}`
  const index = await readFile(`${at}/ifindex`, 'utf8').catch(() => '')
  if (Number(index) !== message.index) return undefined
  const there = await Promise.all(['phy80211', 'wireless'].map(async (file) => await access(`${at}/${file}`).then(() => true, () => false)))
  if (!there.includes(true)) return undefined
  return {
    why: 'it is a Wi-Fi link, and an access point takes no frames but those with the link\'s own MAC: frames of guests would be lost',
    remedy: 'use a network with forward mode nat or route over it: netwright net-define FILE', conflict: { kind: 'wireless', name },
  }
}

function ofItsKind (message: LinkMessage): Unfitness | undefined {
  const name = nameOf(message)
  const kind = message.linkinfo?.kind
  const remedy = 'name a NIC, a VLAN or a bond: ip -d link show'
  if (isLoopback(message)) return { why: 'it is the loopback', remedy, conflict: { kind: 'loopback', name } }
  if (kind === 'bridge') return { why: 'it is a bridge itself', remedy: 'attach guests to that bridge', conflict: { kind: 'bridge', name } }
  if (kind !== undefined && NEVER.has(kind)) return { why: `it is a ${kind} link, which has one MAC only`, remedy, conflict: { kind, name } }
  return notEthernet(message)
}

const isLoopback = ({ flags = 0 }: LinkMessage): boolean => (flags & IFF_LOOPBACK) !== 0

function notEthernet (message: LinkMessage): Unfitness | undefined {
  const kind = message.linkinfo?.kind
  const wrong = message.type !== ARPHRD_ETHER
  return wrong ? { why: `it does not carry Ethernet frames${kind === undefined ? '' : ` (${kind})`}`, remedy: 'name a NIC, a VLAN or a bond: ip -d link show', conflict: { kind: kind ?? 'link', name: nameOf(message) } } : undefined
}

/** What the kernel says with a bare EINVAL: throws NETWRIGHT_UPLINK_UNFIT where no macvtap can stand on a link. Source: drivers/net/macvlan.c, macvlan_port_create(). */
export function requireLower (message: LinkMessage): void {
  const name = nameOf(message)
  const unfit = isLoopback(message) ? { why: 'it is the loopback', remedy: 'name a NIC, a VLAN or a bond: ip -d link show', conflict: { kind: 'loopback', name } } : notEthernet(message)
  if (unfit !== undefined) throw new NetwrightError('NETWRIGHT_UPLINK_UNFIT', `${name} cannot carry a macvtap: ${unfit.why}`, { remedy: unfit.remedy, conflict: unfit.conflict })
}

/** Somebody else has its frames. */
async function taken (transport: Transport, message: LinkMessage): Promise<Unfitness | undefined> {
  const { master = 0, index } = message
  if (master !== 0) {
    const owner = await readRawLink(transport, { index: master })
    const [by, kind] = [owner?.ifname ?? `link ${String(master)}`, owner?.linkinfo?.kind ?? 'link']
    return { why: `it is a port of ${kind} ${by} already`, remedy: `ip link set ${nameOf(message)} nomaster, if nothing depends on it`, conflict: { kind, name: by } }
  }
  const upper = (await dumpLinks(transport)).find((one) => one.link === index && one.linkNetnsid === undefined && TAKERS.has(one.linkinfo?.kind ?? ''))
  if (upper === undefined) return undefined
  const kind = upper.linkinfo?.kind ?? 'link'
  return { why: `${kind} ${nameOf(upper)} takes its frames`, remedy: `ip link del ${nameOf(upper)}`, conflict: { kind, name: nameOf(upper) } }
}

async function idle (transport: Transport, message: LinkMessage, carrier: boolean): Promise<Unfitness | undefined> {
  const { index = 0, flags = 0, linkinfo } = message
  const name = nameOf(message)
  if (linkinfo?.kind === 'bond' && (await dumpLinks(transport, { master: index })).length === 0) {
    return { why: 'it is a bond without members', remedy: `ip link set NIC down; ip link set NIC master ${name}`, conflict: { kind: 'bond', name, detail: 'no members' } }
  }
  if (!carrier || ((flags & IFF_UP) !== 0 && (flags & IFF_LOWER_UP) !== 0)) return undefined
  const down = (flags & IFF_UP) === 0
  return { why: down ? 'it is down' : 'it has no link: no carrier', remedy: down ? `ip link set ${name} up` : 'look at its cable and at the other end', conflict: { kind: 'link', name, detail: down ? 'down' : 'no carrier' } }
}

/** Whether anything depends on a link: an address that somebody has given it, or a link on top of it. */
export async function attachedTo (transport: Transport, index: number): Promise<boolean> {
  const addresses = (await dumpAddrs(transport, { index })).some(({ scope }) => scope !== RT_SCOPE_LINK)
  return addresses || (await dumpLinks(transport)).some((one) => one.index !== index && one.link === index && one.linkNetnsid === undefined)
}
