/**
 * A network's dnsmasq configuration, as a pure function of its definition and of where its files lie. `netwright render --as dnsmasq`.
 *
 * The options are libvirt's (networkDnsmasqConfContents in bridge_driver.c) with these differences:
 * - `bind-interfaces` in place of `bind-dynamic`, which makes every instance read all addresses at each new one.
 * - `no-resolv` with a `servers-file` that we write from resolv.conf in place of reading resolv.conf: that costs an inotify instance each.
 * - Leases are in dnsmasq's own file in place of a script with a root process beside each instance.
 * - `no-hosts`: the names of the host's own /etc/hosts are nobody's business in a guest network.
 * - `no-ping`: otherwise each first offer waits three seconds.
 * - A guest cannot take the name `wpad`, `isatap` or `localhost`.
 *
 * Not set, since guests of libvirt rely on what they would take away: `stop-dns-rebind` (names of the host's own site resolve to private
 * addresses), `bogus-priv` (so do private addresses to names) and `dhcp-ignore-names` (guests find each other by the names they give).
 */
import { InputError } from '../errors.js'
import type { Definition, IpSpec } from '../network/spec.js'
import { familyOf, subnetOf } from '../network/subnet.js'
import { contains, prefixToNetmask } from '../values/cidr.js'
import { ipFamily, ipToBigInt, ipToBytes, parseIp, type Ip } from '../values/ip.js'
import { addnHostsFile, hostsFile, leaseTime } from './hosts.js'
import { emitConfig, field, option, type DnsmasqOption, type Field } from './option.js'

/** Where the files lie (absolute paths) and as whom dnsmasq runs. */
export interface Place {
  readonly hosts: string
  readonly addnhosts: string
  readonly servers: string
  readonly leases: string
  /** dnsmasq changes to this user; not said where undefined. */
  readonly user?: string
  /** And to this group; an empty text: keep the groups (a user namespace refuses setgroups). */
  readonly group?: string
  /** How many leases the lease file holds: dnsmasq does not start where that is more than `dhcp-lease-max`. */
  readonly storedLeases?: number
}

export interface Config {
  /** The configuration file. */
  readonly text: string
  /** The file of static leases; empty text where there are none. */
  readonly hosts: string
  /** The file of additional host names. */
  readonly addnhosts: string
  readonly options: readonly DnsmasqOption[]
  /** What dnsmasq logs last when it starts, and again after each SIGHUP. */
  readonly ready: string
  /** The ports it listens on. */
  readonly ports: readonly number[]
}

type Parts = Pick<Definition, 'ip' | 'dns' | 'forward' | 'bridge' | 'domain' | 'mtu' | 'name'>

const dnsOn = (definition: Pick<Definition, 'dns'>): boolean => definition.dns?.enable !== false
const hasDhcp = (ip: IpSpec): boolean => (ip.dhcp?.range?.length ?? 0) + (ip.dhcp?.host?.length ?? 0) > 0

/** Whether the network runs a dnsmasq: it has an address, and DNS is on or leases are given. Source: libvirt, networkStartDhcpDaemon. */
export function needsDnsmasq (definition: Pick<Definition, 'ip' | 'dns'>): boolean {
  return definition.ip.length > 0 && (dnsOn(definition) || definition.ip.some(hasDhcp))
}

/** The whole configuration. Reads no file. Throws InputError, with its path in the definition, for what dnsmasq cannot safely be given. */
export function dnsmasqConfig (definition: Parts, place: Place): Config {
  const dhcp = definition.ip.some(hasDhcp)
  const options = [
    ...general(definition, place), ...upstream(definition, place), ...names(definition), ...isolated(definition), ...records(definition),
    ...definition.ip.flatMap(leasing), ...leaseLimits(definition, place), ...files(definition, place), ...mtu(definition), ...advertisement(definition),
  ]
  const text = emitConfig(options, [`network ${JSON.stringify(definition.name).replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200)}, written by netwright`, 'Changes made here are lost at the next start.'])
  return {
    text, options,
    hosts: hostsFile(definition),
    addnhosts: dnsOn(definition) ? addnHostsFile(definition) : '',
    ready: `read ${dhcp ? place.hosts : place.addnhosts}`,
    ports: [...dnsOn(definition) ? [53] : [], ...definition.ip.filter(hasDhcp).map((ip) => familyOf(ip) === 4 ? 67 : 547)],
  }
}

const word = (text: string | number): Field => field('word', String(text), '')
const path = (text: string, name: string): Field => field('path', text, name)

