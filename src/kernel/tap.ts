/** TAP devices: made through /dev/net/tun, finished through rtnetlink (see link.ts). */
import { readFile } from 'node:fs/promises'
import { isError, KernelError } from '../errors.js'
import { isErrno } from '../netlink/errno.js'
import { native } from '../netlink/native.js'
import type { TapObject } from './object.js'
import { refusal } from './refusal.js'

/** Descriptors are the caller's to close; all are CLOEXEC. */
export interface TapFds { readonly fds: readonly number[] }

async function asked<T> (request: string, name: string, call: () => Promise<T>): Promise<T> {
  try { return await call() } catch (error) { throw refused(request, name, error) }
}

function refused (request: string, name: string, error: unknown): unknown {
  const remedy = isErrno(error, 'ENOENT') || isErrno(error, 'ENODEV') ? { remedy: 'modprobe tun' } : {}
  return refusal(error, request, `tap ${name}`, remedy)
}

/**
 * `ip tuntap add dev NAME mode tap [multi_queue] [vnet_hdr] [user UID] [group GID]`, with the index chosen, and never taking over one that is there.
 * One descriptor a queue; a TAP that is not persistent goes with its last descriptor. It comes with a random MAC and down: `linkRequests` does the rest.
 * Throws KernelError: EBUSY where the name or the index is taken, ENOENT without /dev/net/tun. On failure nothing is left.
 */
export async function createTap (netns: number, tap: TapObject): Promise<TapFds> {
  const { queues, vnetHdr, persist, uid, gid } = tap
  const { name, fds } = await asked('TUNSETIFF', tap.name, () => native().tapCreate(netns, tap.name, tap.index, { queues, vnetHdr, persist, owner: uid, group: gid }))
  if (name === tap.name) return { fds }
  for (const fd of fds) native().close(fd)
  throw new KernelError({ request: 'TUNSETIFF', object: `tap ${tap.name}`, errno: 34, errnoName: 'ERANGE', sentence: `the kernel named it ${name}` })
}

/** Which TAP of a list a failure is about, and the error of `createTap` for it. */
export class TapFailed extends Error {
  readonly index: number
  constructor (index: number, cause: unknown) {
    super(`TAP ${String(index)} of the list`, { cause })
    this.index = index
  }
}

/**
 * Many as `createTap` makes each, in one call: their descriptors where they are to be kept, else none (a TAP that is not persistent is gone then).
 * Throws TapFailed at the first one that fails; all descriptors are closed then, and persistent ones that were made before stay.
 */
export async function createTaps (netns: number, taps: readonly (TapObject & { readonly keep: boolean })[]): Promise<readonly (readonly number[])[]> {
  const wanted = taps.map(({ name, index, queues, vnetHdr, persist, uid, gid, keep }) => ({ name, ifindex: index, queues, vnetHdr, persist, owner: uid, group: gid, keep }))
  try { return await native().tapsCreate(netns, wanted) } catch (error) {
    if (!isError(error) || !('index' in error) || typeof error.index !== 'number') throw refusal(error, 'TUNSETIFF', `taps ${taps[0]?.name ?? ''}…`)
    throw new TapFailed(error.index, refused('TUNSETIFF', taps[error.index]?.name ?? '', error))
  }
}

/** Opens the queues of a persistent TAP that we made earlier. Throws KernelError ESTALE where the link of that name is not exactly ours. */
export async function openTap (netns: number, tap: TapObject): Promise<TapFds> {
  const { queues, vnetHdr } = tap
  return await asked('TUNSETIFF', tap.name, () => native().tapOpen(netns, tap.name, tap.index, { queues, vnetHdr }))
}

/** Whether a descriptor of this process is (still) a queue of the TAP of that name: a number that was closed may be anything else by now. Source: drivers/net/tun.c, tun_chr_show_fdinfo(). */
export async function isTapFd (fd: number, name: string): Promise<boolean> {
  const text = await readFile(`/proc/self/fdinfo/${String(fd)}`, 'utf8').catch(() => '') // closed
  return text.split('\n').includes(`iff:\t${name}`)
}

/** `ip tuntap del dev NAME mode tap`, after proof by index that it is ours. Throws KernelError ESTALE where it is not. */
export async function deleteTap (netns: number, tap: Pick<TapObject, 'name' | 'index'>): Promise<void> {
  await asked('TUNSETPERSIST', tap.name, () => native().tapDelete(netns, tap.name, tap.index))
}
