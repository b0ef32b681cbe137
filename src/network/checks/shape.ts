/** valibot's complaints in our words, and in libvirt's where its parser has a sentence for the place. Pure. */
import type * as v from 'valibot'
import { shown, type Complain } from './review.js'

type ShapeIssue = Pick<v.BaseIssue<unknown>, 'type' | 'expected' | 'received' | 'input' | 'path'>

/** Modes that libvirt has and netwright does not have yet. Source: libvirt, formatnetwork. */
const OTHER_MODES = new Set(['bridge', 'private', 'vepa', 'passthrough', 'hostdev'])

/** Reports every issue with its path. `xml` chooses libvirt's sentences. */
export function reportShape (issues: readonly ShapeIssue[], network: string, xml: boolean, complain: Complain): void {
  for (const issue of issues.slice(0, 100)) {
    const keys = (issue.path ?? []).map((item) => item.key)
    const path = keys.reduce<string>((text, key) => typeof key === 'number' ? `${text}[${String(key)}]` : `${text}${text === '' ? '' : '.'}${shown(String(key))}`, '')
    const where = keys.filter((key) => typeof key !== 'number').join('.')
    const { input } = issue
    if (where === 'forward.mode' && typeof input === 'string' && OTHER_MODES.has(input)) complain(path, `forward mode '${input}' is not supported yet`, true)
    else complain(path, (xml ? libvirtSentence(issue, where, shown(network)) : undefined) ?? plainSentence(issue))
  }
}

const isMissing = ({ type, expected, received }: ShapeIssue): boolean => type === 'strict_object' && received === 'undefined' && expected !== 'never'

function plainSentence (issue: ShapeIssue): string {
  const { type, expected, input } = issue
  if (type === 'strict_object' && expected === 'never') return `unknown key '${shown(String(issue.path?.at(-1)?.key))}'`
  if (isMissing(issue)) return 'is missing'
  if (type === 'min_length') return typeof input === 'string' ? 'is empty' : 'needs at least one entry'
  if (type === 'max_length') return `more than ${(expected ?? '').replace('<=', '')} entries`
  return `expected ${EXPECTED[expected ?? ''] ?? (expected ?? '').replaceAll('"', '\'').replaceAll(' | ', ', ').replace(/^\((.*)\)$/, '$1')}${issue.type === 'integer' ? 'a whole number' : ''}, not ${quoted(input)}`
}

const EXPECTED: Readonly<Record<string, string>> = { boolean: 'true or false', string: 'text', number: 'a number', Array: 'a list', Object: 'an object' }

function quoted (input: unknown): string {
  if (typeof input === 'string') return `'${shown(input)}'`
  return Array.isArray(input) ? 'a list' : typeof input === 'object' && input !== null ? 'an object' : String(input)
}

/** Sentences of libvirt's parser for what is missing, by place. */
const MISSING: Readonly<Record<string, (network: string) => string>> = {
  name: () => 'missing name information',
  'ip.address': (network) => `Missing required address attribute in network '${network}'`,
  'ip.dhcp.range.start': (network) => `Missing 'start' attribute in dhcp range for network '${network}'`,
  'ip.dhcp.range.end': (network) => `Missing 'end' attribute in dhcp range for network '${network}'`,
  'ip.dhcp.host.ip': (network) => `Missing IP address in static host definition for network '${network}'`,
  'route.address': (network) => `${network}: Missing required address attribute in route definition`,
  'route.gateway': (network) => `${network}: Missing required gateway attribute in route definition`,
  'dns.txt.name': (network) => `missing required name attribute in DNS TXT record of network ${network}`,
  'dns.txt.value': (network) => `missing required value attribute in DNS TXT record of network ${network}`,
  'dns.srv.service': (network) => `missing required service attribute in DNS SRV record of network '${network}'`,
  'dns.srv.protocol': (network) => `missing required protocol attribute in DNS SRV record of network '${network}'`,
  'dns.host.ip': (network) => `Missing IP address in network '${network}' DNS HOST record`,
  'dns.host.hostname': (network) => `Missing hostname in network '${network}' DNS HOST record`,
  'forward.dev': (network) => `Missing required dev attribute in <forward> <interface> element of network ${network}`,
}

/** Sentences of libvirt's parser for a value that makes no sense, by place. */
const WRONG: Readonly<Record<string, (value: string, network: string) => string>> = {
  ipv6: (value, network) => `Invalid ipv6 setting '${value}' in network '${network}'`,
  mtu: (value, network) => `Invalid mtu size '${value}' in network '${network}'`,
  'bridge.delay': (value, network) => `Invalid delay value '${value}' in network '${network}'`,
  'forward.mode': (value) => `unknown forwarding type '${value}'`,
  'ip.family': (value, network) => `Unrecognized family '${value}' in network '${network}'`,
  'route.family': (value, network) => `Unrecognized family '${value}' in network '${network}'`,
}

function libvirtSentence (issue: ShapeIssue, where: string, network: string): string | undefined {
  const name = where.slice(where.lastIndexOf('.') + 1)
  const element = where.split('.').at(-2) ?? 'network'
  if (isMissing(issue)) return MISSING[where]?.(network) ?? `Missing required attribute '${name}' in element '${element}'`
  if (issue.type === 'min_length' && MISSING[where] !== undefined) return MISSING[where](network)
  if (issue.type === 'max_length' || issue.type === 'strict_object') return undefined
  const { input } = issue
  if (typeof input !== 'string' && typeof input !== 'number') return undefined
  const value = shown(String(input))
  return WRONG[where]?.(value, network) ?? `Invalid value for attribute '${name}' in element '${element}': '${value}'.`
}
