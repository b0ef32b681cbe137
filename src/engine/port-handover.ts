/** Hands a port's descriptors to another process. */
import { readlink, stat } from 'node:fs/promises'
import { InputError, NetwrightError } from '../errors.js'
import { handOver } from '../kernel/handover.js'
import { openMacvtap } from '../kernel/macvtap.js'
import { isTapFd, openTap } from '../kernel/tap.js'
import type { Context } from './context.js'
import type { OfferOptions, PortInfo, SendOptions, SocketLike } from './port-api.js'
import type { PortRecord } from './record.js'
import { descriptorOf } from './socket-descriptor.js'
import { stopIfAborted } from './steps.js'
import { closeAll } from './taps.js'
import { VHOST_DEVICE } from './vhost.js'

/** A port with its descriptors: its queues, then those of vhost-net. `rdev`: of a macvtap, the number of its device. */
export interface Holding { readonly record: PortRecord, readonly info: PortInfo, readonly fds: readonly number[], readonly rdev?: number | undefined }

/** SCM_MAX_FD. Source: include/net/scm.h. */
const MOST = 253
const TIMEOUT = 10_000

/** Throws as `handOver`, and NETWRIGHT_CLOSED, NETWRIGHT_UNSUPPORTED, InputError. */
export async function sendPort (context: Context, port: Holding, to: string | SocketLike, options: SendOptions = {}): Promise<void> {
  await give(context, port, typeof to === 'string' ? pathOf(to) : descriptorOf(to), options)
}

/** The same, but that we listen for it. */
export async function offerPort (context: Context, port: Holding, path: string, options: OfferOptions = {}): Promise<void> {
  const { uid } = options
  if (uid !== undefined && (!Number.isInteger(uid) || uid < 0 || uid > 0x7fffffff)) throw new InputError([{ path: 'uid', message: `${String(uid)} is not a user's number` }])
  await give(context, port, pathOf(path), options, { uid })
}

async function give (context: Context, port: Holding, target: string | number, options: SendOptions, offer?: { readonly uid: number | undefined }): Promise<void> {
  const { timeout = TIMEOUT, signal, close = false } = options
  stopIfAborted(signal, `handing over ${port.info.dev}`)
  if (!Number.isInteger(timeout) || timeout < 1 || timeout > 0x7fffffff) throw new InputError([{ path: 'timeout', message: `${String(timeout)} is not a number of milliseconds` }])
  const { fds, opened } = await chosen(context, port, options.fds)
  try {
    await handOver({ object: port.info.dev, target, fds, data: message(port, options), timeout, signal, ...offer === undefined ? {} : { offer } })
    if (close) await closeAll(fds.filter((fd) => !opened.includes(fd)))
  } finally { await closeAll(opened) }
}

/** Those that are asked for, by default all; of a persistent TAP that nobody has open, its queues are opened for it. A number that was closed may be another file's by now: it is proved first. */
async function chosen ({ netns }: Context, { record: { link }, fds: own, info, rdev }: Holding, wanted: readonly number[] | undefined): Promise<{ readonly fds: readonly number[], readonly opened: readonly number[] }> {
  const fds = wanted ?? own
  const strange = fds.find((fd) => !own.includes(fd))
  if (strange !== undefined) throw new InputError([{ path: 'fds', message: `${String(strange)} is none of the descriptors of port ${info.dev}` }])
  if (fds.length === 0 && (link.type === 'macvtap' || (link.type === 'tap' && link.persist))) {
    const opened = link.type === 'tap' ? (await openTap(netns.fd, link)).fds : await openMacvtap(netns.fd, link)
    return { fds: opened, opened }
  }
  if (fds.length === 0) throw new NetwrightError('NETWRIGHT_UNSUPPORTED', `port ${info.dev} has no descriptors to hand over`, { remedy: 'attach a port of kind tap' })
  if (fds.length > MOST) throw new InputError([{ path: 'fds', message: `${String(fds.length)} descriptors do not go into one message: ${String(MOST)} at most` }])
  for (const fd of fds) if (!await isOwn(fd, info.dev, rdev)) throw new NetwrightError('NETWRIGHT_CLOSED', `descriptor ${String(fd)} of port ${info.dev} is closed`, { remedy: 'hand it over before you close it' })
  return { fds, opened: [] }
}

/** Whether a descriptor of this process is (still) one of the port's. */
export async function isOwn (fd: number, dev: string, rdev?: number): Promise<boolean> {
  return (rdev !== undefined && await deviceOf(fd) === rdev) || await isTapFd(fd, dev) || await readlink(`/proc/self/fd/${String(fd)}`).catch(() => '') === VHOST_DEVICE
}

/** The number of the device that a descriptor is of; undefined where it is closed. */
export async function deviceOf (fd: number): Promise<number | undefined> { return await stat(`/proc/self/fd/${String(fd)}`).then(({ rdev }) => rdev, () => undefined) }

/** One line of JSON, unless the receiver wants to read something else. */
function message ({ info, fds }: Holding, { data }: SendOptions): Uint8Array {
  const { queues = 1 } = info
  const bytes = typeof data === 'object' ? data : Buffer.from(data ?? `${JSON.stringify({ ...info, vhost: Math.max(0, fds.length - queues) })}\n`)
  if (bytes.length === 0) throw new InputError([{ path: 'data', message: 'descriptors do not travel without a byte of data' }])
  return bytes
}

function pathOf (path: unknown): string {
  if (typeof path !== 'string') throw new InputError([{ path: 'path', message: 'not the path of a unix socket' }])
  const length = Buffer.byteLength(path)
  // Source: unix(7), sun_path.
  if (length === 0 || length > 107 || path.includes('\0')) throw new InputError([{ path: 'path', message: `${JSON.stringify(path)} is no path of a unix socket: 1 to 107 bytes` }])
  return path
}