function general (definition: Parts, place: Place): DnsmasqOption[] {
  return [
    option('strict-order'),
    ...dnsOn(definition) ? [] : [option('port', word(0))],
    // Without a value: no file. What proves a process ours is its record, not a number in a file.
    option('pid-file', word('')),
    // Standard error, which is our bounded file: what goes wrong before the log is open is there too.
    option('log-facility', word('-')),
    ...place.user === undefined ? [] : [option('user', field('user', place.user, 'user'))],
    ...place.group === undefined ? [] : [option('group', field('user', place.group, 'group'))],
    option('except-interface', word('lo')),
    option('bind-interfaces'),
    option('interface', field('interface', definition.bridge.name, 'bridge.name')),
    option('no-hosts'),
    // A guest decides how many of these lines there are.
    option('quiet-dhcp'), option('quiet-dhcp6'), option('quiet-ra'),
  ]
}

/** A bare forwarder replaces the host's servers, an isolated network has none of them. */
function upstream (definition: Parts, place: Place): DnsmasqOption[] {
  const forwarders = definition.dns?.forwarder ?? []
  const own = definition.forward.mode === 'none' || forwarders.some((one) => one.addr !== undefined && one.domain === undefined)
  return [
    ...forwarders.map((one, index) => {
      const at = `dns.forwarder[${String(index)}]`
      const addr = one.addr === undefined ? undefined : field('ip', parseIp(one.addr, `${at}.addr`), `${at}.addr`)
      if (one.domain === undefined) return option('server', addr ?? missing(at))
      return option('server', field('scope', `/${field('domain', one.domain, `${at}.domain`).text}/${addr?.text ?? '#'}`, at))
    }),
    option('no-resolv'),
    ...own || !dnsOn(definition) ? [] : [option('servers-file', path(place.servers, 'servers'))],
  ]
}

function missing (at: string): never { throw new InputError([{ message: 'a forwarder needs an address or a domain', path: at }]) }

function names (definition: Parts): DnsmasqOption[] {
  const domain = definition.domain === undefined ? undefined : field('domain', definition.domain.name, 'domain.name')
  return [
    ...domain === undefined
      ? []
      : [...definition.domain?.localOnly === true ? [option('local', field('scope', `/${domain.text}/`, domain.path))] : [], option('domain', domain), option('expand-hosts')],
    ...definition.ip.flatMap((ip, index) => ip.localPtr === true ? [option('local', field('scope', `/${ptrDomain(ip, `ip[${String(index)}]`)}/`, `ip[${String(index)}].localPtr`))] : []),
    ...definition.dns?.forwardPlainNames === false ? [option('domain-needed'), option('local', field('scope', '//', 'dns.forwardPlainNames'))] : [],
  ]
}

/** `122.168.192.in-addr.arpa`. Source: RFC 1035 3.5, RFC 3596 2.5; libvirt, virSocketAddrPTRDomain. */
function ptrDomain (ip: IpSpec, at: string): string {
  const address = parseIp(ip.address, `${at}.address`)
  const four = ipFamily(address) === 4
  const { prefix } = subnetOf(ip)
  const step = four ? 8 : 4
  if (prefix % step !== 0 || prefix === 0) throw new InputError([{ message: `a reverse zone cannot be made for prefix length ${String(prefix)}: it must be a multiple of ${String(step)}`, path: `${at}.localPtr` }])
  const bytes = ipToBytes(address)
  const digits = four ? Array.from(bytes, String) : Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('').split('')
  return `${digits.slice(0, prefix / step).reverse().join('.')}.${four ? 'in-addr' : 'ip6'}.arpa`
}

/** No default route, no router: there is nowhere to go. */
function isolated (definition: Parts): DnsmasqOption[] {
  if (definition.forward.mode !== 'none') return []
  return [option('dhcp-option', word(3)), option('ra-param', word('*'), word(0), word(0))]
}

function records (definition: Parts): DnsmasqOption[] {
  const txt = (definition.dns?.txt ?? []).map((one, index) => option('txt-record', field('txtName', one.name, `dns.txt[${String(index)}].name`), field('text', one.value, `dns.txt[${String(index)}].value`)))
  const srv = (definition.dns?.srv ?? []).map((one, index) => {
    const at = `dns.srv[${String(index)}]`
    const labels = [`_${field('service', one.service, `${at}.service`).text}`, `_${field('protocol', one.protocol, `${at}.protocol`).text}`]
    const service = field('record', [...labels, ...one.domain === undefined ? [] : [field('domain', one.domain, `${at}.domain`).text]].join('.'), at)
    if (one.target === undefined || one.target === '.') return option('srv-host', service)
    // Told by their place: what comes before a value that is said must be there. A port not said is 1 to dnsmasq.
    const numbers = [one.port ?? 1, one.priority ?? 0, one.weight ?? 0]
    const said = (one.weight ?? 0) > 0 ? 3 : (one.priority ?? 0) > 0 ? 2 : one.port !== undefined ? 1 : 0
    return option('srv-host', service, field('domain', one.target, `${at}.target`), ...numbers.slice(0, said).map(word))
  })
  return [...txt, ...srv]
}

