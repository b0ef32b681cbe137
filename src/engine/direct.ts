/** Ports that are of no network: macvtaps, straight on a device of the host's. All or nothing, and on record, as ports of networks are. */
import { InputError, NetwrightError, type Issue } from '../errors.js'
import { requireCapabilities } from '../kernel/host.js'
import { indexes, linkRequests } from '../kernel/link.js'
import { linkState, readEach, readLink, type LinkState } from '../kernel/link-state.js'
import { openMacvtap } from '../kernel/macvtap.js'
import type { MacvtapObject } from '../kernel/object.js'
import { readRawLink, requireLower } from '../kernel/uplink.js'
import { call } from '../netlink/call.js'
import { isErrno } from '../netlink/errno.js'
import { parseIfName } from '../values/ifname.js'
import { isMulticast, parseMac, randomMac } from '../values/mac.js'
import { nameTaken } from './coming-port.js'
import type { Context } from './context.js'
import type { MacvtapInput } from './port-api.js'
import { unknownKeys } from './port-keys.js'
import { prune } from './port-state.js'
import type { PortRecord } from './record.js'
import { clear, whenQuiet, type Means } from './recovery.js'
import { steps } from './steps.js'
import { closeAll } from './taps.js'
import { failure } from './undo.js'

/** What stands for the network of a port that has none. No network can be called so. */
export const NOBODYS = ''
/** Source: drivers/net/tap.c, MAX_TAP_QUEUES. */
const QUEUES = 256
/** Programs without types pass anything. */
const KINDS: readonly string[] = ['macvtap']
const MODES: readonly string[] = ['vepa', 'bridge', 'private', 'passthru']
const index = indexes()

/** A port that was made, with its descriptors. */
export interface Direct { readonly record: PortRecord, readonly fds: readonly number[] }

/** Throws InputError, NETWRIGHT_NOT_FOUND (no such device), NETWRIGHT_UPLINK_UNFIT (the loopback, or no Ethernet), NETWRIGHT_NAME_IN_USE, KernelError (EBUSY: the device is a bridge's port, or passed through), NETWRIGHT_ABORTED; then nothing has changed. */
export async function attachDirect ({ context, daemons }: Means, input: MacvtapInput, signal: AbortSignal | undefined): Promise<Direct> {
  check(input)
  requireCapabilities('network')
  const purpose = `attach a macvtap to ${input.device}`
  return await whenQuiet({ context, daemons, purpose, networks: [NOBODYS], signal }, async () => {
    await prune(context, (await context.book.look()).ports([NOBODYS]))
    const record = await design(context, input)
    const step = steps(context.hook, signal)
    await step.before('write the journal')
    const intent = await context.book.intend(purpose, { ports: [record] })
    const fds: number[] = []
    try {
      await step.before('make links')
      fds.push(...await make(context, record))
      await step.before('let the record stand')
      await context.book.stand(intent)
      return { record, fds }
    } catch (error) {
      await closeAll(fds)
      throw failure(purpose, error, await clear(intent, { context, daemons }))
    }
  })
}

function check (input: MacvtapInput): void {
  const { kind, device, mode = 'vepa', queues = 1, mac } = input
  const issues: Issue[] = []
  if (!KINDS.includes(kind)) issues.push({ path: 'kind', message: `${JSON.stringify(kind)} is no kind of port without a network: macvtap` })
  else issues.push(...unknownKeys(input))
  if (typeof device !== 'string') issues.push({ path: 'device', message: 'the device to stand on is missing' })
  if (!MODES.includes(mode)) issues.push({ path: 'mode', message: `${JSON.stringify(mode)} is not a mode: ${MODES.join(', ')}` })
  if (!Number.isInteger(queues) || queues < 1 || queues > QUEUES) issues.push({ path: 'queues', message: `${String(queues)} is not a whole number from 1 to ${String(QUEUES)}` })
  if (mac !== undefined && isMulticast(parseMac(mac, 'mac'))) issues.push({ path: 'mac', message: `${mac} is a group's address, no guest's` })
  if (mac !== undefined && mode === 'passthru') issues.push({ path: 'mac', message: 'passthru takes the device\'s own MAC: another one would change the device' })
  if (issues.length > 0) throw new InputError(issues)
}

async function design (context: Context, input: MacvtapInput): Promise<PortRecord> {
  const { mode = 'vepa', queues = 1, vnetHdr = false } = input
  const raw = await readRawLink(context.rtnl, { name: parseIfName(input.device, 'device') })
  const device = raw === undefined ? undefined : linkState(raw)
  if (raw === undefined || device === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `there is no link named ${input.device}`, { remedy: 'ip link show' })
  requireLower(raw)
  const mac = mode === 'passthru' ? parseMac(device.mac) : input.mac === undefined ? randomMac() : parseMac(input.mac, 'mac')
  const link: MacvtapObject = { type: 'macvtap', name: await nameFor(context, input), index: index.next(), mac, group: context.group, mtu: mtuFor(device, input.mtu), device: { name: device.name, index: device.index }, mode, queues, vnetHdr }
  return { network: NOBODYS, link, mac }
}

function mtuFor ({ name, mtu: most }: LinkState, mtu = most): number {
  if (!Number.isInteger(mtu) || mtu < 68 || mtu > most) throw new InputError([{ path: 'mtu', message: `${String(mtu)} is not a whole number from 68 to ${String(most)}, the MTU of ${name}` }])
  return mtu
}

/** `macvtap0` … as libvirt's. */
async function nameFor (context: Context, { dev }: MacvtapInput): Promise<string> {
  if (dev !== undefined) {
    if (await readLink(context.rtnl, { name: parseIfName(dev, 'dev') }) !== undefined) throw nameTaken(dev)
    return dev
  }
  for (let from = 0; from < 65_536; from += 32) {
    const names = Array.from({ length: 32 }, (_, i) => `macvtap${String(from + i)}`)
    const links = await readEach(context.rtnl, names.map((name) => ({ name })))
    const free = names.find((_, i) => links[i] === undefined)
    if (free !== undefined) return free
  }
  throw new NetwrightError('NETWRIGHT_NAME_IN_USE', 'no name of the form macvtap%d is free')
}

async function make (context: Context, { link }: PortRecord): Promise<readonly number[]> {
  if (link.type !== 'macvtap') return []
  try {
    for (const request of linkRequests(link, { ipv6: context.ipv6 }).create) await call(context.rtnl, request)
  } catch (error) { throw refused(error, link) }
  return await openMacvtap(context.netns.fd, link)
}

/** EBUSY: it is a port of a bridge or passed through; EINVAL: passthru wants it for itself. */
function refused (error: unknown, { name, device, mode }: MacvtapObject): unknown {
  if (isErrno(error, 'EEXIST')) return nameTaken(name, error)
  if (!isErrno(error, 'EBUSY') && !(mode === 'passthru' && isErrno(error, 'EINVAL'))) return error
  const conflict = { kind: 'link', name: device.name }
  return new NetwrightError('NETWRIGHT_NAME_IN_USE', `${device.name} is in use: a port of a bridge, or of another macvtap with which mode ${mode} does not go`, { cause: error, conflict, remedy: `see what it is: ip -d link show ${device.name}` })
}
