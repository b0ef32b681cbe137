/**
 * Expressions by nft's words, for writing rules in TypeScript. `at` is an offset in bytes into the register file: the fields of a
 * concatenation lie one behind the other, each padded to 4 bytes.
 *
 *     iifname . oifname @same accept      [meta('iifname'), meta('oifname', 16), lookup('same'), verdict('accept')]
 */
import { Writer } from '../../bytes/writer.js'
import { register, verdictRegister, type verdicts } from './data.js'
import type { ctKeys } from './expr/ct.js'
import { fibFlags } from './expr/fib.js'
import { lookupInvert } from './expr/lookup.js'
import type { metaKeys } from './expr/meta.js'
import { icmpxCodes } from './expr/reject.js'
import { makeExpr, type Expr } from './expr.js'

/** Loads a property of the packet: `meta iifname`. */
export function meta (key: keyof typeof metaKeys, at = 0): Expr { return makeExpr('meta', { dreg: register(at), key }) }

/** Loads bytes of the packet: `payload('network', 16, 4)` is `ip daddr`. */
export function payload (base: 'link' | 'network' | 'transport', offset: number, length: number, at = 0): Expr {
  return makeExpr('payload', { dreg: register(at), base, offset, length })
}

/** Loads from connection tracking: `ct state`. */
export function ct (key: keyof typeof ctKeys, at = 0): Expr { return makeExpr('ct', { dreg: register(at), key }) }

/** `fib saddr . iif oif missing` and its like: the rule goes on only where there is (or is no) route. */
export function fib (by: readonly (keyof typeof fibFlags)[], found: 'exists' | 'missing'): readonly Expr[] {
  const flags = by.reduce<number>((sum, name) => sum | fibFlags[name], fibFlags.present)
  return [makeExpr('fib', { dreg: register(0), result: 'oif', flags }), compare('eq', host32(found === 'exists' ? 1 : 0))]
}

/** Source: include/uapi/linux/rtnetlink.h, rtm_type. */
const addressTypes = { unicast: 1, local: 2, broadcast: 3, multicast: 5 } as const

/** `fib daddr type local` and its like: what the routing tables say of an address. */
export function addressType (of: 'saddr' | 'daddr', type: keyof typeof addressTypes): readonly Expr[] {
  return [makeExpr('fib', { dreg: register(0), result: 'type', flags: fibFlags[of] }), compare('eq', host32(addressTypes[type]))]
}

/** Goes on where the register equals (or differs from) `value`. */
export function compare (op: 'eq' | 'neq' | 'gte' | 'lte', value: Uint8Array, at = 0): Expr { return makeExpr('cmp', { sreg: register(at), op, data: { value } }) }

/** Goes on where one of the bits is set: `ct state established,related`. `bits` in host order, 32 of them. */
export function anyBit (bits: number, at = 0): readonly Expr[] {
  const mask = makeExpr('bitwise', { sreg: register(at), dreg: register(at), length: 4, mask: { value: host32(bits) }, xor: { value: host32(0) } })
  return [mask, compare('neq', host32(0), at)]
}

/** `@set`: goes on where the key in the registers is in the set; `map @map` with `into`: also loads its value there, `vmap @map` with `into: 'verdict'` obeys it. `id`: of a set made in the same batch. */
export function lookup (set: string, options: { at?: number, not?: true, into?: number | 'verdict', id?: number } = {}): Expr {
  return makeExpr('lookup', {
    set, sreg: register(options.at ?? 0),
    ...(options.into === undefined ? {} : { dreg: options.into === 'verdict' ? verdictRegister : register(options.into) }),
    ...(options.id === undefined ? {} : { setId: options.id }),
    ...(options.not === undefined ? {} : { flags: lookupInvert }),
  })
}

/** Goes on where the first bytes of the register are those of `value` under `mask`: `ip saddr 10.0.0.0/9`. */
export function masked (mask: Uint8Array, value: Uint8Array, at = 0): readonly Expr[] {
  const bits = makeExpr('bitwise', { sreg: register(at), dreg: register(at), length: mask.length, mask: { value: mask }, xor: { value: new Uint8Array(mask.length) } })
  return [bits, compare('eq', value, at)]
}

/** `accept`, `drop`, `return`, `jump chain`. */
export function verdict (code: keyof typeof verdicts, chain?: string): Expr {
  return makeExpr('immediate', { dreg: verdictRegister, data: { verdict: { code, ...(chain === undefined ? {} : { chain }) } } })
}

/** `reject`: ICMP or ICMPv6 by the packet's family. */
export function reject (code: keyof typeof icmpxCodes = 'port-unreachable'): Expr { return makeExpr('reject', { type: 'icmpx', code: icmpxCodes[code] }) }

/** `masquerade`. */
export function masquerade (): Expr { return makeExpr('masq', {}) }

/** `snat to` or `dnat to` the address at `address` and, where given, the port at `port` in the registers. */
export function nat (type: 'snat' | 'dnat', family: 'ip' | 'ip6', address: number, port?: number): Expr {
  return makeExpr('nat', { type, family, addressMin: register(address), ...(port === undefined ? {} : { protoMin: register(port) }) })
}

/** `counter`, or `counter packets P bytes B`: it goes on from there. */
export function counter (packets = 0n, bytes = 0n): Expr { return makeExpr('counter', { bytes, packets }) }

/** `limit rate N/second burst M packets`: goes on for so many packets only. */
export function limit (perSecond: number, burst: number): Expr { return makeExpr('limit', { rate: BigInt(perSecond), unitSeconds: 1n, burst, type: 'packets', flags: 0 }) }

/** `log prefix "…"`. */
export function log (prefix: string): Expr { return makeExpr('log', { prefix }) }

/** A u32 as registers hold it. */
function host32 (value: number): Buffer {
  const w = new Writer(4)
  w.u32(value)
  return w.take()
}
