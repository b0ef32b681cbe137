/** Forwarded ports: who is meant, and that no two mean the same port of the host. Pure. */
import { broadcast, contains, formatCidr, network as networkOf, type Cidr } from '../../values/cidr.js'
import { isIfName } from '../../values/ifname.js'
import { ipFamily, isIp, parseIp, type Ip, type IpFamily } from '../../values/ip.js'
import { FORWARD_FORM, readForwardLine, readGuestSide, readHostSide, type Worded } from '../forward-words.js'
import { isList, isObject, type Plain, type PlainObject } from '../plain.js'
import type { ForwardSpec } from '../spec.js'
import { isBase, unusable } from './address.js'
import { shown, unlessEmpty, type Complain, type Review } from './review.js'

/** How many ports of the host one network may have forwarded, whatever its ranges: each is an element of a map. */
export const MOST_PORTS = 16_384

/** The short forms of JSON become what they stand for: a line of words, `host` for address, port, end and protocol, a `guest` with its port behind it. */
export function expandForwards (forwards: Plain, complain: Complain): Plain {
  return isList(forwards) ? forwards.map((item, i) => expandForward(item, `forwards[${String(i)}]`, complain)) : forwards
}

function expandForward (item: Plain, path: string, complain: Complain): Plain {
  if (typeof item === 'string') {
    const line = readForwardLine(item)
    if (line === undefined) { complain(path, `'${shown(item)}' is not a forwarded port: ${FORWARD_FORM}`); return item }
    return withDefaults({ ...line })
  }
  if (!isObject(item)) return item
  const { host, guest, ...rest } = item
  if (host !== undefined && (rest['port'] !== undefined || rest['address'] !== undefined || rest['end'] !== undefined)) complain(`${path}.host`, 'host stands for address, port and end, and is not said together with them')
  return withDefaults({ ...hostOf(host, `${path}.host`, complain), ...rest, ...guestOf(guest, rest, `${path}.guest`, complain) })
}

function hostOf (host: Plain | undefined, path: string, complain: Complain): PlainObject {
  if (host === undefined) return {}
  const side = typeof host === 'number' || typeof host === 'string' ? readHostSide(String(host)) : undefined
  if (side === undefined) complain(path, `the host's side is a port, 'auto', or [HOSTADDR:]PORT[-END]`)
  return side === undefined ? {} : { ...side }
}

function guestOf (guest: Plain | undefined, { guestPort }: PlainObject, path: string, complain: Complain): PlainObject {
  if (guest === undefined) return {}
  if (guestPort !== undefined || typeof guest !== 'string') return { guest }
  const side = readGuestSide(guest)
  if (side === undefined) complain(path, `'${shown(guest)}' is not a guest: an address or the name of a port, and :PORT behind it`)
  return side === undefined ? { guest } : { ...side }
}

/** tcp, and the guest's port is the host's. */
function withDefaults (item: PlainObject): PlainObject {
  const { proto = 'tcp', port, guestPort } = item
  return { ...item, proto, ...guestPort === undefined && typeof port === 'number' ? { guestPort: port } : {} }
}

/** One forward by itself, without a network to check it against; undefined where it is none. */
export function readForward (forward: Plain): Worded | undefined {
  const faults: string[] = []
  const expanded = expandForward(forward, '', (path) => { faults.push(path) })
  if (faults.length > 0 || !isObject(expanded)) return undefined
  const { proto, address, port, end, guest, guestPort } = expanded
  if (typeof proto !== 'string' || (typeof port !== 'number' && port !== 'auto') || typeof guest !== 'string' || typeof guestPort !== 'number') return undefined
  return {
    proto, port, guest: canonical(guest), guestPort, ...typeof address !== 'string' || ANY.includes(address) ? {} : { address: canonical(address) },
    ...typeof end !== 'number' || end === port ? {} : { end },
  }
}

const ANY = ['0.0.0.0', '::']
const canonical = (text: string): string => isIp(text) ? parseIp(text) : text

/** The forwards in normal form. `subnets`: of the network's own addresses; `open`: one of them is still to be chosen. */
export function checkForwards (forwards: readonly ForwardSpec[] | undefined, subnets: readonly Cidr[], open: boolean, review: Review): readonly ForwardSpec[] | undefined {
  const normal = unlessEmpty(forwards?.map((item, i) => checkForward(item, `forwards[${String(i)}]`, { subnets, open, review })))
  if (normal === undefined) return undefined
  checkOverlap(normal, review)
  const ports = normal.reduce((sum, { port, end }) => sum + (end === undefined || port === 'auto' ? 1 : end - port + 1), 0)
  if (ports > MOST_PORTS) review.complain('forwards', `${String(ports)} ports are forwarded to network '${shown(review.network)}', and at most ${String(MOST_PORTS)} can be`)
  return normal
}

interface Surroundings { readonly subnets: readonly Cidr[], readonly open: boolean, readonly review: Review }

