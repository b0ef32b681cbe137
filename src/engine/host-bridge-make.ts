/** Makes a host bridge: the links, then everything that layer 3 knows about the uplink moves to it. */
import { KernelError, NetwrightError } from '../errors.js'
import { attachedTo } from '../kernel/uplink.js'
import { upRequest, type Known } from '../kernel/link.js'
import { readSysctls, writeSysctls } from '../kernel/sysctl.js'
import { isErrno } from '../netlink/errno.js'
import type { Request } from '../netlink/request.js'
import { IN6_ADDR_GEN_MODE_EUI64, IN6_ADDR_GEN_MODE_NONE, link, type LinkMessage } from '../netlink/rtnl/link.js'
import { ahead, arrival, carries, demand, departure, enslave, release, settling, silence, type Means, type Way } from './carry.js'
import type { Planned } from './host-bridge-plan.js'
import type { CreationRecord, KeptRecord, RemovalRecord } from './host-bridge-record.js'
import { meaning } from './sending.js'
import type { Steps } from './steps.js'

/** What IPv6 does by itself on a link, and so must do on the one that takes its place. `sysctl net.ipv6.conf.DEV.*`. */
const SIX = [
  'accept_dad', 'accept_ra', 'accept_ra_defrtr', 'accept_ra_from_local', 'accept_ra_min_hop_limit', 'accept_ra_mtu', 'accept_ra_pinfo', 'accept_ra_rtr_pref', 'accept_redirects', 'autoconf',
  'dad_transmits', 'disable_ipv6', 'forwarding', 'hop_limit', 'ndisc_notify', 'proxy_ndp', 'use_tempaddr',
]

export interface Making {
  readonly means: Means
  readonly steps: Steps
  /** False on a kernel without IPv6. */
  readonly ipv6: boolean
  /** At boot: a port that has no carrier yet is not waited for. */
  readonly patient: boolean
}

/** Carries out what the record says. Returns how long packets had no sure way, milliseconds. Throws what was refused; then all is to be taken back. */
export async function makeHostBridge (record: CreationRecord, { like, made, bond }: Pick<Planned, 'like' | 'made' | 'bond'>, { means, steps, ipv6, patient }: Making): Promise<number> {
  const { bridge, port, target, sources } = record
  const ways = sources.map((source): Way => ({ footprint: source.footprint, home: source, from: source, to: target }))
  const silent = sources.filter(({ addrGenMode }) => addrGenMode !== undefined)
  for (const one of made) {
    await steps.before(`make ${one.name}`)
    await make(one.request, means)
    if (ipv6) await demand([{ requests: [silence(one)] }], means)
  }
  await steps.before('make the bridge')
  await bridgeLike(like, bridge, { means, ipv6 })
  await steps.before('give addresses')
  if (target.index !== bridge.index) await demand([{ requests: [upRequest(target, true)] }], means)
  await demand(ways.flatMap(ahead), means)
  await steps.before('enslave')
  const arrivals = await Promise.all(ways.map(async (way) => await arrival(way, means)))
  const began = performance.now()
  await demand([
    ...bond === undefined ? [] : [{ requests: [...silent.map(silence), ...sources.flatMap((source) => [upRequest(source, false), enslave(source, bond)])] }],
    { requests: [...patient && bond === undefined ? sources : [], ...made].map((one) => upRequest(one, true)) },
    { requests: [enslave(port, bridge)] },
  ], means)
  if (!patient) await carries(bridge, means)
  await steps.before('move')
  await demand([...arrivals.flat(), ...ways.flatMap(departure), { requests: silent.map(silence) }], means)
  const took = performance.now() - began
  await steps.before('settle')
  for (const way of ways) await refuse(settling(way, means))
  if (silent[0]?.addrGenMode === IN6_ADDR_GEN_MODE_EUI64) await demand([{ requests: [link.change({ index: target.index, afSpec: { inet6: { addrGenMode: IN6_ADDR_GEN_MODE_EUI64 } } }, target.name)] }], means)
  return took
}

