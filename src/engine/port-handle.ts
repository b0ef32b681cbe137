/** A port that was just made, for whoever asked for it. */
import { NetwrightError } from '../errors.js'
import { isTapFd } from '../kernel/tap.js'
import type { Options, Port } from './api.js'
import { portInfo } from './port.js'
import { closeAll } from './taps.js'
import type { Transacted } from './transact.js'
import { transact } from './transact.js'
import type { Works } from './works.js'

/** Plain data, its descriptors, and how to remove it. */
export function portHandle (works: Works, { record: { link, network: name, ...record }, network, fds }: Transacted['ports'][number]): Port {
  const { name: dev, index } = link
  const detach = async (options?: Options): Promise<void> => { await detachPort(works, { network: name, dev, index }, options) }
  return {
    ...portInfo({ link, network: name, ...record }, network.definition, true), fds, detach,
    [Symbol.asyncDispose]: async () => { await dispose(dev, fds, detach) },
  }
}

/** Removes a port and its link; with `index` only that one, not another that has got its name since. Throws NETWRIGHT_NOT_FOUND, NETWRIGHT_UNDO_INCOMPLETE. */
export async function detachPort (works: Works, port: { readonly network: string, readonly dev: string, readonly index?: number }, options?: Options): Promise<void> {
  const { context, daemons } = works
  await works.during(async () => {
    await transact({ detach: [port] }, { context, daemons, signal: options?.signal })
    await works.refresh()
  }, { operation: 'detach', names: () => [port.network] })
}

/** Descriptors that the caller has closed are not closed again: their numbers are somebody else's. Twice is fine. */
async function dispose (dev: string, fds: readonly number[], remove: () => Promise<void>): Promise<void> {
  const open = (await Promise.all(fds.map(async (fd) => await isTapFd(fd, dev) ? [fd] : []))).flat()
  try { await remove() } catch (error) {
    if (!(error instanceof NetwrightError) || error.code !== 'NETWRIGHT_NOT_FOUND') throw error
  } finally { await closeAll(open) }
}
