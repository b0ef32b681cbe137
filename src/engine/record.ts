/**
 * What one batch made, as it is written down: the same form for an intent (journal) and for what stands.
 *
 *     journal/ID.json    written before the first kernel call: everything in it must not exist, unless its process lives and is at it
 *     standing/ID.json   everything in it exists, unless a journal names it
 *
 * Starting writes journal/ID and renames it to standing/ID when all is done. Stopping writes a journal of what goes, removes it,
 * takes it out of standing, then removes the journal. So recovery has one rule: remove what a dead process's journal names.
 * A network that is updated while it runs is named with both of its records: before the rename it is put back to `before`, by the rename
 * `after` stands, with a higher revision, and what older records say of it is void.
 * A change on trial stands, and a second intent with the same content is in the journal until it is confirmed: undone like any other once its time is
 * over or its process dead.
 * Bridges and TAPs are removed by burying them: see graves.ts.
 */
import * as v from 'valibot'
import type { Counters } from '../kernel/counters.js'
import type { AddressObject, BridgeObject, ChainObject, MacvtapObject, MemberObject, RouteObject, SysctlObject, TapObject, VethObject } from '../kernel/object.js'
import { mapSlowly } from '../netlink/breathe.js'
import type { PortDomain } from './domain-api.js'
import type { Definition } from '../network/spec.js'

/** A network as it runs. */
export interface NetworkRecord {
  readonly definition: Definition
  readonly bridge: BridgeObject
  readonly addresses: readonly AddressObject[]
  readonly routes: readonly RouteObject[]
  readonly sysctls: readonly SysctlObject[]
  readonly members: readonly MemberObject[]
  /** Of its rules. */
  readonly chains?: readonly ChainObject[]
  readonly forwarding: { readonly ipv4: boolean, readonly ipv6: boolean }
  readonly dnsmasq: boolean
  /** What its bridge had counted before it was this network's; missing: it was made for it. */
  readonly baseline?: Counters
  /** How often it was updated while it ran: of two records of one network the higher one counts. Missing: never. */
  readonly revision?: number
}

/** A running network that is changed: until the record stands, `before` is what recovery brings back. Both have the same bridge. */
export interface UpdateRecord { readonly before: NetworkRecord, readonly after: NetworkRecord }

/** A port of a network: its link, and the address reserved for its guest. */
export interface PortRecord {
  /** '': it is of no network (a macvtap). */
  readonly network: string
  readonly link: TapObject | VethObject | MacvtapObject
  /** The guest's. */
  readonly mac: string
  readonly ip?: string
  readonly prefix?: number
  readonly hostname?: string
  /** The guest that it belongs to. */
  readonly domain?: PortDomain
  /** What the link had counted before it was this port's. */
  readonly baseline?: Counters
  /** Of a veth pair: the guest side got a default route. */
  readonly defaultRoute?: boolean
}

/** `names`: networks that nobody else may change meanwhile. `deadline`: milliseconds of CLOCK_MONOTONIC. `holders`: to whom the networks belonged that were updated, by index. */
export interface Trying {
  readonly deadline: number
  readonly names: readonly string[]
  readonly holders: readonly ({ readonly index: number } & Pick<BatchRecord, 'process' | 'lifetime'>)[]
}

export interface BatchRecord {
  readonly version: 1
  readonly id: string
  /** Without the boot that wrote it, a record is void. */
  readonly boot: string
  /** Who is at it: pid and start time in clock ticks. */
  readonly process: { readonly pid: number, readonly started: string }
  /** What for: `start red_nat`. */
  readonly purpose: string
  readonly networks: readonly NetworkRecord[]
  readonly ports: readonly PortRecord[]
  readonly updates?: readonly UpdateRecord[]
  /** A removal that belongs to another intent: void unless the record of that id stands. */
  readonly follows?: string
  /** A change that is on trial: it stands, and whoever finds this when the time is over, or its process dead, takes it back. */
  readonly trial?: Trying
  /** A removal that is a part of confirming a trial: void as long as the intent of that id is there. */
  readonly confirms?: string
  /** Of what ends with the process that made it: which host of the process. */
  readonly lifetime?: string
  /** Its process has given up on it: whoever comes next goes on. Said by the name of the file, not in it. */
  readonly abandoned?: boolean
}

const count = v.number()
const baseline = v.exactOptional(v.object({ rxPackets: count, rxBytes: count, rxErrors: count, rxDropped: count, multicast: count, txPackets: count, txBytes: count, txErrors: count, txDropped: count }))
const bridge = v.object({ type: v.literal('bridge'), name: v.string(), index: v.pipe(v.number(), v.integer(), v.minValue(2)), mac: v.string(), mtu: v.exactOptional(v.number()), group: v.pipe(v.number(), v.minValue(1)), stp: v.boolean(), forwardDelay: v.number(), ipv6: v.boolean(), alias: v.string() })
const portLink = { name: v.string(), index: v.pipe(v.number(), v.integer(), v.minValue(2)), mac: v.string(), mtu: v.exactOptional(v.number()), group: v.pipe(v.number(), v.minValue(1)), master: v.exactOptional(v.number()) }
const tap = v.object({ type: v.literal('tap'), ...portLink, queues: v.number(), vnetHdr: v.boolean(), persist: v.boolean(), uid: v.number(), gid: v.number() })
const veth = v.object({ type: v.literal('veth'), ...portLink, peer: v.object({ name: v.string(), mac: v.string(), netns: v.object({ path: v.string(), inode: v.string() }) }) })

