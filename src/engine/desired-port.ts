/** A port as a file names it: checked, its names derived where it has none. Pure. */
import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { isLeaseName } from '../dnsmasq/hosts.js'
import { InputError, NetwrightError } from '../errors.js'
import { netnsPath } from '../kernel/netns.js'
import { reportShape } from '../network/checks/shape.js'
import { shown, type Complain } from '../network/checks/review.js'
import { parseIfName } from '../values/ifname.js'
import { parseIp } from '../values/ip.js'
import { isMulticast, macFromBytes, parseMac } from '../values/mac.js'
import type { PlannedPort } from './change.js'

/** As `PlannedPort`, but that the MAC may still have to be chosen. */
export type DesiredPort = Omit<PlannedPort, 'mac'> & { readonly mac?: string }

const text = v.pipe(v.string(), v.minLength(1))
const whole = (least: number, most: number) => v.optional(v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most)))
const common = { mac: v.optional(text), address: v.optional(text), hostname: v.optional(text) }
/** Source: drivers/net/tun.c, MAX_TAP_QUEUES; the largest uid and gid, the one above meaning nobody. */
const QUEUES = 256
const IDS = 0xfffffffe

const tap = v.strictObject({
  kind: v.literal('tap'), dev: v.optional(text), ...common, queues: whole(1, QUEUES), vnetHdr: v.optional(v.boolean()), owner: whole(0, IDS), group: whole(0, IDS),
  // Nobody could be given the descriptors, and without one only a persistent TAP stays.
  fds: v.optional(v.literal(false)), persist: v.optional(v.literal(true)),
})
const veth = v.strictObject({ kind: v.literal('veth'), netns: v.union([text, v.pipe(v.number(), v.integer(), v.minValue(1))]), dev: v.optional(text), hostDev: v.optional(text), ...common, defaultRoute: v.optional(v.boolean()) })
const port = v.variant('kind', [tap, veth])
type Input = v.InferOutput<typeof port>

/** Checks what a document says of a port. `fallback` names it where nothing else does: its number. Undefined where it was complained of. */
export function checkPort (input: unknown, network: string, fallback: string, complain: Complain): DesiredPort | undefined {
  const parsed = v.safeParse(port, input)
  if (!parsed.success) { reportShape(parsed.issues, network, false, complain); return undefined }
  const found = parsed.output
  let sound = true
  const attempt = <T>(path: string, read: () => T): T | undefined => {
    try { return read() } catch (error) {
      if (!(error instanceof NetwrightError)) throw error
      sound = false
      complain(path, error instanceof InputError ? error.issues[0]?.message ?? error.message : error.message)
      return undefined
    }
  }
  const { mac, address, hostname } = found
  const guest = mac === undefined ? undefined : attempt('mac', () => guestMac(mac))
  const ip = address === undefined || address === 'auto' ? address : attempt('address', () => parseIp(address))
  if (hostname !== undefined && !isLeaseName(hostname)) { sound = false; complain('hostname', `'${shown(hostname)}' is not a host name`) }
  const given = found.kind === 'tap' ? found.dev : found.hostDev
  const key = hostname ?? guest ?? (ip === 'auto' ? undefined : ip) ?? (found.kind === 'veth' ? `${String(found.netns)} ${found.dev ?? ''}` : fallback)
  const dev = given === undefined ? derivedName(network, key) : attempt(found.kind === 'tap' ? 'dev' : 'hostDev', () => parseIfName(given))
  const rest = attempt('netns', () => kindOf(found))
  if (found.kind === 'veth') attempt('dev', () => parseIfName(found.dev ?? PEER))
  if (!sound || dev === undefined || rest === undefined) return undefined
  return { dev, ...rest, ...guest === undefined ? {} : { mac: guest }, ...ip === undefined ? {} : { address: ip }, ...hostname === undefined ? {} : { hostname } }
}

function guestMac (text: string): string {
  const mac = parseMac(text)
  if (isMulticast(mac)) throw new InputError([{ message: `${mac} is a group's address, no guest's` }])
  return mac
}

const PEER = 'eth0'

function kindOf (found: Input): Pick<PlannedPort, 'kind'> & Partial<PlannedPort> {
  if (found.kind === 'veth') return { kind: 'veth', netns: netnsPath(found.netns), peer: found.dev ?? PEER, defaultRoute: found.defaultRoute ?? false }
  const { queues = 1, vnetHdr = false, owner, group } = found
  return { kind: 'tap', queues, vnetHdr, ...owner === undefined ? {} : { owner }, ...group === undefined ? {} : { group } }
}

const digest = (...words: readonly string[]): Buffer => createHash('sha256').update(words.join('\0')).digest()

/** The host side's name of a port that has none: the same each time, so that it is found again. */
function derivedName (network: string, key: string): string { return `nwp${digest(network, key).toString('hex').slice(0, 10)}` }

/** The MAC of a port that has none: the same each time, also after a reboot, and none of those that are taken. QEMU's prefix. */
export function derivedMac (uuid: string, dev: string, taken: ReadonlySet<string>): string {
  for (let round = 0; ; round++) {
    const mac = macFromBytes(Uint8Array.from([0x52, 0x54, 0, ...digest(uuid, dev, String(round)).subarray(0, 3)]))
    if (!taken.has(mac)) return mac
  }
}
