/** Rules of one network, listed with what they have counted, added and removed. */
import { InputError, NetwrightError } from '../errors.js'
import { readCounts } from '../kernel/filter-chain.js'
import { readRule } from '../network/checks/filter.js'
import { plainCopy } from '../network/plain.js'
import { ruleWords } from '../network/rule-words.js'
import type { Definition, RuleInput } from '../network/spec.js'
import type { Options, Scope } from './api.js'
import { changeSides, given, mustBeThere } from './both-sides.js'
import type { Context } from './context.js'
import type { RuleInfo, Rules } from './filter-api.js'
import { find, type Entry } from './inventory.js'
import type { NetworkRecord } from './record.js'
import type { Works } from './works.js'

/** `host.network(…).rules`. */
export function rulesOf (works: Works, name: string): Rules {
  const during = async <T>(work: () => Promise<T>): Promise<T> => await works.during(work, { operation: 'update', names: () => [name] })
  const list = async (): Promise<RuleInfo[]> => await listed(works.context, await find(works.context, name))
  return {
    list: async () => await works.during(list),
    add: async (rule, options = {}) => { await during(async () => { await add(works, name, rule, options) }) },
    remove: async (rule, options = {}) => { await during(async () => { await remove(works, name, typeof rule === 'number' ? await numbered(rule, name, await list()) : rule, options) }) },
  }
}

interface Sum { readonly packets: number, readonly bytes: number }

/** By the number of the rule in its definition, from 0: one rule is one or two in the kernel. */
async function countsOf ({ nft, table }: Context, { chains = [] }: NetworkRecord): Promise<ReadonlyMap<number, Sum>> {
  const sums = new Map<number, Sum>()
  for (const chain of chains) {
    const counts = await readCounts(nft, table, chain) ?? []
    counts.forEach((count, i) => {
      const of = chain.rules[i]?.of ?? -1
      const { packets, bytes } = sums.get(of) ?? { packets: 0, bytes: 0 }
      sums.set(of, { packets: packets + Number(count.packets), bytes: bytes + Number(count.bytes) })
    })
  }
  return sums
}

async function listed (context: Context, { running, stored }: Entry): Promise<RuleInfo[]> {
  const counts = running === undefined ? new Map<number, Sum>() : await countsOf(context, running)
  const found = new Map<string, RuleInfo>()
  for (const [i, rule] of (running?.definition.rules ?? []).entries()) found.set(ruleWords(rule), { ...rule, number: i + 1, words: ruleWords(rule), ...counts.get(i), live: true, config: false })
  for (const [i, rule] of (stored?.rules ?? []).entries()) {
    const words = ruleWords(rule)
    found.set(words, { ...rule, number: i + 1, words, live: false, ...found.get(words), config: true })
  }
  return [...found.values()]
}

/** The words of a rule in normal form. Throws InputError. */
function wordsOf (rule: RuleInput): string {
  const found = readRule(plainCopy(rule))
  if (found === undefined) throw new InputError([{ path: 'rule', message: `'${typeof rule === 'string' ? rule : JSON.stringify(rule)}' is not a rule` }])
  return ruleWords(found)
}

async function numbered (number: number, name: string, rules: readonly RuleInfo[]): Promise<string> {
  const found = rules.filter((rule) => rule.number === number)
  const [first] = found.length > 1 ? found.filter(({ live }) => live) : found
  if (first === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `network ${name} has no rule ${String(number)}`, { network: name, remedy: `netwright rule list ${name}` })
  return await Promise.resolve(first.words)
}

async function add (works: Works, name: string, rule: RuleInput, options: Options & Scope & { readonly at?: number | undefined }): Promise<void> {
  const words = readRule(plainCopy(rule)) === undefined ? undefined : wordsOf(rule)
  const has = ({ rules = [] }: Definition): boolean => rules.some((one) => ruleWords(one) === words)
  await changeSides({ works, name, part: 'rule', options }, (sides) => {
    if (given(sides).every(has)) throw new NetwrightError('NETWRIGHT_EXISTS', `network ${name} has the rule ${words ?? ''} already`, { network: name })
    return (definition) => {
      const { rules = [] } = definition
      const { at = rules.length + 1 } = options
      if (!Number.isInteger(at) || at < 1 || at > rules.length + 1) throw new InputError([{ path: 'at', message: `a rule of network '${name}' has a place from 1 to ${String(rules.length + 1)}, not ${String(at)}` }])
      return has(definition) ? undefined : { rules: [...rules.slice(0, at - 1), rule, ...rules.slice(at - 1)] }
    }
  })
}

async function remove (works: Works, name: string, rule: RuleInput, options: Options & Scope): Promise<void> {
  const words = wordsOf(rule)
  const has = ({ rules = [] }: Definition): boolean => rules.some((one) => ruleWords(one) === words)
  await changeSides({ works, name, part: 'rule', options }, (sides) => {
    mustBeThere(sides, options, has, () => new NetwrightError('NETWRIGHT_NOT_FOUND', `network ${name} has no rule ${words}`, { network: name, remedy: `netwright rule list ${name}` }))
    return (definition) => has(definition) ? { rules: (definition.rules ?? []).filter((one) => ruleWords(one) !== words) } : undefined
  })
}
