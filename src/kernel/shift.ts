/**
 * Layer 3 moves from one link to another, between which frames pass (a NIC and the bridge that it is, or was, a port of). As long as both have
 * the addresses, packets pass whichever of them a route names: so what is new is made first, then each route is changed over, and what is old goes last.
 */
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_REPLACE } from '../netlink/header.js'
import type { Request } from '../netlink/request.js'
import {
  addr, AF_INET, AF_INET6, IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_NODAD, IFA_F_PERMANENT, IFA_F_SECONDARY, IFA_F_TENTATIVE, type AddrMessage,
} from '../netlink/rtnl/addr.js'
import { neigh, NTF_EXT_LEARNED, NTF_PROXY, NTF_ROUTER, NUD_PERMANENT, NUD_STALE, type NeighMessage } from '../netlink/rtnl/neigh.js'
import { route, RT_TABLE_LOCAL, RTNH_F_ONLINK, type RouteMessage } from '../netlink/rtnl/route.js'
import { isAutomatic, isThrough, tableOf } from './footprint.js'
import type { Known } from './link.js'

/** From where, to where. */
export interface Ends { readonly from: Known, readonly to: Known }

/** What the kernel says about an address; the rest of the flags is ours to ask for. */
const STATE = IFA_F_SECONDARY | IFA_F_DADFAILED | IFA_F_DEPRECATED | IFA_F_TENTATIVE | IFA_F_PERMANENT
const FOREVER = 0xffff_ffff
/** Longest label: IFNAMSIZ without its NUL. */
const LABEL = 15

export const isSix = ({ family }: { readonly family?: number }): boolean => family === AF_INET6
const nameOf = ({ local, address, prefixlen = 0 }: AddrMessage, dev: string): string => `address ${local ?? address ?? ''}/${String(prefixlen)} on ${dev}`

/** `eth0:1` becomes `br0:1`. */
function labelled (label: string | undefined, { from, to }: Ends): string | undefined {
  if (label === undefined || !(label === from.name || label.startsWith(`${from.name}:`))) return label
  const moved = `${to.name}${label.slice(from.name.length)}`
  return moved.length > LABEL ? to.name : moved
}

const later = (seconds: number, elapsed: number): number => seconds === FOREVER ? FOREVER : Math.max(0, Math.round(seconds - elapsed))

/** An address as it is asked for on the other link. `elapsed`: seconds since it was read. */
function moved (message: AddrMessage, ends: Ends, elapsed: number): AddrMessage {
  const { shortFlags: _, flags = 0, cacheinfo, label, rest: _rest, ...kept } = message
  const name = labelled(label, ends)
  const lives = cacheinfo === undefined || (cacheinfo.valid === FOREVER && cacheinfo.prefered === FOREVER) ? {} : {
    cacheinfo: { prefered: later(cacheinfo.prefered, elapsed), valid: Math.max(1, later(cacheinfo.valid, elapsed)), cstamp: 0, tstamp: 0 },
  }
  return { ...kept, index: ends.to.index, flags: flags & ~STATE, ...name === undefined ? {} : { label: name }, ...lives }
}

/** An address whose uniqueness is known needs no second proof: it is of use at once. */
const proven = ({ flags = 0 }: AddrMessage): boolean => (flags & IFA_F_TENTATIVE) === 0

/**
 * `ip addr add … dev TO`, in the order that gives the same order again: IPv4 as they stand (the first of a subnet is its primary), IPv6 backwards (the
 * newest comes first). EEXIST where they are there already.
 */
export function giveAddresses (addresses: readonly AddrMessage[], ends: Ends, elapsed: number): Request[] {
  const four = addresses.filter(({ family }) => family === AF_INET)
  const six = addresses.filter(isSix).reverse()
  return [...four, ...six].map((message) => {
    const wanted = moved(message, ends, elapsed)
    const flags = isSix(message) && proven(message) ? (wanted.flags ?? 0) | IFA_F_NODAD : wanted.flags ?? 0
    return addr.create({ ...wanted, flags }, nameOf(message, ends.to.name))
  })
}

/** IPv6: takes back the mark of not having been proven, which is only ours (`giveAddresses`). `ip addr change`. */
export function settleAddresses (addresses: readonly AddrMessage[], ends: Ends, elapsed: number): Request[] {
  return addresses.filter((message) => isSix(message) && proven(message) && ((message.flags ?? 0) & IFA_F_NODAD) === 0)
    .map((message) => addr.replace(moved(message, ends, elapsed), nameOf(message, ends.to.name)))
}

/** `ip addr del … dev FROM`, secondaries before their primaries, so that none is promoted. EADDRNOTAVAIL where they are gone. */
export function takeAddresses (addresses: readonly AddrMessage[], { from }: Ends): Request[] {
  return [...addresses].reverse().map((message) => {
    const { label: _label, broadcast: _broadcast, cacheinfo: _cacheinfo, rtPriority: _priority, proto: _proto, flags: _flags, shortFlags: _short, rest: _rest, ...key } = message
    return addr.remove({ ...key, index: from.index }, nameOf(message, from.name))
  })
}

/**
 * `ip -6 route del PREFIX dev FROM` for the prefixes of addresses: with an address that was to end some day the kernel leaves its route until then.
 * ESRCH where it is gone. Source: net/ipv6/addrconf.c, check_cleanup_prefix_route().
 */
export function takePrefixes (routes: readonly RouteMessage[], addresses: readonly AddrMessage[], { from }: Ends): Request[] {
  return routes.filter((message) => isSix(message) && isAutomatic(message, addresses)).map((message) => {
    const { dst, dstLen = 0, priority = 0 } = message
    return route.remove({ family: AF_INET6, ...dst === undefined ? {} : { dst }, dstLen, priority, shortTable: tableOf(message) & 0xff, table: tableOf(message), oif: from.index }, routeName(message, from.name))
  })
}

