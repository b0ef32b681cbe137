/** Names of networks, bridges, hosts and domains: what is refused so that it can be a file name, an interface, or a word of dnsmasq's. Pure. */
import { isIfName, parseIfName } from '../../values/ifname.js'
import { InputError } from '../../errors.js'
import { hidesSomething, shown, type Review } from './review.js'

/** Of the file's name, in which everything that is not plain takes three bytes (%C3); the file system's limit is 255, and temporary files have longer names. */
const LONGEST_NAME = 200
const fileBytes = (name: string): number => /^[\w.-]*$/.test(name) ? name.length : Buffer.from(name).reduce((sum, byte) => sum + (/[\w.-]/.test(String.fromCharCode(byte)) ? 1 : 3), 0)

/** A network's name is the key of its files. libvirt: no `/`, no newline (virNetworkDefParseXML, networkValidate). */
export function checkName (name: string, { complain }: Review): void {
  for (const bad of ['/', '\n']) {
    if (name.includes(bad)) { complain('name', `invalid char in name: ${bad === '/' ? '/' : '\\n'}`); return }
  }
  const bytes = name.length > LONGEST_NAME ? name.length : fileBytes(name)
  if (bytes > LONGEST_NAME) complain('name', `a name has at most ${String(LONGEST_NAME)} bytes as a file's name, where other than letters, digits and ._- count three; this one has ${String(bytes)}`)
  else if (hidesSomething(name)) complain('name', `the name '${shown(name)}' holds a control or invisible character`)
  else if (name === '.' || name === '..' || name.startsWith('-')) complain('name', `'${name}' cannot be a network's name: it ${name.startsWith('-') ? 'begins with -' : 'means a directory'}`)
  else if (name.trim() !== name) complain('name', `the name '${name}' begins or ends with white space`)
}

/** libvirt 9.7: a title has one line. */
export function checkTitle (title: string, { complain, network }: Review): void {
  if (title.includes('\n')) complain('title', `Network title can't contain newlines, in network '${shown(network)}'`)
  else if (hidesSomething(title)) complain('title', 'the title holds a control or invisible character')
}

/** Words that /proc/sys/net/conf keeps for itself, and the loopback link. Source: net/core/sysctl_net_core.c; net/ipv4/devinet.c, sysctl_dev_name_is_allowed(). */
const TAKEN = new Set(['all', 'default', 'lo'])

/**
 * A bridge's name, or a template in which one `%d` becomes the first free number. Stricter than the kernel, since the name is also
 * written into dnsmasq's configuration, where `*`, `,` and `#` have meanings.
 */
export function checkBridgeName (name: string, { complain }: Review): void {
  const fixed = name.replace('%d', '0')
  if (fixed.includes('%')) { complain('bridge.name', `bridge name '${shown(name)}' may hold one %d, and no other %`); return }
  try { parseIfName(fixed) } catch (error) {
    if (!(error instanceof InputError)) throw error
    complain('bridge.name', bridgeSentence(name, fixed))
    return
  }
  if (TAKEN.has(fixed)) complain('bridge.name', `'${fixed}' cannot be the name of a bridge`)
  else if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(fixed)) complain('bridge.name', `bridge name '${shown(name)}' may hold letters, digits, '_', '.' and '-', and begins with none of the last two`)
}

function bridgeSentence (name: string, fixed: string): string {
  const bytes = Buffer.byteLength(fixed)
  if (bytes <= 15) return `'${shown(name)}' is not a name for a bridge`
  return `bridge name '${shown(name)}' has ${String(bytes)} bytes, the kernel takes at most 15`
}

/** The uplink: any name that an interface can have. */
export function checkUplink (dev: string, { complain }: Review): void {
  if (!isIfName(dev)) complain('forward.dev', `'${shown(dev)}' is not the name of an interface`)
  else if (dev === 'lo') complain('forward.dev', 'the loopback interface is no way out')
}

const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/

/**
 * Why a domain name is refused, or undefined. Letters, digits, `-` and `_` in labels of at most 63 bytes, 253 in all (RFC 1035, section 2.3.4):
 * nothing that dnsmasq could take for another word of its configuration.
 */
export function domainFault (name: string): string | undefined {
  if (name.length > 253) return 'has more than 253 characters'
  const label = name.split('.').find((part) => !LABEL.test(part))
  if (label === undefined) return undefined
  if (label === '') return 'has an empty label'
  if (label.length > 63) return 'has a label of more than 63 characters'
  return 'may hold letters, digits, \'-\', \'_\' and dots, and no label begins or ends with \'-\''
}

/** Complains about a domain name in the place `path`; `what` begins the sentence. */
export function checkDomain (name: string, path: string, what: string, { complain, network }: Review): void {
  const fault = domainFault(name)
  if (fault !== undefined) complain(path, `${what} '${shown(name)}' in network '${shown(network)}' ${fault}`)
}
