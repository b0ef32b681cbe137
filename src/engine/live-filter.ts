/** What changes of who may talk to whom: peers, rules, the host's services. Part of live.ts. Pure. */
import { isDeepStrictEqual } from 'node:util'
import { resolved } from '../network/filtered.js'
import { policyWords, ruleWords } from '../network/rule-words.js'
import type { Definition, PeerSpec } from '../network/spec.js'
import type { Consequence } from './change.js'

export function filterParts (from: Definition, to: Definition): Consequence[] {
  return [...peerParts(from, to), ...ruleParts(from, to), ...hostParts(from, to)]
}

const ways: Readonly<Record<PeerSpec['direction'], string>> = { both: 'guests of both may begin', out: 'its own guests may begin', in: 'guests of the other may begin' }

function peerParts (from: Definition, to: Definition): Consequence[] {
  const [old, fresh] = [from, to].map(({ peers = [] }) => new Map(peers.map(({ network, direction }) => [network, direction])))
  const parts: Consequence[] = []
  for (const [network, direction] of fresh ?? []) {
    const before = old?.get(network)
    if (before === undefined) parts.push({ what: `peer ${network}`, interrupts: 'none', reason: `${ways[direction]}, while both networks run` })
    else if (before !== direction) parts.push({ what: `peer ${network}: ${before} becomes ${direction}`, interrupts: direction === 'both' ? 'none' : 'outage', reason: `${ways[direction]}; other connections are cut off` })
  }
  for (const network of old?.keys() ?? []) if (fresh?.has(network) === false) parts.push({ what: `peer ${network}`, interrupts: 'outage', reason: 'it is none any more, unless the other network names this one; connections are cut off' })
  return parts
}

/** With what the names of address sets stand for. */
const worded = ({ rules = [], addressSets = [] }: Definition): string[] => rules.map((rule) => JSON.stringify([rule, resolved(rule.from, addressSets), resolved(rule.to, addressSets)]))

function ruleParts (from: Definition, to: Definition): Consequence[] {
  const [old, fresh] = [worded(from), worded(to)]
  if (isDeepStrictEqual(old, fresh)) return isDeepStrictEqual(from.addressSets, to.addressSets) ? [] : [{ what: 'address sets', interrupts: 'none', reason: 'no rule names what changes' }]
  const words = ({ rules = [] }: Definition, i: number): string => { const rule = rules[i]; return rule === undefined ? '' : ruleWords(rule) }
  const coming = fresh.flatMap((text, i) => old.includes(text) ? [] : [words(to, i)])
  const going = old.flatMap((text, i) => fresh.includes(text) ? [] : [words(from, i)])
  const parts: Consequence[] = [
    ...coming.map((text): Consequence => ({ what: `rule ${text}`, interrupts: text.startsWith('allow') ? 'none' : 'outage', reason: text.startsWith('allow') ? 'it is added' : 'it is added; connections that it forbids are cut off' })),
    ...going.map((text): Consequence => ({ what: `rule ${text}`, interrupts: text.startsWith('allow') ? 'outage' : 'none', reason: text.startsWith('allow') ? 'it is removed; connections that nothing else allows are cut off' : 'it is removed' })),
  ]
  return parts.length > 0 ? parts : [{ what: 'order of rules', interrupts: 'outage', reason: 'the first that matches decides; connections that are forbidden now are cut off' }]
}

function hostParts ({ host: old }: Definition, { host: fresh }: Definition): Consequence[] {
  if (isDeepStrictEqual(old, fresh)) return []
  const what = `access to the host: ${policyWords(old)} becomes ${policyWords(fresh)}`
  const narrower = fresh !== undefined && (old === undefined || (old.allow ?? []).some((one) => !(fresh.allow ?? []).some((other) => isDeepStrictEqual(one, other))) || (old.icmp === true && fresh.icmp !== true))
  return [{ what, interrupts: narrower ? 'outage' : 'none', reason: narrower ? 'guests do not reach other services of the host any more' : 'guests reach more of it' }]
}

