/**
 * dnsmasq's lease file, as text: reading it, comparing two of them, and making one that dnsmasq takes. Pure.
 *
 *     1700000000 52:54:00:12:34:56 192.0.2.57 guest 01:52:54:00:12:34:56    expiry, MAC, address, name or *, client id or *
 *     duid 00:01:00:01:2d:…                                                 the server's own DUID
 *     1700000000 5523472 2001:db8::95 guest 00:04:b1:d8:…                   expiry, IAID (T: temporary), address, name or *, DUID
 *
 * Source: dnsmasq 2.90, src/lease.c, read_leases() and lease_update_file().
 */
import { compareIp, ipFamily, isIp, parseIp, type Ip } from '../values/ip.js'
import { isMac } from '../values/mac.js'

/** A lease. The same shape as in the public face. */
export interface Lease {
  /** Of an IPv6 lease from the DUID; empty where that does not hold it. */
  readonly mac: string
  readonly ip: string
  readonly prefix?: number
  readonly family: 'ipv4' | 'ipv6'
  readonly hostname?: string
  /** Client id (IPv4) or DUID (IPv6). */
  readonly clientId?: string
  /** undefined: never. */
  readonly expires?: Date
}
export interface LeaseChange extends Lease { readonly change: 'present' | 'added' | 'renewed' | 'removed' }

/** One good line of the file: its address is its key. */
export interface LeaseLine { readonly text: string, readonly ip: Ip, readonly lease: Lease }

export interface LeaseText {
  readonly lines: readonly LeaseLine[]
  /** `duid 00:01:…`, where there is one. */
  readonly duid?: string
  /** Lines that are not leases, cut to 200 characters, at most a hundred. */
  readonly bad: readonly string[]
  readonly badCount: number
  /** The text ends in a whole line: nothing is half written. */
  readonly whole: boolean
}

/** fscanf's limits in read_leases(): longer fields would be torn apart. */
const LONGEST = { line: 1_400, name: 255, id: 764 }
const hexBytes = /^[0-9a-f]{2}(?::[0-9a-f]{2})*$/i

/** Reads a lease file of any content; what is no lease is counted, never thrown. Takes every lease, expired ones too. */
export function parseLeases (text: string): LeaseText {
  const lines = new Map<string, LeaseLine>()
  const bad: string[] = []
  let badCount = 0
  let duid: string | undefined
  for (const line of text.split('\n')) {
    if (line === '') continue
    const found = line.length <= LONGEST.line ? leaseLine(line) : undefined
    if (found !== undefined) lines.set(found.ip, found)
    else if (isDuid(line)) duid = line
    else if (badCount++ < 100) bad.push(line.slice(0, 200))
  }
  return { lines: [...lines.values()], bad, badCount, whole: text === '' || text.endsWith('\n'), ...duid === undefined ? {} : { duid } }
}

const isDuid = (line: string): boolean => line.startsWith('duid ') && line.length <= 255 && hexBytes.test(line.slice(5))

function leaseLine (line: string): LeaseLine | undefined {
  const [expiry = '', who = '', address = '', name = '', id = '', ...rest] = line.split(' ')
  if (rest.length > 0 || !/^\d{1,12}$/.test(expiry) || !isIp(address) || !/^[\x21-\x7e]+$/.test(name) || name.length > LONGEST.name) return undefined
  if (!(id === '*' || hexBytes.test(id)) || id.length > LONGEST.id) return undefined
  const ip = parseIp(address)
  const four = ipFamily(ip) === 4
  // Not Ethernet: `20-80:00:…`. IPv6: the IAID, with T for a temporary address.
  if (!(four ? /^(?:[0-9a-f]{2}-)?(?:[0-9a-f]{2}(?::[0-9a-f]{2}){0,15})?$/i : /^T?\d{1,10}$/).test(who)) return undefined
  const lease: Lease = {
    mac: four ? who.toLowerCase().replace(/^[0-9a-f]{2}-/, '') : macOfDuid(id), ip, family: four ? 'ipv4' : 'ipv6',
    ...name === '*' ? {} : { hostname: name }, ...id === '*' ? {} : { clientId: id },
    ...Number(expiry) === 0 ? {} : { expires: new Date(Number(expiry) * 1_000) },
  }
  return { text: line, ip, lease }
}

/** Types 1 (link-layer address and time) and 3 (link-layer address) end in it. Source: RFC 8415, 11.2 and 11.4. */
export function macOfDuid (duid: string): string {
  const bytes = duid.toLowerCase().split(':')
  const header = bytes.slice(0, 4).join('')
  const mac = header === '00010001' ? bytes.slice(8) : header === '00030001' ? bytes.slice(4) : []
  const text = mac.join(':')
  return isMac(text) ? text : ''
}

/** Without those that have run out at `now` (milliseconds since 1970), in the order of addresses. */
export function currentLeases ({ lines }: LeaseText, now: number): Lease[] {
  return lines.filter(({ lease }) => isCurrent(lease, now)).sort((a, b) => compareIp(a.ip, b.ip)).map(({ lease }) => lease)
}

const isCurrent = (lease: Lease, now: number): boolean => lease.expires === undefined || lease.expires.getTime() > now

/** What turned `before` into `after`, removals first. Another holder of an address is one removed and one added. */
export function leaseChanges (before: readonly Lease[], after: readonly Lease[]): LeaseChange[] {
  const old = new Map(before.map((lease) => [lease.ip, lease]))
  const now = new Map(after.map((lease) => [lease.ip, lease]))
  const same = (a: Lease, b: Lease): boolean => a.mac === b.mac && a.clientId === b.clientId
  const removed = before.filter((lease) => { const next = now.get(lease.ip); return next === undefined || !same(lease, next) })
  return [
    ...removed.map((lease) => ({ ...lease, change: 'removed' as const })),
    ...after.flatMap((lease): LeaseChange[] => {
      const last = old.get(lease.ip)
      if (last === undefined || !same(last, lease)) return [{ ...lease, change: 'added' }]
      return last.expires?.getTime() === lease.expires?.getTime() && last.hostname === lease.hostname ? [] : [{ ...lease, change: 'renewed' }]
    }),
  ]
}

/**
 * A lease file made of what dnsmasq left and of our last good copy: a kill in the middle of a rewrite loses nothing.
 * An address in both is as the file says. Leases that have run out, and those that `keep` refuses, are left out.
 */
export function mergeLeases (file: LeaseText, copy: LeaseText, now: number, keep: (ip: Ip) => boolean): string {
  const lines = new Map([...copy.lines, ...file.lines].map((line) => [line.ip, line]))
  const good = [...lines.values()].filter(({ ip, lease }) => isCurrent(lease, now) && keep(ip))
  const duid = file.duid ?? copy.duid
  const of = (family: Lease['family']): string[] => good.filter(({ lease }) => lease.family === family).map(({ text }) => text)
  // dnsmasq takes what follows `duid` for DHCPv6.
  return [...of('ipv4'), ...duid === undefined ? [] : [duid], ...of('ipv6'), ''].join('\n')
}
