/** Network namespaces: opened by name, path or pid; created and deleted as `ip netns` does, so that both see each other's. */
import { stat } from 'node:fs/promises'
import { NetwrightError } from '../errors.js'
import { isErrno } from '../netlink/errno.js'
import { native } from '../netlink/native.js'
import { refusal } from './refusal.js'

/** Where iproute2 keeps named namespaces. Source: iproute2, include/namespace.h, NETNS_RUN_DIR. */
const DIRECTORY = '/run/netns'

/** An open namespace. It lives at least as long as the descriptor does. */
export interface Netns {
  readonly fd: number
  /** The number of its nsfs inode, decimal: what it is known by as long as somebody holds it. The kernel may give the number to another one afterwards. */
  readonly inode: string
  /** Names this namespace and, until the next boot, no other: its cookie, or its inode where the kernel (before 5.14) has none. */
  readonly id: string
  /** Where it was found: `/run/netns/NAME`, `/proc/PID/ns/net`. */
  readonly path: string
  /** Closes the descriptor. Twice is fine. */
  close (): void
}

function checkedName (name: string): string {
  // As iproute2: a name is one component of a path. Source: iproute2, lib/namespace.c, netns_add().
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name) || Buffer.byteLength(name) > 255) {
    throw new NetwrightError('NETWRIGHT_NO_NAMESPACE', `${JSON.stringify(name)} is not a name of a network namespace`, { remedy: 'ip netns list' })
  }
  return name
}

/** The file of a namespace: undefined for the process's own, a pid, a path (anything with a slash) or a name. Throws NETWRIGHT_NO_NAMESPACE on a malformed name. */
export function netnsPath (where?: string | number): string {
  // Not /proc/self/ns/net of whichever thread opens it: the thread group leader's is the process's.
  if (where === undefined) return `/proc/${String(process.pid)}/ns/net`
  if (typeof where === 'number') {
    if (!Number.isInteger(where) || where < 1) throw new NetwrightError('NETWRIGHT_NO_NAMESPACE', `${String(where)} is not a process id`)
    return `/proc/${String(where)}/ns/net`
  }
  return where.includes('/') ? where : `${DIRECTORY}/${checkedName(where)}`
}

/**
 * Opens a network namespace. `ip netns exec NAME`, `nsenter --net=PATH`, `nsenter -t PID -n`.
 * Throws NETWRIGHT_NO_NAMESPACE where there is none, or where the file is something else; KernelError where it may not be opened.
 */
export async function openNetns (where?: string | number): Promise<Netns> {
  const path = netnsPath(where)
  let open: { fd: number, inode: bigint, cookie: bigint } | undefined
  try { open = await native().netnsOpen(path) } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ESRCH') || isErrno(error, 'ENOTDIR')) throw new NetwrightError('NETWRIGHT_NO_NAMESPACE', `there is no network namespace at ${path}`, { cause: error, remedy: 'ip netns list' })
    // ENOTTY is ioctl()'s answer where the file is no namespace of any kind, as an `ip netns` name whose mount is gone.
    if (isErrno(error, 'EINVAL') || isErrno(error, 'ENOTTY')) throw new NetwrightError('NETWRIGHT_NO_NAMESPACE', `${path} is not a network namespace`, { cause: error, remedy: 'ip netns list' })
    throw refusal(error, 'open', path)
  }
  return handle(open, path)
}

function handle ({ fd, inode, cookie }: { readonly fd: number, readonly inode: bigint, readonly cookie: bigint }, path: string): Netns {
  let closed = false
  return { fd, inode: String(inode), id: cookie === 0n ? `inode-${String(inode)}` : String(cookie), path, close: () => {
    if (closed) return
    closed = true
    native().close(fd)
  } }
}

/**
 * Throws NETWRIGHT_NO_NAMESPACE where the place at which a namespace was opened no longer shows it: its name was deleted, or given to another one.
 * It lives on as long as our descriptor does, but nobody else can find it.
 */
export async function stillThere ({ path, inode }: Pick<Netns, 'path' | 'inode'>): Promise<void> {
  const now = await stat(path, { bigint: true }).then(({ ino }) => String(ino), () => undefined)
  if (now === inode) return
  throw new NetwrightError('NETWRIGHT_NO_NAMESPACE', `the network namespace at ${path} was ${now === undefined ? 'deleted' : 'replaced by another one'} while it was in use`, { remedy: 'destroy what runs in it, close the host and open it again' })
}

/** Makes a named namespace, loopback down. `ip netns add NAME`. Throws KernelError EEXIST where the name is taken. */
export async function createNetns (name: string): Promise<void> {
  const checked = checkedName(name)
  try { await native().netnsCreate(DIRECTORY, checked) } catch (error) { throw refusal(error, 'unshare', `namespace ${checked}`) }
}

/**
 * Makes a namespace that will be called `name` and has no name yet, loopback down: nobody else finds it, and it ends with its descriptor. So what is to be
 * remembered of it can be written down before it can outlive us. Throws KernelError.
 */
export async function makeNetns (name: string): Promise<Netns> {
  const checked = checkedName(name)
  try { return handle(await native().netnsUnnamed(), `${DIRECTORY}/${checked}`) } catch (error) { throw refusal(error, 'unshare', `namespace ${checked}`) }
}

/** Gives it the name that it was made for. `ip netns attach NAME`. Throws NETWRIGHT_NAME_IN_USE where that is taken, KernelError. */
export async function nameNetns ({ fd, path }: Pick<Netns, 'fd' | 'path'>): Promise<void> {
  const name = path.slice(DIRECTORY.length + 1)
  try { await native().netnsName(DIRECTORY, name, fd) } catch (error) {
    if (isErrno(error, 'EEXIST')) throw new NetwrightError('NETWRIGHT_NAME_IN_USE', `there is a network namespace named ${name} already`, { cause: error, conflict: { kind: 'namespace', name }, remedy: 'ip netns list' })
    throw refusal(error, 'mount --bind', `namespace ${name}`)
  }
}

/** Takes the name away; the namespace ends when nobody holds it any more. `ip netns del NAME`. Throws NETWRIGHT_NO_NAMESPACE where there is none. */
export async function deleteNetns (name: string): Promise<void> {
  const checked = checkedName(name)
  try { await native().netnsDelete(DIRECTORY, checked) } catch (error) {
    if (isErrno(error, 'ENOENT')) throw new NetwrightError('NETWRIGHT_NO_NAMESPACE', `there is no network namespace named ${checked}`, { cause: error, remedy: 'ip netns list' })
    throw refusal(error, 'umount', `namespace ${checked}`)
  }
}
