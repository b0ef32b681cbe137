/**
 * Takes a namespace away that one of us made, in two parts: first its networks stop and its name is free, then its links are deleted, a few at a time, and it
 * ends. The kernel would delete them too, all in one stretch, 16 to 40 ms a bridge, during which everybody waits for RTNL.
 */
import { rm } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { NetwrightError } from '../errors.js'
import { plots } from '../kernel/burial.js'
import { removeRequest } from '../kernel/link.js'
import { readLinks } from '../kernel/link-state.js'
import { deleteNetns, openNetns } from '../kernel/netns.js'
import { isAlive } from '../kernel/nsid.js'
import { call, send } from '../netlink/call.js'
import { link, removeGroup } from '../netlink/rtnl/link.js'
import type { Transport } from '../netlink/transport.js'
import type { HostOptions } from './api.js'
import type { Context } from './context.js'
import { namesIn, removeEmpty, removeFile } from './files.js'
import type { HostHandle } from './host-handle.js'
import { oneAtATime } from './one-at-a-time.js'
import { places } from './places.js'
import type { Made } from './rig-book.js'
import { stop } from './stop.js'

/** A host inside, and what it works with. */
export interface Inside { readonly context: Context, readonly host: Pick<HostHandle, 'daemons' | 'settled' | 'close'> }

export interface Dismantling {
  /** The parent's. */
  readonly context: Context
  readonly root: string
  /** Opens a host in a namespace, which looks after nothing. */
  readonly open: (options: HostOptions) => Promise<Inside>
}

/** Milliseconds between two chunks, in which others come to RTNL, and between two looks whether a namespace is gone. */
const PAUSE = 5
/** The links of a namespace are looked at so often: what is deleted may set others free. */
const LOOKS = 3

/**
 * Stops the networks of a namespace and takes its name away. What it resolves with does the rest. One that has gone already leaves its files only.
 * Throws what `stop` throws, KernelError.
 */
export async function dismantle (made: Made, means: Dismantling): Promise<() => Promise<void>> {
  const { context, open } = means
  const finish = async (): Promise<void> => { await gone(made, means); await sweep(made, means) }
  if (!await isStill(made)) return finish
  const inside = await open({ netns: made.name, supervise: false })
  inside.context.flows.spare()
  try {
    await empty(inside)
    // Whoever was quicker has done the same.
    if (await isStill(made)) await deleteNetns(made.name).catch((error: unknown) => { if (!isMissing(error)) throw error })
  } catch (error) {
    await inside.host.close()
    throw error
  }
  return async () => {
    try { await inside.host.settled(); await clearLinks(inside.context.rtnl) } catch (error) {
      context.logger.warn({ err: error, namespace: made.name }, 'links of a namespace that is dropped are left to the kernel')
    } finally { await inside.host.close() }
    await finish()
  }
}

const isMissing = (error: unknown): boolean => error instanceof NetwrightError && error.code === 'NETWRIGHT_NO_NAMESPACE'

/** Whether the namespace of that name is the one that was made. */
async function isStill ({ name, id }: Made): Promise<boolean> {
  try {
    const netns = await openNetns(name)
    netns.close()
    return netns.id === id
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** Every network of this owner. */
async function empty ({ context, host: { daemons } }: Inside): Promise<void> {
  const names = (await context.book.standing()).flatMap(({ networks }) => networks.map(({ definition }) => definition.name))
  if (names.length > 0) await stop(names, { context, daemons, ports: 'remove' })
}

/** All that are not hardware, which the kernel gives back to the machine: those of programs that were inside, too. */
async function clearLinks (rtnl: Transport): Promise<void> {
  for (let look = 0; look < LOOKS; look++) {
    const found = (await readLinks(rtnl)).filter(({ kind, name }) => kind !== undefined && name !== 'lo')
    if (found.length === 0) return
    for (const { group, links } of plots(found.map(({ index, name, kind }) => ({ index, name, kind: kind === 'bridge' ? 'bridge' : 'tun' })))) {
      await send(rtnl, links.map(({ index, name }) => link.change({ index, group, flags: 0, change: 1 }, name)))
      // A kind that refuses to go, as the kernel's own tunnels, keeps the others of its group.
      await oneAtATime(async () => { await call(rtnl, removeGroup(group)).catch(async () => { await send(rtnl, links.map(removeRequest)) }) })
      await sleep(PAUSE)
    }
  }
}

/** Resolves when nobody holds it any more: the kernel is taking it down by then, and nothing is left in it that takes time. Throws NETWRIGHT_UNDO_INCOMPLETE. */
async function gone ({ name, nsid }: Made, { context }: Dismantling): Promise<void> {
  const deadline = performance.now() + context.lockTimeout
  for (let pause = 1; await isAlive(context.rtnl, nsid); pause = Math.min(pause * 2, 50)) {
    if (performance.now() > deadline) {
      throw new NetwrightError('NETWRIGHT_UNDO_INCOMPLETE', `namespace ${name} has no name any more, but a program is still in it`, { left: [`namespace ${name}`], remains: [{ kind: 'namespace', name }], remedy: 'end the programs that were started in it: lsns -t net' })
    }
    await sleep(pause)
  }
}

/** What this owner had written down for it: no namespace gets its cookie again. */
async function sweep ({ id }: Made, { context, root }: Dismantling): Promise<void> {
  const { run, leases, lock, claim, forwarding } = places(root, context.owner, { id, initial: false }, dirname(context.places.lock))
  for (const directory of [run, leases]) await rm(directory, { recursive: true, force: true })
  await removeFile(claim)
  const shared = dirname(lock)
  const others = `${basename(lock, '.lock')}.owner-`
  if (!(await namesIn(shared)).some((name) => name.startsWith(others))) for (const path of [lock, forwarding]) await removeFile(path)
  await removeEmpty(dirname(run), 2)
  await removeEmpty(dirname(leases), 2)
  await removeEmpty(shared, 1)
}
