/** What other rulesets on this host do with packets: every base chain, and whether it drops what nobody accepts. Only reads. */
import type { Transport } from '../transport.js'
import { isExpr, type Expr } from './expr.js'
import { hooks, type NfFamily } from './header.js'
import { listChains, listRules, type NftChain, type NftRule } from './read.js'

/** A chain that the kernel calls by itself. */
export interface BaseChain {
  readonly family: NfFamily
  readonly table: string
  readonly name: string
  /** `forward`; the hook's number where it has no name (family netdev counts differently). */
  readonly hook: keyof typeof hooks | number
  readonly priority: number
  readonly type: string
  readonly policy: 'accept' | 'drop'
  /**
   * Why a packet that no earlier rule accepts does not pass: the policy, or the first rule that drops or rejects everything.
   * Absent where it passes. Rules that match something first (an address, a state) are not weighed.
   */
  readonly drops?: 'policy' | 'rule'
  readonly rules: readonly NftRule[]
}

const hookNames = new Map<number, keyof typeof hooks>([[0, 'prerouting'], [1, 'input'], [2, 'forward'], [3, 'output'], [4, 'postrouting'], [5, 'ingress']])
const routedFamilies: readonly NfFamily[] = ['inet', 'ip', 'ip6', 'bridge', 'arp']

/**
 * Base chains of every table but those that `ours` names (`inet netwright`). For warnings such as "table ip filter, chain FORWARD
 * (Docker) drops what this network forwards". xtables-legacy keeps its rules elsewhere and is not seen here.
 */
export async function foreignBaseChains (transport: Transport, ours: (table: { family: NfFamily, table: string }) => boolean = () => false): Promise<BaseChain[]> {
  const chains = (await listChains(transport)).filter((chain) => chain.hook !== undefined && !ours({ family: chain.family ?? 'unspec', table: chain.table ?? '' }))
  if (chains.length === 0) return []
  const rules = new Map<string, NftRule[]>()
  for (const rule of await listRules(transport)) {
    const key = chainKey(rule.family ?? 'unspec', rule.table, rule.chain)
    const siblings = rules.get(key)
    if (siblings === undefined) rules.set(key, [rule])
    else siblings.push(rule)
  }
  return chains.map((chain) => baseChain(chain, rules))
}

// A NUL cannot be in a name.
const chainKey = (family: NfFamily, table: string | undefined, chain: string | undefined): string => [family, table ?? '', chain ?? ''].join('\0')

function baseChain (chain: NftChain, rules: ReadonlyMap<string, readonly NftRule[]>): BaseChain {
  const family = chain.family ?? 'unspec'
  const own = rules.get(chainKey(family, chain.table, chain.name)) ?? []
  const policy = chain.policy === 'drop' ? 'drop' : 'accept'
  const fate = fateOf(own, (name) => rules.get(chainKey(family, chain.table, name)) ?? [], 0)
  const number = chain.hook?.number ?? -1
  return {
    family, table: chain.table ?? '', name: chain.name ?? '', policy, rules: own, type: chain.type ?? '', priority: chain.hook?.priority ?? 0,
    hook: routedFamilies.includes(family) ? hookNames.get(number) ?? number : number,
    ...(fate === 'drop' ? { drops: 'rule' } : fate === 'none' && policy === 'drop' ? { drops: 'policy' } : {}),
  }
}

/** As deep as the kernel lets chains jump (NFT_JUMP_STACK_SIZE). */
const DEEPEST = 16

/** What becomes of a packet that matches no condition: follows unconditional jumps. */
function fateOf (rules: readonly NftRule[], chain: (name: string) => readonly NftRule[], depth: number): 'accept' | 'drop' | 'none' {
  if (depth > DEEPEST) return 'none'
  for (const { expressions } of rules) {
    const end = unconditional(expressions ?? [])
    if (end === undefined) continue
    if (end === 'return') return 'none'
    if (typeof end === 'string') return end
    const inside = fateOf(chain(end.chain), chain, depth + 1)
    if (inside !== 'none' || end.goto) return inside
  }
  return 'none'
}

type End = 'accept' | 'drop' | 'return' | { readonly chain: string, readonly goto: boolean }

/** Where a rule without any condition sends every packet. A rate limit is a condition. */
function unconditional (expressions: readonly Expr[]): End | undefined {
  for (const expr of expressions) {
    if (isExpr(expr, 'counter') || isExpr(expr, 'log')) continue
    if (isExpr(expr, 'reject')) return 'drop'
    if (isExpr(expr, 'target')) return expr.data.name === 'REJECT' || expr.data.name === 'DROP' ? 'drop' : undefined
    if (!isExpr(expr, 'immediate')) return undefined
    const given = expr.data.data?.verdict
    if (given?.code === 'accept' || given?.code === 'drop' || given?.code === 'return') return given.code
    if ((given?.code === 'jump' || given?.code === 'goto') && given.chain !== undefined) return { chain: given.chain, goto: given.code === 'goto' }
    return undefined
  }
  return undefined
}
