/** The chains of a network's rules as `nft -f` takes them. Pure. */
import type { ChainObject, FilterRule } from '../kernel/object.js'

/** `chain in-virbr1 { … }`. */
export function chainText ({ name, direction, rules }: ChainObject): string {
  const allowed = direction === 'in' ? 'accept' : 'return'
  const lines = [`ct state related ${allowed}`, `ct direction reply ct state established,related ${allowed}`, ...rules.flatMap((rule) => ruleTexts(rule, allowed)), ...direction === 'in' ? [] : ['goto bymode']]
  return `\tchain ${name} {\n${lines.map((line) => `\t\t${line}\n`).join('')}\t}\n`
}

function ruleTexts (rule: FilterRule, allowed: string): string[] {
  const { action, log, comment } = rule
  const match = matchText(rule)
  const text = comment === undefined ? '' : ` comment "${comment}"`
  // After a match of one family nft would take an error of that family's own.
  const refused = rule.family === undefined ? 'reject' : 'reject with icmpx port-unreachable'
  const fate = action === 'allow' ? allowed : action === 'deny' ? refused : 'drop'
  return [
    ...log === undefined ? [] : [`${match}${action === 'allow' ? 'ct state new ' : ''}limit rate 10/second burst 10 packets log prefix "${log}"${text}`],
    `${match}counter packets 0 bytes 0 ${fate}${text}`,
  ]
}

function matchText ({ family, protocol, ports, from, to }: FilterRule): string {
  const ip = family === 6 ? 'ip6' : 'ip'
  const several = (items: readonly string[]): string => items.length === 1 ? items[0] ?? '' : `{ ${items.join(', ')} }`
  const side = (word: string, items: readonly string[] | undefined): string[] => items === undefined || items[0]?.endsWith('/0') === true && items.length === 1 ? [] : [`${ip} ${word} ${several(items)}`]
  const sides = [...side('saddr', from), ...side('daddr', to)]
  const parts = [
    ...family !== undefined && sides.length === 0 ? [`meta nfproto ipv${String(family)}`] : [], ...sides,
    ...protocol === undefined ? [] : ports === undefined ? [`meta l4proto ${protocol}`] : [`${protocol} dport ${several(ports.map(([first, last]) => first === last ? String(first) : `${String(first)}-${String(last)}`))}`],
  ]
  return parts.map((part) => `${part} `).join('')
}
