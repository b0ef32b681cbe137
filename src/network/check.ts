/**
 * From what people write to what can be applied: `checkNetwork()` returns a `NetworkSpec` or throws with every complaint and its place.
 * There is no unchecked spec. Pure. Rules and sentences: libvirt's virNetworkDefParseXML and networkValidate, made stricter where they let
 * through what fails at start.
 */
import * as v from 'valibot'
import { InputError, type Issue } from '../errors.js'
import { cidrFamily, type Cidr } from '../values/cidr.js'
import { ipBits } from '../values/ip.js'
import { isMac, isMulticast } from '../values/mac.js'
import { isUuid, parseUuid } from '../values/uuid.js'
import { checkGateway, checkLocalPtr, placeAddress } from './checks/address.js'
import { checkDhcp } from './checks/dhcp.js'
import { checkDns, checkDomainElement } from './checks/dns.js'
import { checkFilter, expandHost, expandPeers, expandRules } from './checks/filter.js'
import { checkForwards, expandForwards } from './checks/forwards.js'
import { checkBridgeName, checkName, checkTitle, checkUplink } from './checks/names.js'
import { normalForm, shown, type Complain, type Review } from './checks/review.js'
import { checkRoutes } from './checks/routes.js'
import { reportShape } from './checks/shape.js'
import { autoOf, bridgeOf, expandShortForms, forwardOf, subnetIp, type Origin } from './defaults.js'
import { isList, isObject, plainCopy, type Plain } from './plain.js'
import { MOST_PEERS, MOST_RULES, MOST_SETS } from './filter-spec.js'
import { MOST_ADDRESSES, MOST_FORWARDS, expandedSchema, type ExpandedInput, type IpSpec, type NetworkSpec } from './spec.js'
import { metadataFault } from './xml/tree.js'

/** More complaints than a person reads. */
const MOST_COMPLAINTS = 100

/**
 * Checks a definition and brings it into normal form: a deep copy, short forms expanded, defaults filled in, addresses and MACs in canonical
 * text, frozen. `origin` decides the defaults that differ (STP) and whose sentences shape complaints use.
 * Throws InputError with every complaint and its JSON path: NETWRIGHT_INVALID, or NETWRIGHT_UNSUPPORTED where libvirt could do it.
 */
export function checkNetwork (input: unknown, origin: Origin = 'json'): NetworkSpec {
  const copy = plainCopy(input)
  const complaints = collect(isObject(copy) && isObject(copy.ip))
  const shaped = shape(copy, origin, complaints.complain)
  complaints.settle()
  if (shaped === undefined) throw new InputError([{ message: 'not a definition of a network' }])
  const spec = review(shaped, origin, { network: shaped.name, complain: complaints.complain })
  complaints.settle()
  return normalForm(spec)
}

/** What chance or the host chooses for a network's life. */
export interface Chosen { readonly uuid: string, readonly mac: string, readonly bridge: string }

/** A checked spec with its choices put in: only these are looked at again. Throws InputError where one of them is malformed. */
export function withChoices (spec: NetworkSpec, { uuid, mac, bridge: bridgeName }: Chosen): NetworkSpec {
  const { complain, settle } = collect(false)
  const to = { network: spec.name, complain }
  if (!isUuid(uuid)) complain('uuid', 'malformed uuid element')
  checkBridgeName(bridgeName, to)
  checkBridgeMac(mac, to)
  settle()
  const { name, title, description, ipv6, forward, bridge, mtu, domain, dns, ip, route, auto, forwards, peers, addressSets, rules, host, metadata } = spec
  return normalForm({ name, uuid, title, description, ipv6, forward, bridge: { ...bridge, name: bridgeName }, mtu, mac: mac.toLowerCase(), domain, dns, ip, route, auto, forwards, peers, addressSets, rules, host, metadata })
}

interface Complaints { readonly complain: Complain, readonly settle: () => void }

