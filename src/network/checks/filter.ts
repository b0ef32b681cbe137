/** Peers, address sets and the host's services: short forms and sense. Rules are in rules.ts. Pure. */
import { isIp, parseIp } from '../../values/ip.js'
import { isList, isObject, plainCopy, type Plain, type PlainObject } from '../plain.js'
import { readRuleLine, readService, RULE_FORM, serviceWords, type WordedRule } from '../rule-words.js'
import type { AddressSet, ExpandedInput, HostPolicy, NetworkSpec, PeerSpec } from '../spec.js'
import { shown, unlessEmpty, type Complain, type Review } from './review.js'
import { checkRules, normalAddresses, normalService, type Families } from './rules.js'

/** A peer that is named only is one both ways. */
export function expandPeers (peers: Plain): Plain {
  return isList(peers) ? peers.map((peer) => typeof peer === 'string' ? { network: peer } : peer) : peers
}

/** The short forms of JSON become what they stand for: a line of words, one port or address instead of a list, texts with commas. */
export function expandRules (rules: Plain, complain: Complain): Plain {
  return isList(rules) ? rules.map((rule, i) => expandRule(rule, `rules[${String(i)}]`, complain)) : rules
}

function expandRule (rule: Plain, path: string, complain: Complain): Plain {
  if (typeof rule === 'string') {
    const line = readRuleLine(rule)
    if (line === undefined) { complain(path, `'${shown(rule)}' is not a rule: ${RULE_FORM}`); return rule }
    return plainCopy(line)
  }
  return isObject(rule) ? { ...rule, ...several(rule, ['ports', 'from', 'to']) } : rule
}

function several (item: PlainObject, fields: readonly string[]): PlainObject {
  return Object.fromEntries(fields.flatMap((field) => {
    const value = item[field]
    if (value === undefined) return []
    if (typeof value === 'number' || typeof value === 'string') return [[field, String(value).split(/[\s,]+/).filter((part) => part !== '')]]
    return [[field, isList(value) ? value.map((one) => typeof one === 'number' ? String(one) : one) : value]]
  }))
}

/** `deny`, and services as `tcp/22`. */
export function expandHost (host: Plain, complain: Complain): Plain {
  if (typeof host === 'string') return { access: host }
  if (!isObject(host) || !isList(host['allow'])) return host
  const allow = host['allow'].map((one, i): Plain => {
    if (typeof one !== 'string') return isObject(one) ? { ...one, ...several(one, ['ports']) } : one
    const service = readService(one)
    if (service === undefined) complain(`host.allow[${String(i)}]`, `'${shown(one)}' is no service of the host: tcp/22, udp/5000-5010, esp`)
    return service === undefined ? one : { ...service }
  })
  return { ...host, allow }
}

/** One rule by itself, without a network to check it against; undefined where it is none. */
export function readRule (rule: Plain): WordedRule | undefined {
  const faults: string[] = []
  const expanded = expandRule(rule, '', (path) => { faults.push(path) })
  if (faults.length > 0 || !isObject(expanded)) return undefined
  const { action, direction, protocol, ports, from, to, log } = expanded
  const texts = (value: Plain | undefined): string[] | undefined => isList(value) ? value.map(String) : undefined
  if (typeof action !== 'string' || typeof direction !== 'string') return undefined
  const byNumber = (a: string, b: string): number => Number.parseInt(a, 10) - Number.parseInt(b, 10)
  const lists = { ports: texts(ports)?.sort(byNumber), from: texts(from)?.map(canonical), to: texts(to)?.map(canonical) }
  return { action, direction, ...typeof protocol === 'string' ? { protocol } : {}, ...lists, ...typeof log === 'boolean' || typeof log === 'string' ? { log } : {} }
}

/** One spelling of an address, for comparison. */
function canonical (text: string): string {
  const [address = '', prefix] = text.split('/')
  if (!isIp(address)) return text
  const ip = parseIp(address)
  return prefix === undefined || Number(prefix) === (ip.includes(':') ? 128 : 32) ? ip : `${ip}/${prefix}`
}

type Filter = Pick<NetworkSpec, 'peers' | 'addressSets' | 'rules' | 'host'>

/** All of it in normal form. `addressed`: the network has an address, or will have one. */
export function checkFilter ({ peers, addressSets, rules, host }: ExpandedInput, addressed: boolean, review: Review): Filter {
  const network = shown(review.network)
  const routed = [...(peers?.length ?? 0) > 0 ? ['peers'] : [], ...(rules?.length ?? 0) > 0 ? ['rules'] : []]
  if (!addressed) for (const path of routed) review.complain(path, `nothing is routed to or from network '${network}', which has no address`)
  const sets = checkSets(addressSets, review)
  return { peers: checkPeers(peers, review), addressSets: sets.normal, rules: checkRules(rules, sets.families, review), host: checkHost(host, review) }
}

function checkPeers (peers: ExpandedInput['peers'], { network, complain }: Review): readonly PeerSpec[] | undefined {
  const seen = new Map<string, number>()
  return unlessEmpty(peers?.map(({ network: other, direction = 'both' }, i) => {
    const path = `peers[${String(i)}].network`
    const first = seen.get(other)
    if (other === network) complain(path, `network '${shown(network)}' is no peer of itself: its guests reach each other anyway`)
    else if (/[/\n]/.test(other)) complain(path, `'${shown(other)}' cannot be a network's name`)
    else if (first !== undefined) complain(path, `the same network as peers[${String(first)}]`)
    else seen.set(other, i)
    return { network: other, direction }
  }))
}

function checkSets (sets: readonly AddressSet[] | undefined, review: Review): { readonly normal: readonly AddressSet[] | undefined, readonly families: ReadonlyMap<string, Families> } {
  const families = new Map<string, Families>()
  const normal = unlessEmpty(sets?.map(({ name, addresses }, i) => {
    const path = `addressSets[${String(i)}]`
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/.test(name)) review.complain(`${path}.name`, `'${shown(name)}' cannot be the name of an address set: letters, digits, '_', '.' and '-', at most 63`)
    else if (families.has(name)) review.complain(`${path}.name`, `there are two address sets '${name}'`)
    const found = normalAddresses(addresses, `${path}.addresses`, undefined, review)
    families.set(name, found.families)
    return { name, addresses: found.addresses }
  }))
  return { normal, families }
}

function checkHost (host: HostPolicy | undefined, review: Review): HostPolicy | undefined {
  if (host === undefined) return undefined
  const { access, icmp, allow } = host
  if (access === 'allow') {
    for (const [field, given] of [['icmp', icmp], ['allow', unlessEmpty(allow)]] as const) if (given !== undefined) review.complain(`host.${field}`, `${field} says what is left where access is deny, and access is allow`)
    return undefined
  }
  const seen = new Map<string, number>()
  const services = allow?.map((service, i) => {
    const path = `host.allow[${String(i)}]`
    const normal = normalService(service, path, review)
    const words = serviceWords(normal)
    const first = seen.get(words)
    if (first !== undefined) review.complain(path, `the same service as host.allow[${String(first)}]`)
    seen.set(words, i)
    return normal
  })
  return { access, icmp: icmp === true ? true : undefined, allow: unlessEmpty(services) }
}
