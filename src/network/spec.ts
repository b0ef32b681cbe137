/**
 * The model of a network, in libvirt's words: one source for validation, for the TypeScript types and for the JSON Schema that is shipped.
 *
 * Three steps: `NetworkInput` is what people write (JSON with short forms, or what an XML document says), `checkNetwork()` makes of it
 * a `NetworkSpec` (complete but for what chance or the host chooses), and `complete()` a `Definition` (uuid, MAC, bridge name chosen, for life).
 * Values here are checked for shape only; `check.ts` checks what they mean.
 */
import * as v from 'valibot'
import { addressSet, hostInput, hostPolicy, MOST_PEERS, MOST_RULES, MOST_SETS, peer, peerInput, rule, ruleInput } from './filter-spec.js'
import { protocols } from './forward-words.js'
import { integer, list, port, say, text } from './schema.js'

/** How many `<ip>` and how many `<route>` a network has at most. */
export const MOST_ADDRESSES = 500
/** How many forwarded ports, a range being one: so many are less than the megabyte that a stored definition may have. */
export const MOST_FORWARDS = 5000

const word = integer(0, 65535)
const family = say(v.picklist(['ipv4', 'ipv6']), 'JSON: taken from the address where it is missing.')
const netmask = say(text, '255.255.255.0; IPv4 only, and not together with a prefix.')
const prefix = say(integer(0, 128), 'Without prefix and netmask an address has that of its class (/8, /16, /24), IPv6 /64.')

/** `<lease expiry='2' unit='hours'/>`; expiry 0 means for ever; the unit is minutes unless said. */
const lease = v.strictObject({
  expiry: say(integer(0, 0x7fffffff), '0 means for ever; else at least two minutes.'),
  unit: v.optional(say(v.picklist(['seconds', 'minutes', 'hours']), 'Default minutes.')),
})

const range = v.strictObject({ start: text, end: text, lease: v.optional(lease) })
/** A static lease. IPv4: `mac` or `name` with `ip`; IPv6: `id` (DUID) or `name` with `ip`. */
const dhcpHost = v.strictObject({
  mac: v.optional(say(text, 'IPv4: the guest\'s MAC address.')),
  id: v.optional(say(text, 'IPv6: the guest\'s DUID, hexadecimal bytes with colons.')),
  name: v.optional(text), ip: text, lease: v.optional(lease),
})
const dhcp = v.strictObject({ range: v.optional(list(range, 1000)), host: v.optional(list(dhcpHost, 10_000)) })

const ip = v.strictObject({
  family: v.optional(family),
  /** The gateway's own address; it may equal the network address. */
  address: say(text, 'The gateway\'s own address.'),
  netmask: v.optional(netmask),
  prefix: v.optional(prefix),
  localPtr: v.optional(say(v.boolean(), 'Answer reverse look-ups of this subnet here and never forward them.')),
  dhcp: v.optional(dhcp),
})

const route = v.strictObject({
  family: v.optional(family),
  address: text, netmask: v.optional(netmask), prefix: v.optional(prefix),
  gateway: say(text, 'An address inside the network.'), metric: v.optional(integer(1, 0xffffffff)),
})

const srv = v.strictObject({
  service: text, protocol: text, domain: v.optional(text), target: v.optional(text),
  port: v.optional(port), priority: v.optional(word), weight: v.optional(word),
})
const dns = v.strictObject({
  enable: v.optional(v.boolean()),
  forwardPlainNames: v.optional(say(v.boolean(), 'False: names without a dot are never forwarded.')),
  forwarder: v.optional(list(v.strictObject({ addr: v.optional(text), domain: v.optional(text) }), 1000)),
  txt: v.optional(list(v.strictObject({ name: text, value: v.string() }), 10_000)),
  srv: v.optional(list(srv, 10_000)),
  host: v.optional(list(v.strictObject({ ip: text, hostname: v.pipe(v.array(text), v.minLength(1), v.maxLength(100)) }), 10_000)),
})

const mode = say(v.picklist(['none', 'nat', 'route', 'open']), 'none: isolated. nat: guests reach out, only replies come in. route: both ways. open: as route, without rules.')
const forward = v.strictObject({
  /** `<forward/>` without a mode is nat. */
  mode: v.optional(mode),
  /** The only uplink that this network's traffic may use. */
  dev: v.optional(say(text, 'The only uplink that this network\'s traffic may use.')),
  nat: v.optional(v.strictObject({ ipv6: v.optional(say(v.boolean(), 'Masquerade IPv6 too.')) })),
})