/** `single`: `ip` was written as one object, so its paths have no index. */
function collect (single: boolean): Complaints {
  const issues: Issue[] = []
  let unsupported = false
  return {
    complain (path, message, beyond = false) {
      unsupported ||= beyond
      if (issues.length < MOST_COMPLAINTS) issues.push({ message, path: single ? path.replace(/^ip\[0\]/, 'ip') : path })
    },
    settle () {
      if (issues.length > 0) throw new InputError(issues, unsupported ? { code: 'NETWRIGHT_UNSUPPORTED' } : {})
    },
  }
}

/** How many entries lists have at most: the schema says so too, but only after it has looked at each of them. */
const limits = [['ip', MOST_ADDRESSES], ['route', MOST_ADDRESSES], ['forwards', MOST_FORWARDS], ['peers', MOST_PEERS], ['rules', MOST_RULES], ['addressSets', MOST_SETS]] as const
/** Lines of words, and what they stand for. */
const shortForms: readonly (readonly [string, (value: Plain, complain: Complain) => Plain])[] = [['forwards', expandForwards], ['peers', expandPeers], ['rules', expandRules], ['host', expandHost]]

function shape (copy: Plain, origin: Origin, complain: Complain): ExpandedInput | undefined {
  if (!isObject(copy)) { complain('network', 'a definition is XML text or an object'); return undefined }
  for (const [field, most] of limits) {
    const items = copy[field]
    if (isList(items) && items.length > most) { complain(field, `more than ${String(most)} entries`); return undefined }
  }
  const expanded = expandShortForms(copy)
  const unreadable: string[] = []
  const complainOf: Complain = (path, message) => { unreadable.push(path); complain(path, message) }
  const lines: Record<string, Plain> = {}
  for (const [field, expand] of shortForms) {
    const given = expanded[field]
    if (given !== undefined) lines[field] = expand(given, complainOf)
  }
  const parsed = v.safeParse(expandedSchema, Object.keys(lines).length === 0 ? expanded : { ...expanded, ...lines })
  if (unreadable.length > 0) return undefined
  if (parsed.success) return parsed.output
  reportShape(parsed.issues, typeof copy.name === 'string' ? copy.name : '', origin === 'xml', complain)
  return undefined
}

function review (input: ExpandedInput, origin: Origin, to: Review): NetworkSpec {
  const xml = origin === 'xml'
  const { complain } = to
  checkIdentity(input, to)
  const forward = forwardOf(input)
  const bridge = bridgeOf(input, origin)
  if (bridge.name !== undefined) checkBridgeName(bridge.name, to)
  const auto = autoOf(input, complain)
  const given = subnetIp(input, complain)
  const { ip, subnets } = checkAddresses(input.ip ?? [], given, xml, to)
  checkForward(forward, input, ip.length > 0 || auto !== undefined || input.subnet !== undefined, to)
  const six = subnets.some((subnet) => cidrFamily(subnet) === 6) || input.ipv6 === true
  if (six && input.mtu !== undefined && input.mtu < 1280) complain('mtu', `IPv6 needs an mtu of at least 1280, not ${String(input.mtu)} (network '${shown(input.name)}')`)
  const mac = checkBridgeMac(input.mac, to)
  const dns = checkDns(input.dns, to)
  const domain = checkDomainElement(input.domain, to)
  const route = checkRoutes(input.route, auto === undefined ? subnets : undefined, xml, to)
  const forwards = checkForwards(input.forwards, subnets, auto !== undefined, to)
  const filter = checkFilter(input, ip.length > 0 || auto !== undefined, to)
  return {
    name: input.name, uuid: input.uuid === undefined ? undefined : normalUuid(input.uuid), title: input.title, description: input.description,
    ipv6: input.ipv6 === true ? true : undefined, forward, bridge, mtu: input.mtu, mac, domain, dns, ip, route, auto, forwards, ...filter,
    metadata: input.metadata === '' ? undefined : input.metadata,
  }
}

