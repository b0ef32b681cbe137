/** Whether a namespace is still alive, without holding it: it gets a number here, which goes with it. */
import { randomInt } from 'node:crypto'
import { call, get } from '../netlink/call.js'
import { isErrno } from '../netlink/errno.js'
import { nsid } from '../netlink/rtnl/nsid.js'
import type { Transport } from '../netlink/transport.js'

/** The kernel itself counts from 0. */
const LEAST = 0x1000_0000
const MOST = 0x7fff_ffff
const ATTEMPTS = 5

/** `ip netns set NAME NSID`, a number that no other namespace gets. The namespace must have none yet. Throws KernelError. */
export async function numberNetns (transport: Transport, { fd, path }: { readonly fd: number, readonly path: string }): Promise<number> {
  for (let tries = 1; ; tries++) {
    const number = randomInt(LEAST, MOST)
    try { await call(transport, nsid.change({ nsid: number, fd }, path)); return number } catch (error) {
      if (!isErrno(error, 'ENOSPC') || tries >= ATTEMPTS) throw error // somebody has that one
    }
  }
}

/** Whether the namespace of that number is held by anybody; by then the kernel has begun to take it down, or will not. Throws KernelError. */
export async function isAlive (transport: Transport, number: number): Promise<boolean> {
  try { await get(transport, nsid.get({ nsid: number }, `namespace ${String(number)}`)); return true } catch (error) {
    if (isErrno(error, 'ENOENT')) return false
    throw error
  }
}
