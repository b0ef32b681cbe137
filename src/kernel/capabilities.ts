/** What this process may do. */
import { NetwrightError } from '../errors.js'
import { native } from '../netlink/native.js'

/** Source: include/uapi/linux/capability.h. */
const capability = {
  CAP_DAC_OVERRIDE: 1,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_SYS_ADMIN: 21,
} as const
export type Capability = keyof typeof capability

const needs = {
  /** Links, addresses, routes, rules, TAPs. */
  network: ['CAP_NET_ADMIN'],
  /** setns(), and making namespaces. */
  namespace: ['CAP_NET_ADMIN', 'CAP_SYS_ADMIN'],
  /** dnsmasq binds 53 and 67, then becomes another user and keeps NET_ADMIN and NET_RAW. Source: dnsmasq 2.90, src/dnsmasq.c, main(). */
  dnsmasq: ['CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE', 'CAP_NET_RAW', 'CAP_SETGID', 'CAP_SETUID'],
} as const satisfies Record<string, readonly Capability[]>
/** What one wants to do. */
export type Purpose = keyof typeof needs

/** The capabilities that this process lacks for `purposes`, sorted; empty when it may. `capsh --print`. */
export function missingCapabilities (...purposes: readonly Purpose[]): readonly Capability[] {
  const held = native().capabilities()
  const wanted = new Set<Capability>(purposes.flatMap((purpose) => needs[purpose]))
  return [...wanted].filter((name) => (held >> BigInt(capability[name]) & 1n) === 0n).sort()
}

/** Throws NETWRIGHT_NO_PERMISSION naming what is missing. */
export function requireCapabilities (...purposes: readonly Purpose[]): void {
  const missing = missingCapabilities(...purposes)
  if (missing.length === 0) return
  throw new NetwrightError('NETWRIGHT_NO_PERMISSION', `this process lacks ${missing.join(', ')}`, { missing, remedy: 'run as root, or in a user namespace of your own: unshare -Urnm' })
}
