/** A rule in one line, as the command line and JSON take it: `allow in tcp/22,80-90 from 10.7.0.0/24,@admins to 10.60.1.5 log`. Pure. */

export const actions = ['allow', 'deny', 'drop'] as const
export const directions = ['in', 'out'] as const
/** Those with ports first. */
export const portProtocols = ['tcp', 'udp', 'sctp'] as const
export const protocols = [...portProtocols, 'icmp', 'icmpv6', 'esp', 'ah', 'gre'] as const
export type RuleProtocol = typeof protocols[number]

export const RULE_FORM = 'allow|deny|drop in|out [PROTO[/PORT[-END],...]] [from ADDRESS,...] [to ADDRESS,...] [log], for example allow in tcp/22 from 10.7.0.0/24'

/** What of a rule is said in its words. */
export interface WordedRule {
  readonly action: string
  readonly direction: string
  readonly protocol?: string | undefined
  readonly ports?: readonly string[] | undefined
  readonly from?: readonly string[] | undefined
  readonly to?: readonly string[] | undefined
  readonly log?: boolean | string | undefined
}

/** `10.0.0.0/8, 10.1.1.1` and `22 80-90`: what stands between commas or blanks. */
export function listed (text: string): string[] { return text.split(/[\s,]+/).filter((item) => item !== '') }

/** `tcp/22,80-90`: a protocol and its ports. Undefined where it is none. */
export function readService (text: string): { readonly protocol: string, readonly ports?: readonly string[] } | undefined {
  const [, protocol, ports] = /^([a-z0-9]+)(?:\/([\d,-]+))?$/.exec(text) ?? []
  return protocol === undefined ? undefined : { protocol, ...ports === undefined ? {} : { ports: listed(ports) } }
}

export function serviceWords ({ protocol, ports }: { readonly protocol: string, readonly ports?: readonly string[] | undefined }): string {
  return ports === undefined ? protocol : `${protocol}/${ports.join(',')}`
}

/** `deny + icmp + tcp/22`: what guests reach of the host's own services. */
export function policyWords (host: { readonly access: string, readonly icmp?: boolean | undefined, readonly allow?: readonly { readonly protocol: string, readonly ports?: readonly string[] | undefined }[] | undefined } | undefined): string {
  if (host === undefined || host.access === 'allow') return 'allow'
  return ['deny', ...host.icmp === true ? ['icmp'] : [], ...(host.allow ?? []).map(serviceWords)].join(' + ')
}

/** The words of a line; undefined where it is no rule. Whether addresses and ports make sense is not looked at. */
export function readRuleLine (line: string): WordedRule | undefined {
  const [action = '', direction = '', ...words] = line.trim().split(/\s+/)
  if (!actions.some((one) => one === action) || !directions.some((one) => one === direction)) return undefined
  const found: { protocol?: string, ports?: readonly string[], from?: string[], to?: string[], log?: true } = {}
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === 'log') { if (found.log) return undefined; found.log = true; continue }
    if (word === 'from' || word === 'to') {
      const addresses = words.shift()
      if (addresses === undefined || found[word] !== undefined) return undefined
      found[word] = listed(addresses)
      continue
    }
    const service = readService(word)
    if (service === undefined || found.protocol !== undefined) return undefined
    Object.assign(found, service)
  }
  return { action, direction, ...found }
}

/** `allow in tcp/22 from 10.7.0.0/24`: what a rule is known by. Neither its log nor its comment is said. */
export function ruleWords ({ action, direction, protocol, ports, from, to }: WordedRule): string {
  return [
    action, direction, ...protocol === undefined ? [] : [serviceWords({ protocol, ports })],
    ...from === undefined ? [] : ['from', from.join(',')], ...to === undefined ? [] : ['to', to.join(',')],
  ].join(' ')
}