const guestPort = say(port, 'The guest\'s port, of a range its first. Default: the host\'s.')
const hostAddress = say(text, 'The host\'s address that is forwarded; it need not be the host\'s yet. Default: all.')
const networks = v.optional(say(v.boolean(), 'Guests of other networks may use it too. Default false.'))
/** A port of the host, or a range of them, that leads to a guest: `<netwright:forward>`. */
const forwarded = v.strictObject({
  proto: v.picklist(protocols), address: v.optional(hostAddress),
  /** `auto`: a free one, chosen when the network is defined. */
  port: v.union([port, v.literal('auto')]), end: v.optional(port),
  /** An address, or the name of a port whose reserved address is meant. */
  guest: text, guestPort, networks,
})
const forwardInput = v.union([
  say(text, '[HOSTADDR:]PORT[-END]/PROTO GUEST:PORT, for example 8080/tcp 192.168.123.10:80.'),
  v.strictObject({
    proto: v.optional(say(v.picklist(protocols), 'Default tcp.')),
    host: v.optional(say(v.union([port, text]), 'A port, auto, or [HOSTADDR:]PORT[-END]: stands for address, port and end.')),
    address: v.optional(hostAddress), port: v.optional(v.union([port, v.literal('auto')])), end: v.optional(say(port, 'The last port of a range.')),
    guest: say(text, 'An address, or the name of a port whose reserved address is meant; :PORT may follow.'),
    guestPort: v.optional(guestPort), networks,
  }),
])

const bridge = v.strictObject({
  name: v.optional(say(text, 'At most 15 bytes; one %d becomes the first free number. Default virbr%d.')),
  stp: v.optional(say(v.boolean(), 'Default: false in JSON, true in XML.')),
  /** Forward delay, seconds. */
  delay: v.optional(say(integer(0, 30), 'Forward delay, seconds.')),
})

const common = {
  name: text,
  uuid: v.optional(text),
  title: v.optional(text),
  description: v.optional(v.string()),
  /** `ipv6='yes'`: guests may speak IPv6 among themselves although the bridge has no IPv6 address. */
  ipv6: v.optional(say(v.boolean(), 'Guests may speak IPv6 among themselves although the bridge has no IPv6 address.')),
  mac: v.optional(say(text, 'The MAC address of the bridge.')),
  mtu: v.optional(integer(68, 65535)),
  domain: v.optional(v.strictObject({ name: text, localOnly: v.optional(say(v.boolean(), 'Never forward look-ups of this domain.')) })),
  dns: v.optional(dns),
  route: v.optional(list(route, MOST_ADDRESSES)),
  /** The inside of `<metadata>`, XML kept word for word. */
  metadata: v.optional(say(v.string(), 'The inside of <metadata>: XML, kept word for word.')),
  addressSets: v.optional(list(addressSet, MOST_SETS)),
}
const subnet = {
  /** `10.7.0.0/24`: the gateway is the first address. `auto/24`: a free prefix from the pools. */
  subnet: v.optional(say(text, '10.7.0.0/24: the gateway is its first address. auto/24: a free prefix from the pools.')),
  /** With `subnet`: leases from the rest of it. */
  dhcp: v.optional(say(v.boolean(), 'With subnet: leases from the rest of it.')),
  /** What `subnet: 'auto/24'` becomes in the normal form. */
  auto: v.optional(say(v.strictObject({ prefix: integer(8, 30), dhcp: v.boolean() }), 'What subnet: auto/24 becomes in the normal form.')),
}

/** What people write as JSON. Short forms: `forward: 'nat'`, `bridge: 'br0'`, `ip: {…}`, and `subnet` with `dhcp: true`. */
export const inputSchema = v.pipe(v.strictObject({
  ...common,
  forward: v.optional(v.union([mode, forward])),
  bridge: v.optional(v.union([text, bridge])),
  ip: v.optional(v.union([ip, list(ip, MOST_ADDRESSES)])),
  forwards: v.optional(list(forwardInput, MOST_FORWARDS)),
  peers: v.optional(say(list(peerInput, MOST_PEERS), 'Networks whose guests may talk with guests of this one.')),
  rules: v.optional(say(list(ruleInput, MOST_RULES), 'The first that matches decides; where none does, the forward mode, forwards and peers do.')),
  host: v.optional(hostInput),
  ...subnet,
}), v.title('netwright network'), v.description('A virtual network in libvirt\'s words.'))

