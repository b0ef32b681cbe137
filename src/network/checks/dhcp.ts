/** `<dhcp>`: ranges and static leases, by libvirt's rules and some that it lacks (reference, 6.3). Pure. */
import { cidrFamily, formatCidr, type Cidr } from '../../values/cidr.js'
import { isIp, parseIp } from '../../values/ip.js'
import { isMac, isMulticast } from '../../values/mac.js'
import type { DhcpHost, DhcpRange, DhcpSpec, LeaseTime } from '../spec.js'
import { spanOf, within, type Span } from './address.js'
import { domainFault } from './names.js'
import { shown, unlessBare, unlessEmpty, type Review } from './review.js'

/** virSocketAddrGetRange's limit. */
const LARGEST_RANGE = 65_535n

/** The normal form of the `<dhcp>` of one `<ip>`, or undefined where it says nothing. */
export function checkDhcp (dhcp: DhcpSpec | undefined, subnet: Cidr, path: string, review: Review): DhcpSpec | undefined {
  if (dhcp === undefined) return undefined
  const span = spanOf(subnet)
  const range = unlessEmpty(dhcp.range?.map((item, i) => checkRange(item, subnet, span, `${path}.range[${String(i)}]`, review)))
  const host = unlessEmpty(dhcp.host?.map((item, i) => checkHost(item, subnet, span, `${path}.host[${String(i)}]`, review)))
  if (range !== undefined) checkOverlap(range, path, review)
  if (host !== undefined) checkTwice(host, path, review)
  // dnsmasq: "prefix length must be at least 64" (option.c).
  if ((range ?? host) !== undefined && cidrFamily(subnet) === 6 && subnet.prefix < 64) review.complain(path, `DHCPv6 needs a prefix of at least 64, network '${shown(review.network)}' has ${formatCidr(subnet)}`)
  return unlessBare({ range, host })
}

function checkRange (item: DhcpRange, subnet: Cidr, span: Span, path: string, review: Review): DhcpRange {
  const { complain, network } = review
  for (const end of ['start', 'end'] as const) {
    if (!isIp(item[end])) complain(`${path}.${end}`, `Invalid ${end} address '${shown(item[end])}' of a DHCP range in network '${shown(network)}'`)
  }
  checkLease(item.lease, path, review)
  if (!isIp(item.start) || !isIp(item.end)) return item
  const start = spanOf(parseIp(item.start))
  const end = spanOf(parseIp(item.end))
  const fault = rangeFault(start, end, span, subnet)
  if (fault !== undefined) complain(`${path}.${fault.member}`, fault.message)
  return { start: start.address, end: end.address, lease: item.lease }
}

/** libvirt's sentences and their order: virSocketAddrGetRange. */
function rangeFault (start: Span, end: Span, span: Span, subnet: Cidr): { readonly member: 'start' | 'end', readonly message: string } | undefined {
  const range = `range ${start.address} - ${end.address}`
  const inside = `network ${subnet.address}/${String(subnet.prefix)}`
  if (!within(start, span) || !within(end, span)) return { member: within(start, span) ? 'end' : 'start', message: `${range} is not entirely within ${inside}` }
  if (span.family === 4 && start.from === span.from) return { member: 'start', message: `start of ${range} in ${inside} is the network address` }
  if (span.family === 4 && end.to === span.to) return { member: 'end', message: `end of ${range} in ${inside} is the broadcast address` }
  const size = end.to - start.from + 1n
  if (size <= 0n) return { member: 'end', message: `${range} is reversed` }
  return size > LARGEST_RANGE ? { member: 'end', message: `${range} is too large (> 65535)` } : undefined
}

function checkOverlap (ranges: readonly DhcpRange[], path: string, { complain }: Review): void {
  const sorted = ranges.flatMap(({ start, end }, i) => isIp(start) && isIp(end) ? [{ i, from: spanOf(parseIp(start)).from, to: spanOf(parseIp(end)).to }] : [])
    .sort((a, b) => a.from < b.from ? -1 : a.from > b.from ? 1 : a.i - b.i)
  let before = sorted[0]
  for (const next of sorted.slice(1)) {
    if (before !== undefined && next.from <= before.to) complain(`${path}.range[${String(next.i)}]`, `this range and range[${String(before.i)}] have addresses in common`)
    if (before === undefined || next.to > before.to) before = next
  }
}

