/** Rules: whether a packet can match them at all, and that none says again what another one says. Pure. */
import { cidrOf, formatCidr, network as networkOf } from '../../values/cidr.js'
import { ipBits, ipFamily, isIp, parseIp, type IpFamily } from '../../values/ip.js'
import { portProtocols, ruleWords } from '../rule-words.js'
import type { RuleSpec } from '../spec.js'
import { hidesSomething, shown, unlessEmpty, type Review } from './review.js'

/** Which families a list of addresses has. */
export type Families = ReadonlySet<IpFamily>

const both: Families = new Set<IpFamily>([4, 6])
/** NF_LOG_PREFIXLEN without its NUL. Source: include/net/netfilter/nf_log.h. */
const LONGEST_PREFIX = 127
const LONGEST_COMMENT = 200

/** Addresses and prefixes in canonical text. `sets`: which may be named; undefined: none. */
export function normalAddresses (addresses: readonly string[], path: string, sets: ReadonlyMap<string, Families> | undefined, { complain }: Review): { readonly addresses: readonly string[], readonly families: Families } {
  const families = new Set<IpFamily>()
  const normal = addresses.map((text, i) => {
    const place = `${path}[${String(i)}]`
    if (text.startsWith('@')) {
      const found = sets?.get(text.slice(1))
      if (found === undefined) complain(place, sets === undefined ? `an address set holds addresses, not '${shown(text)}'` : `there is no address set '${shown(text.slice(1))}'`)
      for (const family of found ?? both) families.add(family)
      return text
    }
    const found = readPrefix(text)
    if (typeof found !== 'string') { complain(place, found.fault); return text }
    families.add(found.includes(':') ? 6 : 4)
    return found
  })
  return { addresses: normal, families }
}

function readPrefix (text: string): string | { readonly fault: string } {
  const [address = '', length, ...more] = text.split('/')
  if (text.length > 60 || more.length > 0 || !isIp(address)) return { fault: `'${shown(text)}' is not an address, a prefix such as 10.7.0.0/24, or the name of an address set, @NAME` }
  const ip = parseIp(address)
  const bits = ipBits(ipFamily(ip))
  if (length === undefined) return ip
  if (!/^\d{1,3}$/.test(length) || Number(length) > bits) return { fault: `'${shown(text)}' has no prefix length between 0 and ${String(bits)}` }
  const cidr = cidrOf(ip, Number(length))
  const base = networkOf(cidr)
  if (base.address !== cidr.address) return { fault: `${shown(text)} has bits behind its prefix: write ${formatCidr(base)}, or ${ip}` }
  return cidr.prefix === bits ? ip : formatCidr(cidr)
}

/** A protocol with its ports in normal form: numbers without zeros in front, in order. */
export function normalService<T extends { readonly protocol?: RuleSpec['protocol'], readonly ports?: readonly string[] | undefined }> (service: T, path: string, { complain }: Review): T {
  const { protocol, ports } = service
  if (ports === undefined) return service
  const place = `${path}.ports`
  if (!portProtocols.some((one) => one === protocol)) {
    complain(place, protocol === undefined ? `ports need a protocol: ${portProtocols.join(', ')}` : `${protocol} has no ports`)
    return service
  }
  const ranges = ports.map((text, i) => ({ i, text, ...readRange(text, `${place}[${String(i)}]`, complain) })).sort((a, b) => a.first - b.first || a.i - b.i)
  ranges.forEach((one, i) => {
    const before = ranges[i - 1]
    if (before !== undefined && one.first <= before.last && one.first > 0) complain(`${place}[${String(Math.max(one.i, before.i))}]`, `port ${String(one.first)} is said twice`)
  })
  return { ...service, ports: ranges.map(({ text, first, last }) => first === 0 ? text : first === last ? String(first) : `${String(first)}-${String(last)}`) }
}

function readRange (text: string, path: string, complain: Review['complain']): { readonly first: number, readonly last: number } {
  const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? []
  const [first, last] = [Number(from ?? 0), Number(to ?? 0)]
  if (first < 1 || first > 65_535 || last < 1 || last > 65_535) {
    complain(path, `'${shown(text)}' is neither a port from 1 to 65535 nor a range of them`)
    return { first: 0, last: 0 }
  }
  if (last < first) complain(path, `the range of ports ${text} is reversed`)
  return { first, last }
}

/** The rules in normal form. `sets`: the families of each address set. */
export function checkRules (rules: readonly RuleSpec[] | undefined, sets: ReadonlyMap<string, Families>, review: Review): readonly RuleSpec[] | undefined {
  const seen = new Map<string, number>()
  return unlessEmpty(rules?.map((rule, i) => {
    const path = `rules[${String(i)}]`
    const normal = checkRule(rule, path, sets, review)
    const words = ruleWords({ ...normal, action: '' })
    const first = seen.get(words)
    if (first === undefined) seen.set(words, i)
    else review.complain(path, `it matches what rules[${String(first)}] matches, which comes before it`)
    return normal
  }))
}

function checkRule (rule: RuleSpec, path: string, sets: ReadonlyMap<string, Families>, review: Review): RuleSpec {
  const { complain } = review
  const { action, direction, protocol, ports } = normalService(rule, path, review)
  const [from, to] = (['from', 'to'] as const).map((side) => rule[side] === undefined ? undefined : normalAddresses(rule[side], `${path}.${side}`, sets, review))
  checkFamilies(rule, path, { from: from?.families ?? both, to: to?.families ?? both }, review)
  const log = rule.log === false ? undefined : rule.log
  if (typeof log === 'string' && (Buffer.byteLength(log) > LONGEST_PREFIX || !/^[\x20-\x7e]*$/.test(log) || log.includes('"'))) complain(`${path}.log`, `what log lines begin with has at most ${String(LONGEST_PREFIX)} printable ASCII characters and no "`)
  const { comment } = rule
  if (comment !== undefined && (Buffer.byteLength(comment) > LONGEST_COMMENT || hidesSomething(comment) || comment.includes('"'))) complain(`${path}.comment`, `a comment has at most ${String(LONGEST_COMMENT)} bytes in one line, and no "`)
  return { action, direction, protocol, ports, from: from?.addresses, to: to?.addresses, log, comment }
}

/** A packet has one family. */
function checkFamilies ({ protocol }: RuleSpec, path: string, { from, to }: { readonly from: Families, readonly to: Families }, { complain }: Review): void {
  const left = [...from].filter((family) => to.has(family))
  if (left.length === 0 && from.size > 0 && to.size > 0) { complain(`${path}.to`, `no packet has an IPv${String([...from][0])} source and an IPv${String([...to][0])} destination`); return }
  const family = protocol === 'icmp' ? 4 : protocol === 'icmpv6' ? 6 : undefined
  if (family !== undefined && left.length > 0 && !left.includes(family)) complain(`${path}.protocol`, `${String(protocol)} is of IPv${String(family)}, and the addresses are of IPv${String(left[0])}`)
}
