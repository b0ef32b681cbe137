/**
 * The chains of networks with rules of their own, `in-BRIDGE` and `out-BRIDGE`. They are reached by verdict maps keyed by the bridge, so no other
 * network's packet meets them. Both begin by passing on the answers of what was let through; `out` ends where every network goes on, in `bymode`,
 * and what it allows returns to `forward`, as the receiving network may have rules too.
 *
 * A rule that logs is two: the first writes ten lines a second at most, so that no guest fills the host's log.
 */
import type { Request } from '../netlink/request.js'
import type { Transport } from '../netlink/transport.js'
import { isErrno } from '../netlink/errno.js'
import { chain } from '../netlink/nft/chain.js'
import { packFields, typeLength, typeNumber, typeUserdata, type DataTypeName } from '../netlink/nft/datatype.js'
import { ctDirections, ctStates } from '../netlink/nft/expr/ct.js'
import { isExpr, type Expr } from '../netlink/nft/expr.js'
import { families } from '../netlink/nft/header.js'
import { listRules, type NftRule } from '../netlink/nft/read.js'
import { rule } from '../netlink/nft/rule.js'
import { elementFlags, elements, set, setFlags } from '../netlink/nft/set.js'
import { anyBit, compare, counter, ct, limit, log, lookup, masked, meta, payload, reject, verdict } from '../netlink/nft/statement.js'
import { comment } from '../netlink/nft/userdata.js'
import { parseCidr } from '../values/cidr.js'
import { ipToBytes, isIp, parseIp } from '../values/ip.js'
import type { ChainObject, FilterRule } from './object.js'
import { merged, type Span } from './span.js'

const family = 'inet'

/** What a rule has counted. */
export interface Count { readonly packets: bigint, readonly bytes: bigint }
const none: Count = { packets: 0n, bytes: 0n }

/** Packets in the direction of the answer, of connections that were let through. */
export const answers = [ct('direction'), compare('eq', Buffer.of(ctDirections.reply)), ct('state'), ...anyBit(ctStates.established | ctStates.related)]

/** ICMP errors about what was let through, of either direction: without them a server would not hear that its answers are too long for the way. */
const errors = [ct('state'), ...anyBit(ctStates.related)]

/** Sets of one batch are told apart by a number; those of the constant table have the first ones. */
let nextSet = 0x10000
const freshSet = (): number => { nextSet = nextSet === 0xffffffff ? 0x10000 : nextSet + 1; return nextSet }

/** `nft add chain …`, and its rules; `counts`: what each has counted before. EEXIST does not happen: a chain that is there gets the rules added. */
export function createChain (table: string, { name, direction, rules }: ChainObject, counts: readonly Count[] = []): Request[] {
  const allowed = verdict(direction === 'in' ? 'accept' : 'return')
  const end = direction === 'in' ? [] : [add(table, name, [verdict('goto', 'bymode')])]
  return [
    chain.create({ family, table, name }),
    add(table, name, [...errors, allowed]),
    add(table, name, [...answers, allowed]),
    ...rules.flatMap((one, i) => ruleRequests(table, name, one, allowed, counts[i] ?? none)),
    ...end,
  ]
}

/** `nft flush chain …`, then its rules again, in one batch: no packet meets half of them. */
export function replaceChain (table: string, object: ChainObject, counts: readonly Count[]): Request[] {
  const [, ...rules] = createChain(table, object, counts)
  return [rule.remove({ family, table, chain: object.name }), ...rules]
}

/** `nft delete chain …` with its rules. What leads to it must be gone. */
export function removeChain (table: string, { name }: Pick<ChainObject, 'name'>): Request[] { return [chain.remove({ family, table, name })] }

function add (table: string, of: string, expressions: readonly Expr[], text?: string): Request {
  return rule.add({ family, table, chain: of, expressions, ...text === undefined ? {} : { userdata: [comment(text)] } })
}

function ruleRequests (table: string, name: string, one: FilterRule, allowed: Expr, { packets, bytes }: Count): Request[] {
  const fate = one.action === 'allow' ? allowed : one.action === 'deny' ? reject() : verdict('drop')
  const logged = one.log === undefined ? [] : written(table, name, one, [...one.action === 'allow' ? [ct('state'), ...anyBit(ctStates.new)] : [], limit(10, 10), log(one.log)])
  return [...logged, ...written(table, name, one, [counter(packets, bytes), fate])]
}

/** A rule, and before it the sets without a name that it looks into. */
function written (table: string, name: string, { family: version, protocol, ports, from, to, comment: text }: FilterRule, rest: readonly Expr[]): Request[] {
  const sets: Request[] = []
  const inSet = (type: DataTypeName, spans: readonly Span[]): Expr => {
    const id = freshSet()
    sets.push(...anonymous(table, id, type, spans))
    return lookup('__set%d', { id })
  }
  const side = (list: readonly string[] | undefined, offset: readonly [four: number, six: number]): readonly Expr[] => list === undefined || version === undefined ? [] : addresses(list, version, offset, inSet)
  const expressions = [
    ...version === undefined ? [] : [meta('nfproto'), compare('eq', Buffer.of(version === 4 ? families.ip : families.ip6))],
    ...side(from, [12, 8]), ...side(to, [16, 24]),
    ...protocol === undefined ? [] : [meta('l4proto'), compare('eq', packFields(['inet_proto'], [protocol]))],
    ...ports === undefined ? [] : portMatch(ports, inSet),
  ]
  return [...sets, add(table, name, [...expressions, ...rest], text)]
}

