/**
 * The model of a network, in libvirt's words: one source for validation, for the TypeScript types and for the JSON Schema that is shipped.
 *
 * Three steps: `NetworkInput` is what people write (JSON with short forms, or what an XML document says), `check()` makes of it
 * a `NetworkSpec` (complete but for what chance or the host chooses), and `complete()` a `Definition` (uuid, MAC, bridge name chosen, for life).
 * Values here are checked for shape only; `check.ts` checks what they mean.
 */
import * as v from 'valibot'

const text = v.pipe(v.string(), v.minLength(1))
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535))
const word = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535))

/** `<lease expiry='2' unit='hours'/>`; expiry 0 means for ever; the unit is minutes unless said. */
const lease = v.strictObject({ expiry: v.pipe(v.number(), v.integer(), v.minValue(0)), unit: v.optional(v.picklist(['seconds', 'minutes', 'hours'])) })

const range = v.strictObject({ start: text, end: text, lease: v.optional(lease) })
/** A static lease. IPv4: `mac` or `name` with `ip`; IPv6: `id` (DUID) or `name` with `ip`. */
const dhcpHost = v.strictObject({ mac: v.optional(text), id: v.optional(text), name: v.optional(text), ip: text, lease: v.optional(lease) })
const dhcp = v.strictObject({ range: v.optional(v.array(range)), host: v.optional(v.array(dhcpHost)) })

const ip = v.strictObject({
  family: v.optional(v.picklist(['ipv4', 'ipv6'])),
  /** The gateway's own address; it may equal the network address. */
  address: text,
  netmask: v.optional(text),
  prefix: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(128))),
  localPtr: v.optional(v.boolean()),
  dhcp: v.optional(dhcp),
})

const route = v.strictObject({
  family: v.optional(v.picklist(['ipv4', 'ipv6'])),
  address: text, netmask: v.optional(text), prefix: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(128))),
  gateway: text, metric: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(0xffffffff))),
})

const dns = v.strictObject({
  enable: v.optional(v.boolean()),
  forwardPlainNames: v.optional(v.boolean()),
  forwarder: v.optional(v.array(v.strictObject({ addr: v.optional(text), domain: v.optional(text) }))),
  txt: v.optional(v.array(v.strictObject({ name: text, value: v.string() }))),
  srv: v.optional(v.array(v.strictObject({ service: text, protocol: text, domain: v.optional(text), target: v.optional(text), port: v.optional(port), priority: v.optional(word), weight: v.optional(word) }))),
  host: v.optional(v.array(v.strictObject({ ip: text, hostname: v.pipe(v.array(text), v.minLength(1)) }))),
})

const mode = v.picklist(['none', 'nat', 'route', 'open'])
const forward = v.strictObject({
  /** `<forward/>` without a mode is nat. */
  mode: v.optional(mode),
  /** The only uplink that this network's traffic may use. */
  dev: v.optional(text),
  nat: v.optional(v.strictObject({ ipv6: v.optional(v.boolean()) })),
})

const bridge = v.strictObject({
  name: v.optional(text),
  stp: v.optional(v.boolean()),
  /** Forward delay, seconds. */
  delay: v.optional(v.pipe(v.number(), v.minValue(0))),
})

const common = {
  name: text,
  uuid: v.optional(text),
  title: v.optional(text),
  description: v.optional(v.string()),
  /** `ipv6='yes'`: guests may speak IPv6 among themselves although the bridge has no IPv6 address. */
  ipv6: v.optional(v.boolean()),
  mac: v.optional(text),
  mtu: v.optional(v.pipe(v.number(), v.integer(), v.minValue(68), v.maxValue(65535))),
  domain: v.optional(v.strictObject({ name: text, localOnly: v.optional(v.boolean()) })),
  dns: v.optional(dns),
  route: v.optional(v.array(route)),
  /** The inside of `<metadata>`, XML kept word for word. */
  metadata: v.optional(v.string()),
}

/** What people write as JSON. Short forms: `forward: 'nat'`, `bridge: 'br0'`, `ip: {…}`, and `subnet` with `dhcp: true`. */
export const inputSchema = v.strictObject({
  ...common,
  forward: v.optional(v.union([mode, forward])),
  bridge: v.optional(v.union([text, bridge])),
  ip: v.optional(v.union([ip, v.array(ip)])),
  /** `10.7.0.0/24`: the gateway is the first address. `auto/24`: a free prefix from the pools. */
  subnet: v.optional(text),
  /** With `subnet`: leases from the rest of it. */
  dhcp: v.optional(v.boolean()),
})

/** The normal form: short forms expanded, defaults filled in. */
export const specSchema = v.strictObject({
  ...common,
  forward: v.strictObject({ mode, dev: v.optional(text), nat: v.optional(v.strictObject({ ipv6: v.optional(v.boolean()) })) }),
  bridge: v.strictObject({ name: v.optional(text), stp: v.boolean(), delay: v.number() }),
  ip: v.array(ip),
  /** Still to be chosen from the pools; gone once the network is defined. */
  auto: v.optional(v.strictObject({ prefix: v.number(), dhcp: v.boolean() })),
})

declare const checked: unique symbol
type Checked = { readonly [checked]?: true }
type DeepReadonly<T> = T extends readonly (infer U)[] ? readonly DeepReadonly<U>[] : T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T

export type NetworkInput = DeepReadonly<v.InferInput<typeof inputSchema>>
/** Checked: only `check()` makes one. Plain JSON. */
export type NetworkSpec = DeepReadonly<v.InferOutput<typeof specSchema>> & Checked
/** A spec with everything chosen: what is stored, and what is started. */
export type Definition = Omit<NetworkSpec, 'uuid' | 'mac' | 'bridge' | 'auto'> & {
  readonly uuid: string
  readonly mac: string
  readonly bridge: NetworkSpec['bridge'] & { readonly name: string }
}
export type ForwardMode = NetworkSpec['forward']['mode']
export type IpSpec = NetworkSpec['ip'][number]
export type DhcpHost = NonNullable<NonNullable<IpSpec['dhcp']>['host']>[number]
export type DhcpRange = NonNullable<NonNullable<IpSpec['dhcp']>['range']>[number]
export type RouteSpec = NonNullable<NetworkSpec['route']>[number]
