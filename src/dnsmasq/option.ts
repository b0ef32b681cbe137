/**
 * dnsmasq's configuration language, spoken so that no value can become a directive.
 *
 * dnsmasq reads a file in pieces of 1,024 bytes: what is behind them in a longer line is read as a new line, so a long value is an injection
 * without a newline. Values are therefore whitelisted by kind, lines are short, and the finished text is read back and must give what was meant.
 * Source: dnsmasq 2.90, src/option.c, read_file() and one_opt().
 */
import { InputError } from '../errors.js'
import { isIfName } from '../values/ifname.js'
import { isIp } from '../values/ip.js'

/** One line: the option's name and its value as written, quotes included. */
export type DnsmasqOption = readonly [name: string, value?: string]

/** Longest line that is written, bytes. dnsmasq's buffer holds 1,024 with the newline. */
export const LONGEST_LINE = 1_000

/** A part of a value, with its place in the definition, so that a refusal can name it. */
export interface Field { readonly text: string, readonly kind: FieldKind, readonly path: string }

const label = '[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?'
const domainName = new RegExp(`^(?=.{1,253}$)${label}(?:\\.${label})*\\.?$`)
const hostName = new RegExp(`^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(?:\\.${label})*$`)

/** What each kind of value may consist of; everything else is refused, never escaped away. */
const kinds = {
  /** Written by ourselves: words, numbers, `option:mtu`, `[lease time]`. */
  word: { fits: (text: string) => /^[A-Za-z0-9:*.-]*$/.test(text), is: 'a word' },
  ip: { fits: isIp, is: 'an IP address' },
  /** dnsmasq takes `*` in an interface name for a pattern and `,` for the next name. */
  interface: { fits: (text: string) => isIfName(text) && /^[A-Za-z0-9._+@-]+$/.test(text) && !text.startsWith('-'), is: 'an interface name of letters, digits and ._+@-' },
  domain: { fits: (text: string) => domainName.test(text), is: 'a domain name of letters, digits, - and _ (at most 63 in a label, 253 in all)' },
  /** `/example.com/192.0.2.1`, `/example.com/#`, `/example.com/`, `//`: made of a checked domain and a checked address by `scoped`. */
  scope: { fits: (text: string) => /^\/[A-Za-z0-9_.-]*\/(?:#|[0-9A-Fa-f.:]*)$/.test(text), is: 'a domain with a server' },
  /** libvirt lets a service have 482 bytes; dnsmasq refuses a label of more than 63, of which `_` is one (RFC 1035, RFC 2782). */
  service: { fits: (text: string) => /^[A-Za-z0-9_+/*-]{1,62}$/.test(text), is: 'a service of at most 62 letters, digits and _-+/*' },
  protocol: { fits: (text: string) => /^[A-Za-z0-9+/-]{1,62}$/.test(text), is: 'a protocol of at most 62 letters, digits and -+/' },
  /** `_sip._udp.example.com`, of checked parts. */
  record: { fits: (text: string) => /^[A-Za-z0-9_.+/*-]{1,253}$/.test(text), is: 'a record name of at most 253 characters' },
  text: { fits: (text: string) => /^[\x20-\x7e]*$/.test(text), is: 'text of printable ASCII characters' },
  txtName: { fits: (text: string) => /^(?=.{1,253}$)[A-Za-z0-9_*-]{1,63}(?:\.[A-Za-z0-9_*-]{1,63})*\.?$/.test(text), is: 'a TXT record name of letters, digits and ._*- (at most 63 in a label)' },
  // eslint-disable-next-line no-control-regex -- control characters are what is refused
  path: { fits: (text: string) => /^\/[^\x00-\x1f\x7f]*$/.test(text), is: 'an absolute path without control characters' },
  user: { fits: (text: string) => /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$/.test(text) || text === '', is: 'the name of a user or group' },
} as const satisfies Record<string, { fits: (text: string) => boolean, is: string }>

export type FieldKind = keyof typeof kinds

/** A checked field. Throws InputError naming `path` where a character is not on the whitelist of its kind. */
export function field (kind: FieldKind, text: string, path: string): Field {
  if (kinds[kind].fits(text)) return { text, kind, path }
  const shown = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
  throw new InputError([{ message: `${shown} cannot be given to dnsmasq: it must be ${kinds[kind].is}`, path }])
}

/** Whether `field` would take it as a host name of dnsmasq's: a letter or digit first (legal_hostname() in util.c). */
export function isHostName (text: string): boolean { return hostName.test(text) }

/** A line of fields with commas between. Throws InputError where the line would be too long. */
export function option (name: string, ...fields: readonly Field[]): DnsmasqOption {
  if (fields.length === 0) return [name]
  const value = fields.map(({ text, kind }) => kind === 'text' || kind === 'path' ? quoted(text) : text).join(',')
  const path = fields.at(-1)?.path ?? ''
  if (Buffer.byteLength(`${name}=${value}`) > LONGEST_LINE) throw new InputError([{ message: `${name} is ${String(Buffer.byteLength(value))} bytes long, dnsmasq's lines take ${String(LONGEST_LINE)}`, path }])
  const back = fieldsOf(value)
  if (back.length !== fields.length || back.some((text, index) => text !== fields[index]?.text)) {
    throw new InputError([{ message: `${JSON.stringify(value)} would not be read back by dnsmasq as it was meant`, path }])
  }
  return [name, value]
}

/** In quotes only where needed, so that the plain case looks as libvirt writes it. */
function quoted (text: string): string {
  return /["\\,#]|^ | $|^$/.test(text) ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : text
}

/** Splits a value at its commas as dnsmasq does: those in quotes belong to the field. Throws InputError where a quote is not closed. */
export function fieldsOf (value: string): string[] {
  const fields = ['']
  let inside = false
  for (let at = 0; at < value.length; at++) {
    const character = value.charAt(at)
    if (character === '"') inside = !inside
    else if (character === ',' && !inside) fields.push('')
    else {
      const escaped = inside && character === '\\' && /["\\]/.test(value.charAt(at + 1))
      if (escaped) at++
      fields.push(`${fields.pop() ?? ''}${escaped ? value.charAt(at) : character}`)
    }
  }
  if (inside) throw new InputError([{ message: `missing " in ${JSON.stringify(value)}` }])
  return fields
}

/** The lines, each option checked by reading the text back. Throws InputError where that gives anything else than `options`. */
export function emitConfig (options: readonly DnsmasqOption[], header: readonly string[] = []): string {
  const text = [...header.map((line) => `# ${line}`), ...options.map(([name, value]) => value === undefined ? name : `${name}=${value}`), ''].join('\n')
  const back = parseConfig(text)
  const same = back.length === options.length && back.every(([name, value], index) => name === options[index]?.[0] && value === options[index][1])
  if (!same) throw new InputError([{ message: 'the configuration for dnsmasq does not read back as it was meant' }])
  return text
}

/**
 * Reads a configuration as dnsmasq does: comments, quotes, white space around `=`. Values stay as written.
 * Throws InputError, with the line, on a line that dnsmasq would split, on control characters and on quotes left open.
 */
export function parseConfig (text: string): DnsmasqOption[] {
  return text.split('\n').flatMap((line, index) => {
    const refuse = (message: string): InputError => new InputError([{ message, line: index + 1 }])
    if (Buffer.byteLength(line) > LONGEST_LINE) throw refuse(`the line is longer than ${String(LONGEST_LINE)} bytes`)
    // eslint-disable-next-line no-control-regex -- they are refused
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(line)) throw refuse('the line holds a control character')
    const plain = withoutComment(line, refuse).trim()
    if (plain === '') return []
    const equals = plain.indexOf('=')
    return [equals < 0 ? [plain] as const : [plain.slice(0, equals).trimEnd(), plain.slice(equals + 1).trimStart()] as const]
  })
}

/** A `#` outside of quotes at the beginning or after white space starts a comment. */
function withoutComment (line: string, refuse: (message: string) => InputError): string {
  let inside = false
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at)
    if (inside && character === '\\' && /["\\]/.test(line.charAt(at + 1))) at++
    else if (character === '"') inside = !inside
    else if (character === '#' && !inside && (at === 0 || /\s/.test(line.charAt(at - 1)))) return line.slice(0, at)
  }
  if (inside) throw refuse('missing "')
  return line
}
