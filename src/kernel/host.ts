/** What this host can and cannot do, read without changing anything. */
import { access, constants } from 'node:fs/promises'
import { release } from 'node:os'
import { NetwrightError } from '../errors.js'
import { send } from '../netlink/call.js'
import { native } from '../netlink/native.js'
import { link } from '../netlink/rtnl/link.js'
import type { Transport } from '../netlink/transport.js'
import { missingCapabilities, type Capability, type Purpose } from './capabilities.js'

export { missingCapabilities, requireCapabilities } from './capabilities.js'

/** Facts for `netwright check`. */
export interface HostFacts {
  /** `6.18.44`; `uname -r`. */
  readonly kernel: string
  /** Whether /dev/net/tun can be opened for reading and writing. */
  readonly tun: boolean
  /** Whether bridged frames pass the ip and inet chains: the sysctls of br_netfilter are there. */
  readonly brNetfilter: boolean
  readonly ipv6: boolean
  readonly missing: { readonly [P in Purpose]: readonly Capability[] }
}

/** Reads them all in the given namespace (-1: the caller's own). Changes nothing. */
export async function hostFacts (netns: number): Promise<HostFacts> {
  const tun = await access('/dev/net/tun', constants.R_OK | constants.W_OK).then(() => true, () => false)
  const [bridged, ipv6] = await native().filesRead(netns, ['/proc/sys/net/bridge/bridge-nf-call-iptables', '/proc/sys/net/ipv6/conf/all/forwarding'], 64)
  return {
    kernel: release(), tun, brNetfilter: bridged != null, ipv6: ipv6 != null,
    missing: { network: missingCapabilities('network'), namespace: missingCapabilities('namespace'), dnsmasq: missingCapabilities('dnsmasq') },
  }
}

/** A multicast address, which no link can have. */
const IMPOSSIBLE = '01:00:00:00:00:00'

/**
 * Whether the kernel can make links of a kind. `modinfo KIND`, but asks the kernel: it is told to make a link with an impossible MAC, which it
 * refuses after it has looked the kind up (loading its module where there is one). Nothing is made.
 * Source: net/core/rtnetlink.c, rtnl_newlink(); br_validate(), veth_validate() and dummy_validate() answer EADDRNOTAVAIL. Throws KernelError on any other refusal.
 */
export async function knowsKind (transport: Transport, kind: 'bridge' | 'veth' | 'dummy'): Promise<boolean> {
  const [outcome] = await send(transport, [link.create({ ifname: 'nwprobe', address: IMPOSSIBLE, linkinfo: { kind } }, kind)])
  if (outcome?.error?.errnoName === 'EADDRNOTAVAIL') return true
  if (outcome?.error?.errnoName === 'EOPNOTSUPP') return false
  throw outcome?.error ?? new NetwrightError('NETWRIGHT_UNKNOWN_OUTCOME', `the kernel did not say whether it knows links of kind ${kind}`)
}
