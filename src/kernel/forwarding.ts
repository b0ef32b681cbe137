/**
 * Whether the host forwards packets, and how to put back all that one write to it changes.
 *
 * Writing net.ipv4.ip_forward, even the value that it has, writes conf/default/forwarding, every interface's forwarding and conf/all/accept_redirects.
 * net.ipv6.conf.all.forwarding does the same but for the redirects. Source: net/ipv4/devinet.c, inet_forward_change();
 * net/ipv6/addrconf.c, addrconf_fixup_forwarding().
 */
import { mapSlowly } from '../netlink/breathe.js'
import { dump } from '../netlink/call.js'
import { AF_INET, AF_INET6 } from '../netlink/rtnl/addr.js'
import { forwardingOn, netconf } from '../netlink/rtnl/netconf.js'
import type { Transport } from '../netlink/transport.js'
import { readEach } from './link-state.js'
import { readSysctls, writeSysctls, type Sysctl } from './sysctl.js'

/** 4 or 6. */
type Family = 4 | 6

/** What one family's forwarding was before we switched it on. Plain JSON, for the journal. */
export interface ForwardingState {
  readonly family: Family
  /** Whether the host forwarded. */
  readonly on: boolean
  /** The files that switching overwrites, the global one left out, each with its value. */
  readonly files: readonly Sysctl[]
}

const directory = (family: Family): string => `/proc/sys/net/ipv${String(family)}/conf`
// ipv4/ip_forward and ipv4/conf/all/forwarding are one and the same.
const switchOf = (family: Family): string => `${directory(family)}/all/forwarding`

/**
 * Reads it for one family; `interfaces` are the names of all links of the namespace. undefined where the kernel has no such family.
 * `sysctl -a | grep forwarding`. Throws KernelError.
 */
export async function forwardingState (netns: number, family: Family, interfaces: readonly string[]): Promise<ForwardingState | undefined> {
  const paths = [
    switchOf(family),
    ...family === 4 ? [`${directory(4)}/all/accept_redirects`] : [],
    ...['default', ...interfaces].map((name) => `${directory(family)}/${name}/forwarding`),
  ]
  const [on, ...values] = await readSysctls(netns, paths)
  if (on === undefined) return undefined
  const files = paths.slice(1).flatMap((path, i) => {
    const value = values[i]
    return value === undefined ? [] : [{ path, value }]
  })
  return { family, on: on !== '0', files }
}

/**
 * The names of the interfaces whose own switch is on: one dump, of which only they are decoded, however many links there are. Where the global switch is off,
 * they alone need to be put back by name. `ip -4 netconf show`. Throws KernelError.
 */
export async function exceptions (transport: Transport, family: Family): Promise<string[]> {
  const found = await mapSlowly(await dump(transport, netconf.dump({ family: family === 4 ? AF_INET : AF_INET6 }), forwardingOn), netconf.decode)
  const indexes = found.flatMap(({ ifindex, forwarding = 0 }) => ifindex !== undefined && ifindex > 0 && forwarding !== 0 ? [ifindex] : [])
  return (await readEach(transport, indexes.map((index) => ({ index })))).flatMap((state) => state?.name ?? [])
}

/**
 * `sysctl -w net.ipv4.ip_forward=1`, `sysctl -w net.ipv6.conf.all.forwarding=1`. Throws KernelError.
 * For IPv6 the kernel then forgets default routes learned from routers, on interfaces whose accept_ra is not 2.
 */
export async function switchForwarding (netns: number, family: Family, on: boolean): Promise<void> {
  await writeSysctls(netns, [{ path: switchOf(family), value: on ? '1' : '0' }])
}

/**
 * Puts back what `forwardingState` saw. Interfaces that are gone are skipped, those that came meanwhile get the global value.
 * Where somebody else has changed the switch since, all is left as it is: false is returned. Throws KernelError.
 */
export async function restoreForwarding (netns: number, state: ForwardingState, switchedTo = true): Promise<boolean> {
  const [now] = await readSysctls(netns, [switchOf(state.family)])
  if (now === undefined || (now !== '0') !== switchedTo) return false
  const global = state.on ? '1' : '0'
  if (state.on !== switchedTo) await writeSysctls(netns, [{ path: switchOf(state.family), value: global }])
  const current = await readSysctls(netns, state.files.map(({ path }) => path))
  await writeSysctls(netns, state.files.filter(({ value }, i) => current[i] !== undefined && current[i] !== value))
  return true
}
