/** Routing policy rules, read only. Source: include/uapi/linux/fib_rules.h; net/core/fib_rules.c, fib_nl_fill_rule(). */
import { ip } from '../../bytes/address.js'
import { string, u32, u8 } from '../../bytes/codec.js'
import { struct } from '../../bytes/struct.js'
import { attr } from '../attr.js'
import { mapSlowly } from '../breathe.js'
import { dump } from '../call.js'
import { family, type MessageOf } from '../family.js'
import type { Transport } from '../transport.js'

/** What most rules do: look into a table. */
export const FR_ACT_TO_TBL = 1

/** `shortTable` has room for 255 tables; the attribute for all. */
export const fibRuleHdr = struct('fib_rule_hdr', 12, { family: [0, u8], dstLen: [1, u8], srcLen: [2, u8], tos: [3, u8], shortTable: [4, u8], action: [7, u8], flags: [8, u32] })
interface RuleHeader { family: number, dstLen: number, srcLen: number, tos: number, shortTable: number, action: number, flags: number }

/** A rule, decoded. */
export type RuleMessage = MessageOf<RuleHeader, typeof rule.table>

/** `ip rule show`. */
export const rule = family('RULE', { new: 32, del: 33, get: 34 }, fibRuleHdr, {
  dst:      attr('FRA_DST', 1, ip),
  src:      attr('FRA_SRC', 2, ip),
  iifname:  attr('FRA_IIFNAME', 3, string),
  goto:     attr('FRA_GOTO', 4, u32),
  priority: attr('FRA_PRIORITY', 6, u32),
  fwmark:   attr('FRA_FWMARK', 10, u32),
  table:    attr('FRA_TABLE', 15, u32),
  fwmask:   attr('FRA_FWMASK', 16, u32),
  oifname:  attr('FRA_OIFNAME', 17, string),
  protocol: attr('FRA_PROTOCOL', 21, u8),
})

/** `ip -4 rule show`, `ip -6 rule show`. Throws as `dump`. */
export async function dumpRules (transport: Transport, of: { readonly family: number }): Promise<RuleMessage[]> {
  const found = await dump(transport, rule.dump(of))
  return await mapSlowly(found.filter(({ type }) => type === rule.types.new), (message) => rule.decode(message))
}
