/** Free subnets and free addresses. Pure: callers read what is taken, and hold the lock until the choice is visible to others. */
import { NetwrightError } from '../errors.js'
import { mapSlowly } from '../netlink/breathe.js'
import { broadcast, cidrFamily, cidrSize, contains, formatCidr, parseCidr, type Cidr } from '../values/cidr.js'
import { ipBits, ipFromBigInt, ipToBigInt, type Ip } from '../values/ip.js'

/** Where automatic subnets come from unless `pools` says otherwise: halves of private ranges (RFC 1918) that home routers and clouds use least. */
export const defaultPools: readonly string[] = ['10.128.0.0/9', '192.168.128.0/17']

interface Span { readonly from: bigint, readonly to: bigint }

function span (cidr: Cidr): Span {
  const size = cidrSize(cidr)
  const from = ipToBigInt(cidr.address) / size * size
  return { from, to: from + size - 1n }
}

/** Subnets that are spoken for: sorted once, so that each of hundreds of choices among thousands of routes is one short walk. */
export class Taken {
  readonly #spans: Readonly<Record<4 | 6, Span[]>> = { 4: [], 6: [] }

  private constructor (spans: readonly (readonly [family: 4 | 6, Span])[]) {
    for (const [family, one] of spans) this.#spans[family].push(one)
    for (const spans of [this.#spans[4], this.#spans[6]]) spans.sort((a, b) => a.from < b.from ? -1 : a.from > b.from ? 1 : 0)
  }

  static async of (cidrs: readonly Cidr[]): Promise<Taken> {
    return new Taken(await mapSlowly(cidrs, (cidr) => [cidrFamily(cidr), span(cidr)] as const))
  }

  add (cidr: Cidr): void {
    const spans = this.#spans[cidrFamily(cidr)]
    const one = span(cidr)
    spans.splice(from(spans, one.from), 0, one)
  }

  /** The first prefix of that length in the pools that overlaps nothing. Throws NETWRIGHT_NO_FREE_SUBNET. */
  free (pools: readonly string[], length: number): Cidr {
    for (const pool of pools.map((text) => parseCidr(text, 'pools'))) {
      const family = cidrFamily(pool)
      if (length < pool.prefix || length > ipBits(family)) continue
      const candidate = this.#first(family, span(pool), 1n << BigInt(ipBits(family) - length))
      if (candidate !== undefined) return { address: ipFromBigInt(candidate, family), prefix: length }
    }
    throw new NetwrightError('NETWRIGHT_NO_FREE_SUBNET', `no free /${String(length)} is left in ${pools.join(', ')}`, { remedy: 'give more pools to openHost({ pools }), or a subnet' })
  }

  #first (family: 4 | 6, pool: Span, size: bigint): bigint | undefined {
    const spans = this.#spans[family]
    let candidate = pool.from
    // One that holds the whole pool begins before it; subnets overlap only by holding each other.
    if (spans.slice(0, from(spans, pool.from)).some(({ to }) => to >= pool.from)) return undefined
    for (let i = from(spans, pool.from); i < spans.length; i++) {
      const other = spans[i]
      if (other === undefined || other.from > candidate + size - 1n) break
      if (other.to >= candidate) candidate = (other.to / size + 1n) * size
    }
    return candidate + size - 1n <= pool.to ? candidate : undefined
  }
}

/** Where the first span begins that begins at `at` or later. */
function from (spans: readonly Span[], at: bigint): number {
  let [low, high] = [0, spans.length]
  while (low < high) {
    const middle = low + high >> 1
    if ((spans[middle]?.from ?? at) < at) low = middle + 1
    else high = middle
  }
  return low
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