/** `inputSchema` after the short forms of `forward`, `bridge` and `ip`: without unions a complaint names the place at fault. */
export const expandedSchema = v.strictObject({
  ...common, forward: v.optional(forward), bridge: v.optional(bridge), ip: v.optional(list(ip, MOST_ADDRESSES)), forwards: v.optional(list(forwarded, MOST_FORWARDS)),
  peers: v.optional(list(peer, MOST_PEERS)), rules: v.optional(list(rule, MOST_RULES)), host: v.optional(hostPolicy), ...subnet,
})

/** The normal form: short forms expanded, defaults filled in. */
export const specSchema = v.strictObject({
  ...common,
  forward: v.strictObject({ mode, dev: v.optional(text), nat: v.optional(v.strictObject({ ipv6: v.optional(v.boolean()) })) }),
  bridge: v.strictObject({ name: v.optional(text), stp: v.boolean(), delay: v.number() }),
  ip: v.array(ip),
  forwards: v.optional(v.array(forwarded)),
  peers: v.optional(v.array(v.strictObject({ ...peer.entries, direction: v.picklist(['both', 'out', 'in']) }))),
  rules: v.optional(v.array(rule)),
  host: v.optional(hostPolicy),
  /** Still to be chosen from the pools; gone once the network is defined. */
  auto: v.optional(v.strictObject({ prefix: v.number(), dhcp: v.boolean() })),
})

declare const checked: unique symbol
type Checked = { readonly [checked]?: true }
type DeepReadonly<T> = T extends readonly (infer U)[] ? readonly DeepReadonly<U>[] : T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T

export type NetworkInput = DeepReadonly<v.InferInput<typeof inputSchema>>
/** Right in shape, short forms of single members expanded; what it means is not checked yet. */
export type ExpandedInput = DeepReadonly<v.InferOutput<typeof expandedSchema>>
/** Checked: only `checkNetwork()` makes one. Plain JSON. */
export type NetworkSpec = DeepReadonly<v.InferOutput<typeof specSchema>> & Checked
/** A spec with everything chosen: what is stored, and what is started. */
export type Definition = Omit<NetworkSpec, 'uuid' | 'mac' | 'bridge' | 'auto' | 'forwards'> & {
  readonly uuid: string
  readonly mac: string
  readonly bridge: NetworkSpec['bridge'] & { readonly name: string }
  readonly forwards?: readonly Forwarded[] | undefined
}
export type ForwardMode = NetworkSpec['forward']['mode']
export type IpSpec = NetworkSpec['ip'][number]
export type DhcpSpec = NonNullable<IpSpec['dhcp']>
export type DhcpHost = NonNullable<DhcpSpec['host']>[number]
export type DhcpRange = NonNullable<DhcpSpec['range']>[number]
export type LeaseTime = NonNullable<DhcpRange['lease']>
export type RouteSpec = NonNullable<NetworkSpec['route']>[number]
export type ForwardSpec = NonNullable<NetworkSpec['forwards']>[number]
/** One whose port is chosen. */
export type Forwarded = Omit<ForwardSpec, 'port'> & { readonly port: number }
/** A forwarded port as people write it: a line of words, or an object. */
export type ForwardInput = NonNullable<NetworkInput['forwards']>[number]
/** Another network whose guests may talk with those of this one. */
export type PeerSpec = NonNullable<NetworkSpec['peers']>[number]
/** A peer as people write it: a name, or an object. */
export type PeerInput = NonNullable<NetworkInput['peers']>[number]
/** A rule: what is let through to or from guests of a network. */
export type RuleSpec = NonNullable<NetworkSpec['rules']>[number]
/** A rule as people write it: a line of words, or an object. */
export type RuleInput = NonNullable<NetworkInput['rules']>[number]
export type AddressSet = NonNullable<NetworkSpec['addressSets']>[number]
/** Which of the host's own services guests reach. */
export type HostPolicy = NonNullable<NetworkSpec['host']>
/** The same as people write it: `allow`, `deny`, or an object. */
export type HostPolicyInput = NonNullable<NetworkInput['host']>
export type DnsSpec = NonNullable<NetworkSpec['dns']>
