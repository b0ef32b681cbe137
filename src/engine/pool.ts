/** Free subnets and free addresses. Pure: callers read what is taken, and hold the lock until the choice is visible to others. */
import { NetwrightError } from '../errors.js'
import { broadcast, cidrFamily, cidrSize, contains, formatCidr, network, parseCidr, type Cidr } from '../values/cidr.js'
import { ipBits, ipFromBigInt, ipToBigInt, type Ip } from '../values/ip.js'

/** Where automatic subnets come from unless `pools` says otherwise: halves of private ranges (RFC 1918) that home routers and clouds use least. */
export const defaultPools: readonly string[] = ['10.128.0.0/9', '192.168.128.0/17']

interface Span { readonly from: bigint, readonly to: bigint }
const span = (cidr: Cidr): Span => ({ from: ipToBigInt(network(cidr).address), to: ipToBigInt(network(cidr).address) + cidrSize(cidr) - 1n })

/**
 * The first prefix of that length in the pools that overlaps nothing in `taken`. Sorts once and walks once, whatever the number of networks.
 * Throws NETWRIGHT_NO_FREE_SUBNET.
 */
export function freePrefix (pools: readonly string[], length: number, taken: readonly Cidr[]): Cidr {
  for (const pool of pools.map((text) => parseCidr(text, 'pools'))) {
    const family = cidrFamily(pool)
    if (length < pool.prefix || length > ipBits(family)) continue
    const size = 1n << BigInt(ipBits(family) - length)
    const { from, to } = span(pool)
    let candidate = from
    for (const other of taken.filter((cidr) => cidrFamily(cidr) === family).map(span).sort((a, b) => a.from < b.from ? -1 : a.from > b.from ? 1 : 0)) {
      if (other.to < candidate) continue
      if (other.from > candidate + size - 1n) break
      candidate = (other.to / size + 1n) * size
    }
    if (candidate + size - 1n <= to) return { address: ipFromBigInt(candidate, family), prefix: length }
  }
  throw new NetwrightError('NETWRIGHT_NO_FREE_SUBNET', `no free /${String(length)} is left in ${pools.join(', ')}`, { remedy: 'give more pools to openHost({ pools }), or a subnet' })
}

/** The first free address of `ranges` (in their order), then of the rest of the subnet; never the network's, the broadcast's or a taken one. Throws NETWRIGHT_NO_FREE_ADDRESS. */
export function freeAddress (subnet: Cidr, ranges: readonly { readonly start: Ip, readonly end: Ip }[], taken: ReadonlySet<Ip>): Ip {
  const family = cidrFamily(subnet)
  const whole = span(subnet)
  const spans = [...ranges.map(({ start, end }) => ({ from: ipToBigInt(start), to: ipToBigInt(end) })), whole]
  for (const { from, to } of spans) {
    for (let value = from, tries = 0; value <= to && tries <= taken.size + 2; value++, tries++) {
      const ip = ipFromBigInt(value, family)
      if (taken.has(ip) || !contains(subnet, ip) || value === whole.from || (family === 4 && ip === broadcast(subnet))) continue
      return ip
    }
  }
  throw new NetwrightError('NETWRIGHT_NO_FREE_ADDRESS', `no free address is left in ${formatCidr(subnet)}`, { remedy: 'detach ports that are no longer used, or define a larger subnet' })
}