function leasing (ip: IpSpec, index: number): DnsmasqOption[] {
  if (!hasDhcp(ip)) return []
  const at = `ip[${String(index)}]`
  const four = familyOf(ip) === 4
  const { prefix } = subnetOf(ip)
  // dnsmasq knows no DHCPv6 range outside of one /64.
  const size = four ? field('ip', prefixToNetmask(prefix), at) : word(Math.max(prefix, 64))
  const ranges = (ip.dhcp?.range ?? []).map((range, nth) => {
    const place = `${at}.dhcp.range[${String(nth)}]`
    const ends = [range.start, range.end].map((end, which) => field('ip', parseIp(end, `${place}.${which === 0 ? 'start' : 'end'}`), place))
    return option('dhcp-range', ...ends, size, ...range.lease === undefined ? [] : [word(leaseTime(range.lease))])
  })
  const only = option('dhcp-range', field('ip', parseIp(ip.address), `${at}.address`), word('static'), ...four ? [] : [size])
  return [...ranges.length > 0 ? ranges : [only], ...four ? [option('dhcp-no-override'), option('dhcp-authoritative')] : []]
}

/** As many as libvirt lets a range have; dnsmasq goes through all leases in turn. */
const LARGEST_RANGE = 65_536n

/** Every address that can be given: of the ranges, and of the static leases beside them, which with libvirt compete for the ranges' places. */
function leaseLimits (definition: Parts, place: Place): DnsmasqOption[] {
  const ranges = definition.ip.flatMap((ip) => ip.dhcp?.range ?? []).map(({ start, end }) => ({ start: parseIp(start), end: parseIp(end) }))
  const inside = (address: Ip): boolean => ranges.some(({ start, end }) => ipFamily(start) === ipFamily(address) && ipToBigInt(start) <= ipToBigInt(address) && ipToBigInt(address) <= ipToBigInt(end))
  const sum = ranges.reduce((total, { start, end }) => total + bounded(ipToBigInt(end) - ipToBigInt(start) + 1n), 0n)
  const beside = definition.ip.flatMap((ip) => ip.dhcp?.host ?? []).filter(({ ip }) => !inside(parseIp(ip))).length
  const stored = place.storedLeases ?? 0
  // Static leases only: they are added while dnsmasq runs, so its own limit of 1,000 stays unless more are there already.
  if (sum === 0n) return Math.max(beside, stored) > 1_000 ? [option('dhcp-lease-max', word(Math.max(beside, stored)))] : []
  return [option('dhcp-lease-max', word(Math.max(Number(sum) + beside, stored)))]
}

const bounded = (size: bigint): bigint => size < 1n ? 1n : size > LARGEST_RANGE ? LARGEST_RANGE : size

function files (definition: Parts, place: Place): DnsmasqOption[] {
  const dhcp = definition.ip.some(hasDhcp)
  const squatted = ['wpad', 'isatap', 'localhost']
  return [
    ...dhcp
      ? [
          option('dhcp-hostsfile', path(place.hosts, 'hosts')), option('dhcp-leasefile', path(place.leases, 'leases')), option('no-ping'),
          ...squatted.map((name) => option('dhcp-name-match', word('set:netwright-taken'), word(name))), option('dhcp-ignore-names', word('tag:netwright-taken')),
        ]
      : [],
    ...dnsOn(definition) ? [option('addn-hosts', path(place.addnhosts, 'addnhosts'))] : [],
  ]
}

function mtu (definition: Parts): DnsmasqOption[] {
  return definition.mtu !== undefined && definition.ip.some((ip) => hasDhcp(ip) && familyOf(ip) === 4) ? [option('dhcp-option', word('option:mtu'), word(definition.mtu))] : []
}

/** DHCPv6 on one address: router advertisements that say so, for all. Else each IPv6 network configures itself (SLAAC). */
function advertisement (definition: Parts): DnsmasqOption[] {
  const six = definition.ip.filter((ip) => familyOf(ip) === 6)
  if (six.some(hasDhcp)) return [option('enable-ra')]
  return six.map((ip) => option('dhcp-range', field('ip', parseIp(ip.address), 'ip'), word('ra-only')))
}

/** Whether an address lies in one of the definition's networks: a lease outside of them is of an earlier definition. */
export function coversAddress (definition: Pick<Definition, 'ip'>, address: Ip): boolean {
  return definition.ip.some((ip) => contains(subnetOf(ip), address))
}