/** Units: the kernel counts a route's end in hundredths of a second. */
const TICKS = 100

/** A route as it is asked for through the other link. */
export function rerouted (message: RouteMessage, { from, to }: Ends, elapsed: number): RouteMessage {
  const { flags = 0, oif, multipath, cacheinfo, mfcStats: _, ...kept } = message
  const at = (index: number): number => index === from.index ? to.index : index
  return {
    ...kept, flags: flags & RTNH_F_ONLINK, ...oif === undefined ? {} : { oif: at(oif) },
    ...multipath === undefined ? {} : { multipath: multipath.map(({ ifindex = 0, flags = 0, ...hop }) => ({ ...hop, flags: flags & RTNH_F_ONLINK, ifindex: at(ifindex) })) },
    ...isSix(message) && (cacheinfo?.expires ?? 0) > 0 ? { expires: Math.max(1, Math.round((cacheinfo?.expires ?? 0) / TICKS - elapsed)) } : {},
  }
}

/** Of two routes with the same key the first one counts. */
export const keyOf = (message: RouteMessage): string => {
  const { family, dst = '', dstLen = 0, src = '', srcLen = 0, tos = 0, priority = 0 } = message
  return [family, tableOf(message), dst, dstLen, src, srcLen, tos, priority].join(' ')
}

const routeName = ({ dst, dstLen = 0 }: RouteMessage, dev: string): string => `route ${dst === undefined ? 'default' : `${dst}/${String(dstLen)}`} on ${dev}`

/**
 * Changes routes over, each in place: `ip route replace` where it is the first of its key, which the kernel does in one step, else `ip route append` and
 * `ip route del`. `all` is what there is now, so that nobody else's route is hit. What belongs to an address is left to it.
 */
export function moveRoutes (all: readonly RouteMessage[], addresses: readonly AddrMessage[], ends: Ends): Request[] {
  const seen = new Set<string>()
  return all.flatMap((message) => {
    const key = keyOf(message)
    const first = !seen.has(key)
    seen.add(key)
    if (tableOf(message) === RT_TABLE_LOCAL || !isThrough(message, ends.from.index) || isAutomatic(message, addresses)) return []
    const wanted = rerouted(message, ends, 0)
    const made = route.create(wanted, routeName(message, ends.to.name))
    if (first) return [{ ...made, flags: NLM_F_CREATE | NLM_F_REPLACE }]
    return [{ ...made, flags: NLM_F_CREATE | NLM_F_APPEND }, route.remove(rerouted(message, { from: ends.from, to: ends.from }, 0), routeName(message, ends.from.name))]
  })
}

/** Those of `before` that are not there: they end with a link that goes down. `ip route append`. */
export function missingRoutes (before: readonly RouteMessage[], all: readonly RouteMessage[], dev: Known, elapsed: number): Request[] {
  const shape = (message: RouteMessage): string => {
    const { expires: _, ...kept } = rerouted(message, { from: dev, to: dev }, 0)
    return JSON.stringify(Object.entries(kept).sort(([a], [b]) => a < b ? -1 : 1))
  }
  const there = new Set(all.filter((message) => isThrough(message, dev.index)).map(shape))
  return before.filter((message) => !there.has(shape(message)))
    .map((message) => ({ ...route.create(rerouted(message, { from: dev, to: dev }, elapsed), routeName(message, dev.name)), flags: NLM_F_CREATE | NLM_F_APPEND }))
}

/** Without what the kernel tells and does not take. */
function keyOfNeighbour (message: NeighMessage): Pick<NeighMessage, 'family' | 'dst' | 'lladdr' | 'state' | 'flags' | 'protocol'> {
  const { cacheinfo: _cacheinfo, probes: _probes, rest: _rest, master: _master, viaIfindex: _via, ifindex: _ifindex, type: _type, ...key } = message
  return key
}

const neighbourName = ({ dst = '' }: NeighMessage, dev: string): string => `neighbour ${dst} on ${dev}`
const isPermanent = ({ state = 0, flags = 0 }: NeighMessage): boolean => (state & NUD_PERMANENT) !== 0 || (flags & NTF_PROXY) !== 0

/** `ip neigh add … dev TO`: permanent ones and proxies as they are, learned ones to be asked again when they are used. EEXIST where they are there. */
export function giveNeighbours (neighbours: readonly NeighMessage[], { to }: Ends): Request[] {
  return neighbours.map((message) => {
    const { lladdr, state = 0, flags = 0, ...key } = keyOfNeighbour(message)
    const proxy = (flags & NTF_PROXY) !== 0
    return neigh.create({
      ...key, ifindex: to.index, flags: flags & (NTF_PROXY | NTF_ROUTER | NTF_EXT_LEARNED),
      state: proxy || (state & NUD_PERMANENT) !== 0 ? state : NUD_STALE, ...proxy || lladdr === undefined ? {} : { lladdr },
    }, neighbourName(message, to.name))
  })
}

/** `ip neigh del … dev FROM`: what somebody has set. What was learned is forgotten in time. ENOENT where they are gone. */
export function takeNeighbours (neighbours: readonly NeighMessage[], { from }: Ends): Request[] {
  return neighbours.filter(isPermanent).map((message) => {
    const { lladdr: _lladdr, state: _state, protocol: _protocol, flags = 0, ...key } = keyOfNeighbour(message)
    return neigh.remove({ ...key, ifindex: from.index, flags: flags & NTF_PROXY }, neighbourName(message, from.name))
  })
}
