/** Expressions: what a rule is made of. One file each in expr/; this is the list. Source: NFTA_EXPR_*. */
import { string } from '../../bytes/codec.js'
import { attr, nest, select, type TableValue } from '../attr.js'
import { bitwise } from './expr/bitwise.js'
import { cmp } from './expr/cmp.js'
import { match, target } from './expr/compat.js'
import { counter } from './expr/counter.js'
import { ct } from './expr/ct.js'
import { fib } from './expr/fib.js'
import { immediate } from './expr/immediate.js'
import { limit } from './expr/limit.js'
import { log } from './expr/log.js'
import { lookup } from './expr/lookup.js'
import { masq } from './expr/masq.js'
import { meta } from './expr/meta.js'
import { nat } from './expr/nat.js'
import { payload } from './expr/payload.js'
import { range } from './expr/range.js'
import { redir } from './expr/redir.js'
import { reject } from './expr/reject.js'

/** The kernel's names and our codecs; an expression that is not here keeps its bytes. */
export const expressions = { bitwise, cmp, counter, ct, fib, immediate, limit, log, lookup, masq, match, meta, nat, payload, range, redir, reject, target } as const

/** One expression of a rule or an element. */
export const expr = nest({
  name: attr('NFTA_EXPR_NAME', 1, string),
  data: select('NFTA_EXPR_DATA', 2, 'name', expressions),
})

/** An expression as decoded. */
export type Expr = TableValue<typeof expr.table>
export type ExprName = keyof typeof expressions
/** An expression of a known name with its own attributes. */
export type ExprOf<N extends ExprName> = Expr & { name: N, data: TableValue<(typeof expressions)[N]['table']> }

/** `makeExpr('meta', { key: 'iifname', dreg: 1 })`. */
export function makeExpr<N extends ExprName> (name: N, data: TableValue<(typeof expressions)[N]['table']>): ExprOf<N> {
  return { name, data }
}

/** Is this an expression of that name, decoded? */
export function isExpr<N extends ExprName> (value: Expr, name: N): value is ExprOf<N> {
  return value.name === name && value.data !== undefined && !(value.data instanceof Uint8Array)
}