const macvtap = v.object({ type: v.literal('macvtap'), ...portLink, device: v.object({ name: v.string(), index: v.number() }), mode: v.picklist(['vepa', 'bridge', 'private', 'passthru']), queues: v.number(), vnetHdr: v.boolean() })

const texts = v.exactOptional(v.array(v.string()))
const rule = v.object({
  action: v.picklist(['allow', 'deny', 'drop']), of: v.number(), family: v.exactOptional(v.picklist([4, 6])), protocol: v.exactOptional(v.string()),
  ports: v.exactOptional(v.array(v.tuple([v.number(), v.number()]))), from: texts, to: texts, log: v.exactOptional(v.string()), comment: v.exactOptional(v.string()),
})
const chain = v.object({ type: v.literal('chain'), name: v.string(), direction: v.picklist(['in', 'out']), rules: v.array(rule) })

const network = v.object({
  definition: v.custom<Definition>((value) => typeof value === 'object' && value !== null && 'name' in value && 'uuid' in value),
  bridge,
  addresses: v.array(v.object({ type: v.literal('address'), dev: v.string(), index: v.number(), address: v.string(), prefix: v.number() })),
  routes: v.array(v.object({ type: v.literal('route'), dev: v.string(), index: v.number(), destination: v.string(), gateway: v.string(), metric: v.number() })),
  sysctls: v.array(v.object({ type: v.literal('sysctl'), path: v.string(), value: v.string() })),
  members: v.array(v.object({ type: v.literal('member'), set: v.string(), key: v.array(v.union([v.string(), v.number()])), data: v.exactOptional(v.array(v.union([v.string(), v.number()]))) })),
  chains: v.exactOptional(v.array(chain)),
  forwarding: v.object({ ipv4: v.boolean(), ipv6: v.boolean() }), dnsmasq: v.boolean(), baseline, revision: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1))),
})
const update = v.object({ before: network, after: network })
/** Whose a port is. */
export const domainShape = v.object({ name: v.string(), model: v.exactOptional(v.string()), qmp: v.exactOptional(v.string()) })
const port = v.object({ network: v.string(), link: v.variant('type', [tap, veth, macvtap]), mac: v.string(), ip: v.exactOptional(v.string()), prefix: v.exactOptional(v.number()), hostname: v.exactOptional(v.string()), defaultRoute: v.exactOptional(v.boolean()), domain: v.exactOptional(domainShape), baseline })
const process = v.object({ pid: v.number(), started: v.string() })
const lifetime = v.exactOptional(v.string())
const trial = v.object({ deadline: v.number(), names: v.array(v.string()), holders: v.array(v.object({ index: v.number(), process, lifetime })) })
const frame = v.object({
  version: v.literal(1), id: v.string(), boot: v.string(), process, purpose: v.string(), lifetime, trial: v.exactOptional(trial), confirms: v.exactOptional(v.string()),
  follows: v.exactOptional(v.string()), networks: v.array(v.unknown()), ports: v.array(v.unknown()), updates: v.exactOptional(v.array(v.unknown())),
})

/** Reads a record back, in slices; undefined where it is not one (a stranger's file, a torn write after a power cut, a future version). */
export async function parseRecord (text: string): Promise<BatchRecord | undefined> {
  let data: unknown
  try { data = JSON.parse(text) } catch { return undefined }
  const whole = v.safeParse(frame, data)
  if (!whole.success) return undefined
  const { networks, ports, updates, ...rest } = whole.output
  const made = checked(await mapSlowly(networks, (item) => v.safeParse(network, item)))
  const joined = checked(await mapSlowly(ports, (item) => v.safeParse(port, item)))
  const changed = checked(await mapSlowly(updates ?? [], (item) => v.safeParse(update, item)))
  if (made === undefined || joined === undefined || changed === undefined) return undefined
  return { ...rest, networks: made, ports: joined, ...changed.length === 0 ? {} : { updates: changed } }
}

/** What was parsed; undefined where one of it was not what it should be. */
function checked<T> (results: readonly ({ readonly success: true, readonly output: T } | { readonly success: false })[]): T[] | undefined {
  const good = results.flatMap((one) => one.success ? [one.output] : [])
  return good.length === results.length ? good : undefined
}

/** A record as text, one network and one port a line, in slices. */
export async function formatRecord ({ networks, ports, updates = [], ...rest }: BatchRecord): Promise<string> {
  const lines = async (items: readonly unknown[]): Promise<string> => (await mapSlowly(items, (item) => JSON.stringify(item))).join(',\n')
  const changed = updates.length === 0 ? '' : `,"updates":[\n${await lines(updates)}\n]`
  return `${JSON.stringify(rest).slice(0, -1)},"networks":[\n${await lines(networks)}\n],"ports":[\n${await lines(ports)}\n]${changed}}\n`
}

/** What a record says once it stands: a network that it changed is as it was changed to. */
export function asStanding ({ updates = [], networks, ...rest }: BatchRecord): BatchRecord {
  return { ...rest, networks: updates.length === 0 ? networks : [...networks, ...updates.map(({ after }) => after)] }
}