function checkForward (item: ForwardSpec, path: string, around: Surroundings): ForwardSpec {
  const { complain } = around.review
  const { proto, port, end, guestPort, networks } = item
  const guest = canonical(item.guest)
  const family: IpFamily = isIp(guest) ? ipFamily(parseIp(guest)) : 4
  const fault = guestFault(guest, around)
  if (fault !== undefined) complain(`${path}.guest`, fault)
  const address = checkHost(item.address, family, path, around.review)
  if (end !== undefined && (port === 'auto' || end < port)) complain(`${path}.end`, port === 'auto' ? 'a range of ports is named, not chosen' : `the range of ports ${String(port)}-${String(end)} is reversed`)
  else if (end !== undefined && port !== 'auto' && guestPort + end - port > 65_535) complain(`${path}.guestPort`, `the guest's ports of ${String(port)}-${String(end)} would end at ${String(guestPort + end - port)}, and the last port is 65535`)
  return { proto, address, port, end: end === port ? undefined : end, guest, guestPort, networks: networks === true ? true : undefined }
}

/** `0.0.0.0` and `::` are all addresses, which is said by none. */
function checkHost (text: string | undefined, family: IpFamily, path: string, { complain }: Review): string | undefined {
  if (text === undefined || (family === 4 ? text === '0.0.0.0' : isIp(text) && parseIp(text) === '::')) return undefined
  const place = `${path}.address`
  if (!isIp(text)) { complain(place, `Invalid address '${shown(text)}' of a forwarded port`); return text }
  const address = parseIp(text)
  if (ipFamily(address) !== family) complain(place, `${address} is not an IPv${String(family)} address, as the guest's is`)
  else if (address === '::1') complain(place, 'the kernel translates nothing that is sent to ::1: use 127.0.0.1 and a guest\'s IPv4 address')
  else if (!address.startsWith('127.') && unusable(address) !== undefined) complain(place, `address '${address}' ${unusable(address) ?? ''}`)
  return address
}

function guestFault (guest: string, { subnets, open, review: { network } }: Surroundings): string | undefined {
  const net = shown(network)
  if (!isIp(guest)) {
    // A mistyped address is not taken for a port that may come some day.
    if (!isIfName(guest) || /^\d[\d.]*\.[\d.]*$/.test(guest)) return `'${shown(guest)}' is neither an address nor the name of a port`
    return open || subnets.some(({ address }) => ipFamily(address) === 4) ? undefined : `network '${net}' has no IPv4 subnet in which port '${guest}' could have an address`
  }
  const address: Ip = parseIp(guest)
  const subnet = subnets.find((one) => contains(one, address))
  if (subnet === undefined) return open ? undefined : `guest ${address} is not within ${subnets.length === 0 ? 'any subnet' : subnets.map((one) => formatCidr(networkOf(one))).join(', ')} of network '${net}'`
  if (subnets.some((one) => one.address === address)) return `guest ${address} is the own address of network '${net}'`
  if (ipFamily(address) === 6 || subnet.prefix > 30) return undefined
  if (isBase({ address, prefix: subnet.prefix })) return `guest ${address} is the network address of ${formatCidr(networkOf(subnet))}`
  return address === broadcast(subnet) ? `guest ${address} is the broadcast address of ${formatCidr(networkOf(subnet))}` : undefined
}

interface Taking { readonly i: number, readonly address: string | undefined, readonly from: number, readonly to: number }

/** As with sockets: one that is for all addresses leaves the port to no other. */
function checkOverlap (forwards: readonly ForwardSpec[], { complain }: Review): void {
  const kinds = new Map<string, Taking[]>()
  forwards.forEach(({ proto, address, port, end, guest }, i) => {
    if (port === 'auto') return
    const kind = `${proto} ${guest.includes(':') ? '6' : '4'}`
    const others = kinds.get(kind) ?? []
    kinds.set(kind, others)
    others.push({ i, address, from: port, to: end ?? port })
  })
  for (const takings of kinds.values()) {
    takings.sort((a, b) => a.from - b.from || a.i - b.i)
    // Of those before, only the one that reaches furthest counts: for its address, for all addresses, and among all.
    const furthest = new Map<string, Taking>()
    for (const one of takings) {
      const other = (one.address === undefined ? ['any'] : [one.address, 'all']).map((key) => furthest.get(key)).find((before) => before !== undefined && before.to >= one.from)
      if (other !== undefined) complain(`forwards[${String(Math.max(one.i, other.i))}]`, `ports ${rangeOf(one, other)} are those of forwards[${String(Math.min(one.i, other.i))}] too`)
      for (const key of [one.address ?? 'all', 'any']) if ((furthest.get(key)?.to ?? -1) < one.to) furthest.set(key, one)
    }
  }
}

function rangeOf (one: Taking, other: Taking): string {
  const [from, to] = [Math.max(one.from, other.from), Math.min(one.to, other.to)]
  return from === to ? String(from) : `${String(from)}-${String(to)}`
}