function checkIdentity ({ name, uuid, title, metadata }: ExpandedInput, to: Review): void {
  checkName(name, to)
  if (title !== undefined) checkTitle(title, to)
  if (uuid !== undefined && !isUuid(normalUuid(uuid))) to.complain('uuid', 'malformed uuid element')
  const fault = metadata === undefined ? undefined : metadataFault(metadata)
  if (fault !== undefined) to.complain('metadata', fault)
}

/** The canonical text, or the text itself where it is no UUID. */
function normalUuid (text: string): string {
  try { return parseUuid(text) } catch (error) {
    if (error instanceof InputError) return text
    throw error
  }
}

function checkBridgeMac (text: string | undefined, { complain, network }: Review): string | undefined {
  const mac = text?.toLowerCase()
  if (mac === undefined) return undefined
  if (!isMac(mac) || mac === '00:00:00:00:00:00') complain('mac', `Invalid bridge mac address '${shown(text ?? '')}' in network '${shown(network)}'`)
  else if (isMulticast(mac)) complain('mac', `Invalid multicast bridge mac address '${mac}' in network '${shown(network)}'`)
  return mac
}

function checkForward ({ mode, dev }: NetworkSpec['forward'], input: ExpandedInput, addressed: boolean, to: Review): void {
  const { complain } = to
  const network = shown(to.network)
  if (dev !== undefined) checkUplink(dev, to)
  if (dev !== undefined && (mode === 'open' || mode === 'none')) complain('forward.dev', `forward dev not allowed for network '${network}' with forward mode='${mode}'`)
  if (input.forward?.nat !== undefined && mode !== 'nat') complain('forward.nat', `The <nat> element can only be used when <forward> 'mode' is 'nat' in network ${network}`)
  // libvirt lets open go without an address since 10.8.
  if ((mode === 'nat' || mode === 'route') && !addressed) complain('ip', `${mode} forwarding requested, but no IP address provided for network '${network}'`)
}

interface Addresses { readonly ip: readonly IpSpec[], readonly subnets: readonly Cidr[] }

/** Every `<ip>`; the one that `subnet` stands for comes first, so paths of the others stay those that were written. */
function checkAddresses (written: readonly IpSpec[], given: IpSpec | undefined, xml: boolean, to: Review): Addresses {
  const subnets: Cidr[] = []
  const seen = new Map<string, string>()
  const dhcp = new Set<number>()
  const one = (item: IpSpec, path: string): IpSpec => {
    const placed = placeAddress(item, path, xml, to)
    if (placed === undefined) return item
    const { cidr } = placed
    subnets.push(cidr)
    checkGateway(cidr, path, to)
    if (item.localPtr === true) checkLocalPtr(cidr, path, to)
    const first = seen.get(cidr.address)
    if (first === undefined) seen.set(cidr.address, path)
    else to.complain(`${path}.address`, `the same address as ${first}`)
    const leases = checkDhcp(item.dhcp, cidr, `${path}.dhcp`, to)
    if (leases !== undefined) checkOneDhcp(cidr, dhcp, path, to)
    return { ...placed.written, localPtr: item.localPtr, dhcp: leases }
  }
  const ip = given === undefined ? [] : [one(given, 'subnet')]
  for (const [i, item] of written.entries()) ip.push(one(item, `ip[${String(i)}]`))
  return { ip, subnets }
}

function checkOneDhcp (cidr: Cidr, dhcp: Set<number>, path: string, { complain }: Review): void {
  const family = ipBits(cidrFamily(cidr)) === 32 ? 4 : 6
  if (dhcp.has(family)) complain(`${path}.dhcp`, `Multiple IPv${String(family)} dhcp sections found -- dhcp is supported only for a single IPv${String(family)} address on each network`)
  dhcp.add(family)
}