/** Throws NETWRIGHT_NAME_IN_USE, NETWRIGHT_UNSUPPORTED where the kernel has no such links, KernelError. */
async function make (request: Request, means: Means): Promise<void> {
  try { await demand([{ requests: [request] }], means) } catch (error) {
    if (!(error instanceof KernelError)) throw error
    if (isErrno(error, 'EOPNOTSUPP')) throw new NetwrightError('NETWRIGHT_UNSUPPORTED', `this kernel cannot make ${request.object}: ${error.message}`, { cause: error, remedy: 'modprobe bonding 8021q, or another kernel' })
    throw meaning(error, request)
  }
}

async function refuse (left: ReturnType<typeof settling>): Promise<void> {
  const [first] = await left
  if (first !== undefined) throw first.error
}

/**
 * A bridge that is to the network what the uplink was: its MAC, its settings, no spanning tree, so that it forwards at once. Up, and without addresses of its own making.
 * `ip link add NAME index N address MAC type bridge stp_state 0 forward_delay 0; sysctl …; ip link set NAME addrgenmode none up`.
 */
async function bridgeLike (uplink: LinkMessage, bridge: Known, { means, ipv6 }: Pick<Making, 'means' | 'ipv6'>): Promise<void> {
  const { address = '', afSpec, ifname = '' } = uplink
  const made = link.create({ index: bridge.index, ifname: bridge.name, address, linkinfo: { kind: 'bridge', data: { forwardDelay: 0, stpState: 0 } } }, bridge.name)
  await make(made, means)
  const path = (dev: string, name: string): string => `/proc/sys/net/ipv6/conf/${dev}/${name}`
  const [theirs, ours] = [await readSysctls(means.netns.fd, SIX.map((name) => path(ifname, name))), await readSysctls(means.netns.fd, SIX.map((name) => path(bridge.name, name)))]
  await writeSysctls(means.netns.fd, SIX.flatMap((name, at) => {
    const value = theirs[at]
    return value === undefined || value === ours[at] ? [] : [{ path: path(bridge.name, name), value }]
  }))
  const { mcForwarding: _, rest: _rest, ...conf } = afSpec?.inet?.conf ?? {}
  await demand([{ requests: [
    link.change({ index: bridge.index, afSpec: { ...Object.keys(conf).length === 0 ? {} : { inet: { conf } }, ...ipv6 ? { inet6: { addrGenMode: IN6_ADDR_GEN_MODE_NONE } } : {} } }, bridge.name),
    upRequest(bridge, true),
  ] }], means)
}

/** The inverse: everything moves from the bridge to its port, and the port leaves the bridge, which stays until it is confirmed. */
export async function leaveHostBridge ({ bridge, port, sources, before }: RemovalRecord, { means, steps }: Pick<Making, 'means' | 'steps'>): Promise<number> {
  const way: Way = { footprint: before, home: bridge, from: bridge, to: port }
  const mode = sources.find(({ index }) => index === port.index)?.addrGenMode ?? sources[0]?.addrGenMode
  await steps.before('give addresses')
  const began = performance.now()
  await demand(ahead(way), means)
  await steps.before('move')
  await demand([...await arrival(way, means), { requests: release(port, mode) }, ...departure(way)], means)
  const took = performance.now() - began
  await steps.before('settle')
  await refuse(settling(way, means))
  return took
}

/** What is no longer needed when the bridge has been left: the bridge, and what was made for it and has no addresses. */
export async function clearHostBridge ({ bridge, made }: KeptRecord, means: Means): Promise<void> {
  await demand([{ requests: [upRequest(bridge, false), link.remove({ index: bridge.index }, bridge.name)], unless: ['ENODEV'] }], means)
  for (const one of [...made].reverse()) if (!await attachedTo(means.rtnl, one.index)) await demand([{ requests: [link.remove({ index: one.index }, one.name)], unless: ['ENODEV'] }], means)
}
