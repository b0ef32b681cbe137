/** A forwarded port in one line, as the command line and JSON take it: `[HOSTADDR:]PORT[-END]/PROTO GUEST:PORT`. Pure. */
import { isIp } from '../values/ip.js'
import { isIfName } from '../values/ifname.js'

export const protocols = ['tcp', 'udp', 'sctp'] as const
export type ForwardProtocol = typeof protocols[number]

/** The two ends as they were written. */
export interface HostSide { readonly address?: string, readonly port: number | 'auto', readonly end?: number, readonly proto?: string }
export interface GuestSide { readonly guest: string, readonly guestPort?: number }

export const FORWARD_FORM = '[HOSTADDR:]PORT[-END]/PROTO GUEST:PORT, for example 8080/tcp 192.168.123.10:80'

/** An address, in brackets where it has colons, or another word, and what follows the last colon. */
const SIDE = /^(?:(?:\[([^\]\s]*)\]|([^:[\]\s/]*)):)?([^:[\]\s]+)$/

/** `8080/tcp`, `192.0.2.1:8000-8010/udp`, `[2001:db8::1]:auto/tcp`; undefined where it is none. */
export function readHostSide (text: string): HostSide | undefined {
  const [, bracketed, bare, rest = ''] = SIDE.exec(text) ?? []
  const [, port = '', end, proto] = /^(auto|\d{1,5})(?:-(\d{1,5}))?(?:\/([a-z]+))?$/.exec(rest) ?? []
  if (port === '' || (port === 'auto' && end !== undefined)) return undefined
  const address = bracketed ?? bare
  return { ...address === undefined || address === '*' ? {} : { address }, port: port === 'auto' ? 'auto' : Number(port), ...end === undefined ? {} : { end: Number(end) }, ...proto === undefined ? {} : { proto } }
}

/** `192.168.123.10:80`, `[fd00::5]:80`, `vnet0:80`, and each without a port; undefined where it is none. */
export function readGuestSide (text: string): GuestSide | undefined {
  if (isIp(text)) return { guest: text }
  const [, bracketed, bare, rest = ''] = SIDE.exec(text) ?? []
  const guest = bracketed ?? bare
  if (guest === undefined) return isIfName(text) ? { guest: text } : undefined
  return /^\d{1,5}$/.test(rest) ? { guest, guestPort: Number(rest) } : undefined
}

/** Both sides of a whole line; undefined where one of them is none. */
export function readForwardLine (text: string): (HostSide & GuestSide) | undefined {
  const [host = '', guest = '', ...more] = text.trim().split(/\s+/)
  const [left, right] = [readHostSide(host), readGuestSide(guest)]
  return left === undefined || right === undefined || more.length > 0 ? undefined : { ...left, ...right }
}

const bracketed = (address: string): string => address.includes(':') ? `[${address}]` : address

/** What of a forward is said in its words. */
export interface Worded { readonly address?: string | undefined, readonly port: number | 'auto', readonly end?: number | undefined, readonly proto?: string, readonly guest: string, readonly guestPort: number }

/** `192.0.2.1:8000-8010/udp`. */
export function hostWords ({ address, port, end, proto = 'tcp' }: Omit<Worded, 'guest' | 'guestPort'>): string {
  return `${address === undefined ? '' : `${bracketed(address)}:`}${String(port)}${end === undefined ? '' : `-${String(end)}`}/${proto}`
}

/** `192.168.123.10:80`. */
export function guestWords ({ guest, guestPort }: Pick<Worded, 'guest' | 'guestPort'>): string { return `${bracketed(guest)}:${String(guestPort)}` }

/** `8080/tcp 192.168.123.10:80`: what `readForwardLine` reads. */
export function forwardWords (forward: Worded): string { return `${hostWords(forward)} ${guestWords(forward)}` }