/** The rule of virNetworkDHCPLeaseTimeDefParseXML, and what fits dnsmasq's lease time. */
function checkLease (lease: LeaseTime | undefined, path: string, { complain }: Review): void {
  if (lease === undefined || lease.expiry === 0) return
  const seconds = lease.expiry * ({ seconds: 1, minutes: 60, hours: 3600 }[lease.unit ?? 'minutes'])
  if (seconds < 120) complain(`${path}.lease.expiry`, 'The minimum lease time should be greater than 2 minutes')
  if (seconds > 0x7fffffff) complain(`${path}.lease.expiry`, 'a lease time of more than 68 years; 0 means for ever')
}

function checkHost (item: DhcpHost, subnet: Cidr, span: Span, path: string, review: Review): DhcpHost {
  const { complain } = review
  const network = shown(review.network)
  const six = cidrFamily(subnet) === 6
  const mac = item.mac?.toLowerCase()
  if (mac !== undefined) checkMac(mac, six, `${path}.mac`, review)
  if (item.id !== undefined) checkId(item.id, six, `${path}.id`, review)
  checkHostName(item.name, path, review)
  if (!six && mac === undefined && item.name === undefined) complain(path, `Static host definition in IPv4 network '${network}' must have mac or name attribute`)
  if (six && item.id === undefined && item.name === undefined) complain(path, `Static host definition in IPv6 network '${network}' must have id or name attribute`)
  checkLease(item.lease, path, review)
  if (!isIp(item.ip)) { complain(`${path}.ip`, `Invalid IP address in static host definition for network '${network}': '${shown(item.ip)}'`); return item }
  const ip = parseIp(item.ip)
  const fault = hostAddressFault(spanOf(ip), span, subnet)
  if (fault !== undefined) complain(`${path}.ip`, `static host address ${ip} in network '${network}' ${fault}`)
  return { mac, id: item.id, name: item.name, ip, lease: item.lease }
}

function checkHostName (name: string | undefined, path: string, { complain, network }: Review): void {
  if (name === undefined) return
  const fault = /^[A-Za-z0-9]/.test(name) ? domainFault(name) : 'must begin with a letter or a digit'
  if (fault !== undefined) complain(`${path}.name`, `Cannot use host name '${shown(name)}' in network '${shown(network)}': it ${fault}`)
}

function hostAddressFault (ip: Span, span: Span, subnet: Cidr): string | undefined {
  if (!within(ip, span)) return `is not within ${formatCidr(subnet)}`
  if (ip.address === subnet.address) return 'is the gateway\'s own address'
  if (span.family === 6 || subnet.prefix > 30) return undefined
  return ip.from === span.from ? 'is the network address' : ip.from === span.to ? 'is the broadcast address' : undefined
}

function checkMac (mac: string, six: boolean, path: string, { complain, network }: Review): void {
  const where = `network '${shown(network)}'`
  if (six) complain(path, `Invalid to specify MAC address '${shown(mac)}' in ${where} IPv6 static host definition`)
  else if (!isMac(mac)) complain(path, `Cannot parse MAC address '${shown(mac)}' in ${where}`)
  else if (isMulticast(mac)) complain(path, `expected unicast mac address, found multicast '${mac}' in ${where}`)
  else if (mac === '00:00:00:00:00:00') complain(path, `MAC address '${mac}' in ${where} belongs to nobody`)
}

/** A DUID: at most 130 bytes, each one or two hexadecimal digits. Source: RFC 8415, section 11.1. */
function checkId (id: string, six: boolean, path: string, { complain, network }: Review): void {
  const where = `network '${shown(network)}'`
  const bad = /[^0-9A-Fa-f:]/u.exec(id)
  if (!six) complain(path, `id '${shown(id)}' in ${where}: only IPv6 knows clients by DUID`)
  else if (bad !== null) complain(path, `Invalid character '${shown(bad[0])}' in id '${shown(id)}' of ${where}`)
  else if (id.length > 389 || !/^[0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2}){1,129}$/.test(id)) complain(path, `id '${shown(id)}' of ${where} is not a DUID of 2 to 130 bytes`)
}

/** Two leases for one client, or for one address. */
function checkTwice (hosts: readonly DhcpHost[], path: string, { complain }: Review): void {
  for (const key of ['mac', 'id', 'ip'] as const) {
    const seen = new Map<string, number>()
    hosts.forEach((host, i) => {
      const value = host[key]
      if (value === undefined) return
      const first = seen.get(value)
      if (first === undefined) seen.set(value, i)
      else complain(`${path}.host[${String(i)}].${key}`, `${key} '${shown(value)}' is that of host[${String(first)}] too`)
    })
  }
}
