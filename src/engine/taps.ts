/** The TAPs of a batch: made through /dev/net/tun, a few at a time on threads of their own, since each of them waits for RTNL. */
import { KernelError, located } from '../errors.js'
import type { TapObject } from '../kernel/object.js'
import { createTaps, TapFailed } from '../kernel/tap.js'
import { native } from '../netlink/native.js'
import { isErrno } from '../netlink/errno.js'
import { nameTaken, type ComingPort } from './coming-port.js'
import type { Context } from './context.js'
import { openVhost } from './vhost.js'

/** RTNL lets one through at a time; with two threads, one TAP is prepared while the other waits. */
const AT_ONCE = 2
/** So many are made in one call, after which an abort or a failure of the others is seen. */
const CALL = 25

/** Open descriptors, by the index of the TAP: its queues, then those of vhost-net. */
export type TapFds = Map<number, readonly number[]>

/** Makes those that are not stocked. What was opened is in `fds`, also where it throws: NETWRIGHT_NAME_IN_USE, KernelError (EMFILE with its remedy); then the caller closes them. */
export async function makeTaps (context: Context, ports: readonly ComingPort[], fds: TapFds): Promise<void> {
  const taps = ports.flatMap((port) => port.record.link.type === 'tap' ? [{ port, link: port.record.link }] : [])
  const fresh = taps.filter(({ port }) => port.stocked === undefined)
  const calls = Array.from({ length: Math.ceil(fresh.length / CALL) }, (_, i) => fresh.slice(i * CALL, (i + 1) * CALL))
  const queue: (() => Promise<void>)[] = [
    ...calls.map((some) => async () => { await makeSome(context, some, fds) }),
    ...taps.filter(({ port }) => port.stocked !== undefined).map((one) => async () => { await openStocked(one, fds) }),
  ]
  let failed: { readonly error: unknown } | undefined
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined && failed === undefined; next = queue.shift()) {
      try { await next() } catch (error) { failed ??= { error } }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  if (failed !== undefined) throw failed.error
}

interface ComingTap { readonly port: ComingPort, readonly link: TapObject }

const isWanted = ({ port: { input } }: ComingTap): boolean => input.kind === 'tap' && input.fds !== false

async function makeSome (context: Context, some: readonly ComingTap[], fds: TapFds): Promise<void> {
  try {
    const opened = await createTaps(context.netns.fd, some.map((one) => ({ ...one.link, keep: isWanted(one) })))
    for (const [i, one] of some.entries()) if (isWanted(one)) fds.set(one.link.index, opened[i] ?? [])
  } catch (error) {
    const one = error instanceof TapFailed ? some[error.index] : undefined
    if (one === undefined || !(error instanceof TapFailed)) throw error
    throw located(refused(error.cause, one.link.name), one.port.about)
  }
  for (const one of some) await addVhost(one, fds)
}

async function addVhost ({ port: { input, about }, link }: ComingTap, fds: TapFds): Promise<void> {
  if (input.kind !== 'tap' || input.vhost !== true) return
  try { fds.set(link.index, [...fds.get(link.index) ?? [], ...await openVhost(link.queues, link.name)]) } catch (error) { throw located(refused(error, link.name), about) }
}

async function openStocked (tap: ComingTap, fds: TapFds): Promise<void> {
  const { port: { stocked, about }, link } = tap
  if (stocked?.open === undefined || !isWanted(tap)) return
  try { fds.set(link.index, await stocked.open(link)) } catch (error) { throw located(refused(error, link.name), about) }
  await addVhost(tap, fds)
}

function refused (error: unknown, name: string): unknown {
  if (!(error instanceof KernelError)) return error
  if (isErrno(error, 'EBUSY') || isErrno(error, 'EEXIST')) return nameTaken(name, error)
  if (!isErrno(error, 'EMFILE') && !isErrno(error, 'ENFILE')) return error
  const { request, object, errno, errnoName } = error
  return new KernelError({ request, object, errno, errnoName, sentence: 'no descriptor is left for its queues' }, { cause: error, remedy: 'ask for fewer descriptors, or let this process open more: ulimit -n, or LimitNOFILE= of its systemd unit' })
}

/** Closes descriptors of TAPs off the event loop: closing the last one takes a link down. */
export async function closeAll (fds: Iterable<number>): Promise<void> {
  await Promise.all([...fds].map(async (fd) => { await native().closeAsync(fd) }))
}
