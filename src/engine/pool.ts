/** Free subnets and free addresses. Pure: callers read what is taken, and hold the lock until the choice is visible to others. */
import { NetwrightError } from '../errors.js'
import { broadcast, cidrFamily, cidrSize, contains, formatCidr, parseCidr, type Cidr } from '../values/cidr.js'
import { ipBits, ipFromBigInt, ipToBigInt, type Ip, type IpFamily } from '../values/ip.js'
import { lastOf, type Obstacles } from '../values/prefix-map.js'

/** Where automatic subnets come from unless `pools` says otherwise: halves of private ranges (RFC 1918) that home routers and clouds use least. */
export const defaultPools: readonly string[] = ['10.128.0.0/9', '192.168.128.0/17']

interface Span { readonly from: bigint, readonly to: bigint }

function span (cidr: Cidr): Span {
  const size = cidrSize(cidr)
  const from = ipToBigInt(cidr.address) / size * size
  return { from, to: from + size - 1n }
}

/**
 * Chooses subnets: the first prefix of a length in the pools that overlaps nothing. Where the walk over what `lasting` obstacles hold has ended is remembered, and
 * begins again where something of them has gone: so the thousandth choice costs what the first did.
 */
export class Subnets {
  /** By pool and length, where the first prefix begins that may be free of what lasts. */
  readonly #reached = new Map<string, { readonly family: IpFamily, readonly size: bigint, readonly start: bigint, at: bigint }>()

  /** Something else lasts now. */
  forget (): void { this.#reached.clear() }

  /** Throws NETWRIGHT_NO_FREE_SUBNET. */
  free (pools: readonly string[], length: number, { lasting, passing }: { readonly lasting: readonly ByFamily[], readonly passing: readonly ByFamily[] }): Cidr {
    for (const family of [4, 6] as const) for (const one of lasting) this.#back(family, one.prefixes(family).freed())
    for (const text of pools) {
      const pool = parseCidr(text, 'pools')
      const family = cidrFamily(pool)
      if (length < pool.prefix || length > ipBits(family)) continue
      const found = this.#first(pool, length, { lasting: lasting.map((one) => one.prefixes(family)), passing: passing.map((one) => one.prefixes(family)) })
      if (found !== undefined) return { address: ipFromBigInt(found, family), prefix: length }
    }
    throw new NetwrightError('NETWRIGHT_NO_FREE_SUBNET', `no free /${String(length)} is left in ${pools.join(', ')}`, { remedy: 'give more pools to openHost({ pools }), or a subnet' })
  }

  #back (family: IpFamily, freed: string | undefined): void {
    if (freed === undefined) return
    const from = numberOf(freed)
    for (const one of this.#reached.values()) {
      if (one.family !== family || from >= one.at) continue
      one.at = from <= one.start ? one.start : from / one.size * one.size
    }
  }

  #first (pool: Cidr, length: number, { lasting, passing }: { readonly lasting: readonly Obstacles[], readonly passing: readonly Obstacles[] }): bigint | undefined {
    const family = cidrFamily(pool)
    const size = 1n << BigInt(ipBits(family) - length)
    const { from: start, to } = span(pool)
    const key = `${formatCidr(pool)} ${String(length)}`
    const reached = this.#reached.get(key) ?? { family, size, start, at: start }
    this.#reached.set(key, reached)
    let settled = true
    for (let candidate = reached.at; candidate + size - 1n <= to;) {
      const text = textOf(candidate, family)
      const lasts = firstOf(lasting, text, length)
      if (lasts === undefined && settled) {
        reached.at = candidate
        settled = false
      }
      const end = lasts ?? firstOf(passing, text, length)
      if (end === undefined) return candidate
      candidate = (end / size + 1n) * size
    }
    if (settled) reached.at = to + 1n
    return undefined
  }
}

interface ByFamily { prefixes (family: IpFamily): Obstacles }

const numberOf = (text: string): bigint => BigInt(`0x${Buffer.from(text, 'latin1').toString('hex')}`)
const textOf = (value: bigint, family: IpFamily): string => Buffer.from(value.toString(16).padStart(ipBits(family) / 4, '0'), 'hex').toString('latin1')

/** The last address of what is in the way. */
function firstOf (obstacles: readonly Obstacles[], from: string, length: number): bigint | undefined {
  for (const one of obstacles) {
    const found = one.first(from, length)
    if (found !== undefined) return numberOf(lastOf(found.from, found.length))
  }
  return undefined
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