type InSet = (type: DataTypeName, spans: readonly Span[]) => Expr

function addresses (list: readonly string[], version: 4 | 6, [four, six]: readonly [number, number], inSet: InSet): readonly Expr[] {
  const [offset, length] = version === 4 ? [four, 4] : [six, 16]
  const whole = payload('network', offset, length)
  const [only] = list
  if (only === undefined || list.length > 1) return [whole, inSet(version === 4 ? 'ipv4_addr' : 'ipv6_addr', merged(list.map(spanOf)))]
  const { first, mask } = spanOf(only)
  const bits = mask.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0)
  if (bits === 0) return []
  // nft compares whole bytes without a mask.
  if (bits % 8 === 0) return [payload('network', offset, bits / 8), compare('eq', first.subarray(0, bits / 8))]
  return [whole, ...masked(mask, first)]
}

function spanOf (text: string): Span & { readonly mask: Uint8Array } {
  const { address, prefix } = isIp(text) ? { address: parseIp(text), prefix: text.includes(':') ? 128 : 32 } : parseCidr(text)
  const first = ipToBytes(address)
  const mask = first.map((_, i) => 0xff00 >> Math.max(0, Math.min(8, prefix - i * 8)) & 0xff)
  return { first, mask, last: first.map((byte, i) => byte | (mask[i] ?? 0) ^ 0xff) }
}

const port = (value: number): Buffer => packFields(['inet_service'], [value])

function portMatch (ports: readonly (readonly [number, number])[], inSet: InSet): readonly Expr[] {
  const dport = payload('transport', 2, 2)
  const [only] = ports
  if (only === undefined || ports.length > 1) return [dport, inSet('inet_service', merged(ports.map(([first, last]) => ({ first: port(first), last: port(last) }))))]
  const [first, last] = only
  return first === last ? [dport, compare('eq', port(first))] : [dport, compare('gte', port(first)), compare('lte', port(last))]
}

/** An attribute holds 65,535 bytes, and two elements of an interval at most about 100. */
const CHUNK = 500

/** A set without a name: it goes with the rule that looks into it. */
function anonymous (table: string, id: number, type: DataTypeName, spans: readonly Span[]): Request[] {
  const interval = spans.some(({ first, last }) => Buffer.compare(first, last) !== 0)
  const items = spans.flatMap((span) => interval ? intervalElements(span) : [{ key: { value: span.first } }])
  return [
    set.create({
      family, table, name: '__set%d', flags: setFlags.anonymous | setFlags.constant | (interval ? setFlags.interval : 0), keyType: typeNumber([type]), keyLength: typeLength([type]), id,
      description: { size: items.length }, userdata: typeUserdata([type]),
    }),
    ...Array.from({ length: Math.ceil(items.length / CHUNK) }, (_, i) => elements.create({ family, table, set: '__set%d', setId: id, elements: items.slice(i * CHUNK, (i + 1) * CHUNK) })),
  ]
}

/** From the first on, and from the one after the last no more; a span that ends with the last value of all has no such end. */
function intervalElements ({ first, last }: Span): { readonly key: { readonly value: Uint8Array }, readonly flags?: number }[] {
  const end = after(last)
  return [{ key: { value: first } }, ...end === undefined ? [] : [{ key: { value: end }, flags: elementFlags.intervalEnd }]]
}

function after (bytes: Uint8Array): Uint8Array | undefined {
  const next = Uint8Array.from(bytes)
  for (let i = next.length - 1; i >= 0; i--) {
    const byte = next[i] ?? 0
    if (byte < 0xff) { next[i] = byte + 1; return next }
    next[i] = 0
  }
  return undefined
}

/** What each rule of a chain has counted, in its order; undefined where the chain is missing or is not as it was made. `nft list chain …`. */
export async function readCounts (transport: Transport, table: string, { name, rules }: ChainObject): Promise<readonly Count[] | undefined> {
  let found: readonly NftRule[]
  try { found = await listRules(transport, { family, table, chain: name }) } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
  const counts = found.filter((one) => one.chain === name).flatMap(({ expressions = [] }) => {
    const [counted] = expressions.flatMap((expression) => isExpr(expression, 'counter') ? [expression.data] : [])
    return counted === undefined ? [] : [{ packets: counted.packets ?? 0n, bytes: counted.bytes ?? 0n }]
  })
  return counts.length === rules.length ? counts : undefined
}

/** How many rules the kernel has of a chain. */
export function ruleCount ({ direction, rules }: ChainObject): number {
  return rules.reduce((sum, { log: prefix }) => sum + (prefix === undefined ? 1 : 2), direction === 'in' ? 2 : 3)
}

/** A rule by what it matches and does, wherever it stands: one that stays goes on counting. */
export function sameRule (one: FilterRule, other: FilterRule): boolean {
  const key = ({ of: _, ...rest }: FilterRule): string => JSON.stringify(rest, Object.keys(rest).sort())
  return key(one) === key(other)
}
