/** The TAPs of a batch: made through /dev/net/tun, a few at a time on threads of their own, since each of them waits for RTNL. */
import { KernelError, located } from '../errors.js'
import { createTap } from '../kernel/tap.js'
import { native } from '../netlink/native.js'
import { isErrno } from '../netlink/errno.js'
import { nameTaken, type ComingPort } from './coming-port.js'
import type { Context } from './context.js'

/** RTNL lets one through at a time; with two, one is prepared while the other waits. */
const AT_ONCE = 2

/** Open descriptors, by the index of the TAP. */
export type TapFds = Map<number, readonly number[]>

/** Makes those that are not stocked. What was opened is in `fds`, also where it throws: NETWRIGHT_NAME_IN_USE, KernelError (EMFILE with its remedy); then the caller closes them. */
export async function makeTaps (context: Context, ports: readonly ComingPort[], fds: TapFds): Promise<void> {
  const queue = ports.filter(({ record }) => record.link.type === 'tap').values()
  let failed: { readonly error: unknown } | undefined
  const worker = async (): Promise<void> => {
    for (const port of queue) {
      if (failed !== undefined) return
      try { await makeTap(context, port, fds) } catch (error) { failed ??= { error: located(error, port.about) } }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  if (failed !== undefined) throw failed.error
}

async function makeTap (context: Context, { record: { link }, input, stocked }: ComingPort, fds: TapFds): Promise<void> {
  if (link.type !== 'tap') return
  const wanted = input.kind === 'tap' && input.fds !== false
  if (stocked !== undefined && !wanted) return
  try {
    const opened = stocked?.open === undefined ? (await createTap(context.netns.fd, link)).fds : await stocked.open(link)
    if (wanted) fds.set(link.index, opened)
    else await closeAll(opened)
  } catch (error) { throw refused(error, link.name) }
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
