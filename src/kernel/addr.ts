/** Addresses of links: made, removed, read. */
import { addr, AF_INET, AF_INET6, dumpAddrs, IFA_F_DADFAILED, IFA_F_NODAD, IFA_F_TENTATIVE, type AddrMessage } from '../netlink/rtnl/addr.js'
import type { Request } from '../netlink/request.js'
import type { Transport } from '../netlink/transport.js'
import { broadcast, cidrOf } from '../values/cidr.js'
import { parseIp } from '../values/ip.js'
import { describe, type AddressObject } from './object.js'

/** Shortest prefixes without a broadcast address of their own (RFC 3021). */
const POINT_TO_POINT = 31

/**
 * `ip addr add ADDRESS/PREFIX brd + dev DEV`, IPv6 with `nodad`: the bridge has no ports yet, so duplicate detection would only delay dnsmasq.
 * The address may equal the network's own. EEXIST where the link has it already. Throws InputError on text that is no address.
 */
export function addressRequest (object: AddressObject): Request {
  const cidr = cidrOf(parseIp(object.address), object.prefix)
  const six = cidr.address.includes(':')
  return addr.create({
    family: six ? AF_INET6 : AF_INET, prefixlen: cidr.prefix, index: object.index, local: cidr.address, address: cidr.address,
    ...six ? { flags: IFA_F_NODAD } : cidr.prefix < POINT_TO_POINT ? { broadcast: broadcast(cidr) } : {},
  }, describe(object))
}

/** `ip addr del ADDRESS/PREFIX dev DEV`. EADDRNOTAVAIL where the link has it not. */
export function removeAddressRequest (object: AddressObject): Request {
  const address = parseIp(object.address)
  return addr.remove({ family: address.includes(':') ? AF_INET6 : AF_INET, prefixlen: object.prefix, index: object.index, local: address, address }, describe(object))
}

/** `ip addr show`. */
export interface AddressState {
  readonly index: number
  readonly address: string
  readonly prefix: number
  readonly broadcast?: string
  /** IPv6: not yet known to be nobody else's. */
  readonly tentative: boolean
  /** IPv6: somebody else has it. */
  readonly duplicate: boolean
}

/** `ip addr show [dev INDEX]`, both families. Throws KernelError. */
export async function readAddresses (transport: Transport, index?: number): Promise<AddressState[]> {
  return (await dumpAddrs(transport, index === undefined ? {} : { index })).flatMap(addressState)
}

function addressState (message: AddrMessage): AddressState[] {
  // A link's own address is IFA_LOCAL where that is there; IPv6 sends IFA_ADDRESS alone unless there is a peer.
  const address = message.local ?? message.address
  if (address === undefined) return []
  const flags = message.flags ?? message.shortFlags ?? 0
  return [{
    index: message.index ?? 0, address, prefix: message.prefixlen ?? 0,
    tentative: (flags & IFA_F_TENTATIVE) !== 0, duplicate: (flags & IFA_F_DADFAILED) !== 0,
    ...message.broadcast === undefined ? {} : { broadcast: message.broadcast },
  }]
}
