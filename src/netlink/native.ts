/**
 * The only file that loads the addon, and its hand-written face. No `any` crosses this edge.
 *
 * Every function that can wait (for RTNL, a disk, a process) runs on a native thread of ours, never on libuv's pool
 * and never on the event loop. `netns` is always the file descriptor of an open namespace, or -1 for the caller's own.
 * File descriptors returned here belong to the caller and are CLOEXEC; those of namespaces, processes and locks are closed with a worker that ends, so they must
 * be closed by `close`, `closeAsync` and `lockRelease` only. Errors have `code` ('EEXIST'), `errno` (positive) and `syscall`.
 */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isError, NetwrightError } from '../errors.js'

/** Opaque: a netlink socket with its thread. */
export interface NativeChannel { readonly brand: 'channel' }
/** Opaque: a netlink socket that hears multicast groups, with its thread. */
export interface NativeEar { readonly brand: 'ear' }

/** Opaque: a netlink socket that only listens. */
export interface NativeLetterbox { readonly brand: 'letterbox' }

/** One of `filesEdit`. `mode`: whatever the umask says. `group`: a number, -1 to leave it as it is. */
export type FileChange =
  /** `mkdir -m`, without those above. One that is there gets group and mode only where a group is given. EEXIST where something else has its name. */
  | { readonly kind: 'directory', readonly path: string, readonly mode: number, readonly group: number }
  /** A temp file beside it, renamed over it: a reader sees the old or the new, never a part. `durable`: fsync of file and directory. A string is written as UTF-8. */
  | { readonly kind: 'file', readonly path: string, readonly data: string | Uint8Array, readonly mode: number, readonly group: number, readonly durable: boolean }
  /** What is in the file first is written over, where there is a file: what is behind it stays. */
  | { readonly kind: 'beginning', readonly path: string, readonly data: string }
  /** `fallocate -l SIZE`, mode 0600: a file that takes the room of so many bytes, at least one. One that is there grows. */
  | { readonly kind: 'room', readonly path: string, readonly size: number }
  /** `mv -T`. */
  | { readonly kind: 'moved', readonly path: string, readonly to: string }
  /** `rm -f`. */
  | { readonly kind: 'none', readonly path: string }
  /** `rmdir`, then of the directory above it, `levels` in all: until one is not empty. */
  | { readonly kind: 'empty', readonly path: string, readonly levels: number }

export interface Native {
  /** Opens a netlink socket in `netns` on a thread of its own. Sets NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK (rtnetlink) and the buffer sizes (forced where allowed). */
  channelOpen (protocol: number, netns: number, sendBuffer: number, receiveBuffer: number): Promise<NativeChannel>
  /**
   * One sendmsg, then reads until the answer is complete: with `dump` until NLMSG_DONE or an NLMSG_ERROR, else until nothing is queued. Small datagrams come put together.
   * Nanoseconds: `queueNs` until the thread came to it, `waitNs` in sendmsg (the kernel worked or made us wait), `spentNs` on all of it with the
   * reading, `workNs` of that on a processor. `sieve`: bytes of sieve.ts; messages that it does not keep are dropped on the thread.
   */
  channelExchange (channel: NativeChannel, datagram: Uint8Array, dump: boolean, sieve?: Uint8Array): Promise<{ datagrams: Buffer[], overrun: boolean, waitNs: number, queueNs: number, spentNs: number, workNs: number }>
  /** Pending requests are rejected with ECANCELED (one that is inside the kernel still ends there); resolves when the thread and the socket are gone. Twice is fine. */
  channelClose (channel: NativeChannel): Promise<void>

  /** Opens a netlink socket in `netns` on a thread of its own and joins multicast groups. NETLINK_NO_ENOBUFS: what does not fit into the buffer is counted. EPERM where a group is not for everybody. */
  earOpen (protocol: number, netns: number, groups: readonly number[], receiveBuffer: number): Promise<NativeEar>
  /** Resolves when there is something to hear, with up to 64 datagrams and how many the socket has lost since it was opened. One at a time: EBUSY. ECANCELED when it is closed. Does not keep the event loop alive. */
  earHear (ear: NativeEar): Promise<{ datagrams: Buffer[], drops: number }>
  /** Resolves when the thread and the socket are gone. Twice is fine. */
  earClose (ear: NativeEar): Promise<void>

  /**
   * Makes a TAP: open /dev/net/tun, TUNSETIFINDEX (where `ifindex` > 0), TUNSETIFF with IFF_TAP|IFF_NO_PI|IFF_TUN_EXCL, one fd a queue (IFF_MULTI_QUEUE where more than one),
   * TUNSETOWNER/TUNSETGROUP where >= 0, TUNSETPERSIST. Fails with EBUSY where a link of that name exists. On failure nothing is left.
   */
  tapCreate (netns: number, name: string, ifindex: number, options: { queues: number, vnetHdr: boolean, persist: boolean, owner: number, group: number }): Promise<{ name: string, fds: number[] }>
  /**
   * Many TAPs, as `tapCreate` makes each, in one go on one thread. Returns the descriptors of each; none where it is not to `keep` them: those are closed there.
   * Stops at the first failure, whose error has `index`; all descriptors are closed then, and a persistent TAP that was made before stays. ERANGE for a name with `%d`.
   */
  tapsCreate (netns: number, taps: readonly { name: string, ifindex: number, queues: number, vnetHdr: boolean, persist: boolean, owner: number, group: number, keep: boolean }[]): Promise<number[][]>
  /** Opens queues of a persistent TAP that is there already, without EXCL; checks by TUNGETIFF that name and flags are as expected and the link's index is `ifindex`, else fails with ESTALE and changes nothing. */
  tapOpen (netns: number, name: string, ifindex: number, options: { queues: number, vnetHdr: boolean }): Promise<{ fds: number[] }>
  /** TUNSETPERSIST 0 on a TAP of ours found as in `tapOpen`: with the last fd closed the link goes. */
  tapDelete (netns: number, name: string, ifindex: number): Promise<void>
  /** Opens the queues as `tapOpen`, takes back what programs have set through them (TUNSETOFFLOAD, TUNSETVNETHDRSZ, TUNSETSNDBUF, filters, …), and closes them. EBUSY where a TAP of one queue is open. */
  tapRenew (netns: number, name: string, ifindex: number, options: { queues: number, vnetHdr: boolean }): Promise<void>
  /** TUNSETPERSIST 1 on an open queue. */
  tapKeep (fd: number): Promise<void>

  /** Opens a namespace: a path, or a pid given as `/proc/PID/ns/net`. Fails with EINVAL where the file is not a network namespace (NS_GET_NSTYPE). `inode` and `device` identify it while it lives; `cookie` (SO_NETNS_COOKIE) until the next boot, 0 where the kernel (before 5.14) or a missing privilege does not tell. */
  netnsOpen (path: string): Promise<{ fd: number, inode: bigint, device: bigint, cookie: bigint }>
  /** `ip netns add`: /run/netns/NAME (a shared mount, as iproute2 makes it), bind-mounted from a new namespace; loopback stays down. EEXIST where the name is taken. */
  netnsCreate (directory: string, name: string): Promise<void>
  /** A new namespace without a name, loopback down: it ends when its descriptor is closed, unless it has got a name. As `netnsOpen`. */
  netnsUnnamed (): Promise<{ fd: number, inode: bigint, device: bigint, cookie: bigint }>
  /** Gives an open namespace a name, as `netnsCreate` does. EEXIST where the name is taken. */
  netnsName (directory: string, name: string, netns: number): Promise<void>
  /** `ip netns del`: lazy unmount and unlink. */
  netnsDelete (directory: string, name: string): Promise<void>
  /** Enters, runs `fn` at once, leaves; synchronous, no promise. If leaving fails the process aborts. Throws TypeError where `fn` returns a promise. */
  netnsRun<T> (netns: number, fn: () => T): T

  /**
   * Starts a program (vfork-like, off the loop) in `netns` with exactly these descriptors as 0, 1, 2 (-1: /dev/null), signal mask and dispositions reset, in a session of its own where asked; the child gets SIGKILL from nobody when we die.
   * `log`: a file for 1 and 2, opened for appending, made (0600) where it is not there, never through a symbolic link; `logSize` is what it held before. `status`: /proc/PID/stat.
   */
  processSpawn (netns: number, file: string, args: readonly string[], env: readonly string[], fds: readonly number[], options: { newSession: boolean, directory: string, log?: string }): Promise<{ pid: number, pidfd: number, logSize: number, status: string }>
  /** pidfd_open: for a process that we did not start. ESRCH where there is none. */
  processOpen (pid: number): Promise<number>
  /** A pidfd of the calling thread alone, PIDFD_THREAD: readable when it has ended. EINVAL where the kernel (before 6.9) has none. */
  threadOpen (): Promise<number>
  /** Resolves when the process has ended. `code` and `signal` are null for a process that is not our child. Does not keep the event loop alive unless `ref`. Does not close the pidfd. */
  processWait (pidfd: number, ref: boolean): Promise<{ code: number | null, signal: number | null }>
  /**
   * Resolves when a whole line with one of `texts` is in the log at `path` behind `from`, or at its beginning where it was cut meanwhile: with that line and what follows it so far. null where the process of
   * `pidfd` has ended before. ETIMEDOUT after `timeout` milliseconds. inotify, one instance for all; where there is none a look every 20 ms. Does not close the pidfd.
   */
  processLog (pidfd: number, path: string, from: number, texts: readonly string[], timeout: number): Promise<string | null>
  /** pidfd_send_signal. Throws ESRCH when it is gone. Synchronous: never waits. */
  processSignal (pidfd: number, signal: number): void

  /** open(O_CLOEXEC|O_CREAT|O_NOFOLLOW, 0600) and flock(LOCK_EX|LOCK_NB), then checks that the path still names the locked file, and writes `sign` into it where there is room. Resolves null where another holds it. */
  lockTry (path: string, sign: string | null): Promise<number | null>
  /** Unlinks the lock file where `unlink`, then closes: whoever waited sees that the file is gone and makes it anew. */
  lockRelease (fd: number, path: string, unlink: boolean): Promise<void>

  /** Reads each file (at most `limit` bytes) inside `netns`, in one go on one thread; null where it does not exist (ENOENT). Every other failure rejects. */
  filesRead (netns: number, paths: readonly string[], limit: number): Promise<(Buffer | null)[]>
  /** As `filesRead`, and of a directory the names in it; null also where something above it is no directory. */
  filesLook (netns: number, paths: readonly string[], limit: number): Promise<(Buffer | string[] | null)[]>
  /** Writes each file (O_WRONLY|O_TRUNC, no creation) inside `netns`, in order; stops at the first failure, whose error has `path` and `index`. */
  filesWrite (netns: number, files: readonly { path: string, data: string }[]): Promise<void>

  /** At least one change; all of them, in order, in one go on one thread; stops at the first failure, whose error has `path` and `index`: what came before it stays, of itself nothing does. */
  filesEdit (changes: readonly FileChange[]): Promise<void>

  /** close(2), on the calling thread. Not for the last descriptor of a TAP: that takes a link down and waits for RTNL. Throws EBADF. */
  close (fd: number): void
  /** close(2) on a thread of ours: for TAPs, whose link has gone when it resolves. */
  closeAsync (fd: number): Promise<void>
  /** open(O_RDWR|O_CLOEXEC) of a character device, `count` times: /dev/vhost-net for each queue. All or none. */
  deviceOpen (path: string, count: number): Promise<number[]>
  /**
   * Opens the character device of the macvtap of that name and index, `queues` times: a node of our own in a mount namespace of the thread, which ends with it, so that nobody need
   * have made /dev/tapN. The flags are as a TAP's: a header with `vnetHdr` only. ESTALE where the link is another one, EPERM where no node may be made. All or none.
   */
  macvtapOpen (netns: number, name: string, ifindex: number, options: { queues: number, vnetHdr: boolean }): Promise<number[]>
  /**
   * Sends copies of descriptors (1 to 253) beside `data` (at least one byte) in one message, SCM_RIGHTS, and resolves when the other side has read it (SIOCOUTQ). `target`: the path of
   * a unix socket that listens (`@name`: an abstract one), or the descriptor of one that is connected. With `offer` we listen at the path ourselves (mode 0600, of `uid`
   * where >= 0) and give them to the first who connects and is of that uid; the socket is gone afterwards. ETIMEDOUT after `timeout` milliseconds, ECANCELED when `waker` is
   * woken, ECONNRESET where the other side closes without reading. Whatever happens, the copies are closed.
   */
  fdsSend (target: string | number, fds: readonly number[], data: Uint8Array, options: { timeout: number, uid: number, offer: boolean }, waker: number): Promise<void>
  /** eventfd(2): ends what waits with it. To be closed by `close`. */
  wakerOpen (): number
  /** Synchronous: never waits. */
  wakerWake (waker: number): void
  /**
   * Finds the netlink socket that this process bound to `port` (by another addon) and keeps it from failing on an overrun: NETLINK_NO_ENOBUFS, and
   * `receiveBuffer` bytes forced where allowed (0: as it is). libuv reports a socket with an error pending as broken, and the npm package `netlink` aborts the
   * process then. Returns its descriptor, which stays the other's. ENOENT where there is none. Synchronous: never waits.
   */
  socketTame (protocol: number, port: number, receiveBuffer: number): number
  /** How many messages a socket lost because its buffer was full, since it was opened. Synchronous: never waits. */
  socketDrops (fd: number): number
  /** A netlink socket in `netns` that has joined multicast `groups` (at most 8) and keeps what passes `filter` (instructions of classic BPF, 8 bytes each; none: all) until it is taken. */
  letterboxOpen (protocol: number, netns: number, groups: readonly number[], receiveBuffer: number, filter: Uint8Array): Promise<NativeLetterbox>
  /**
   * Takes what is queued, up to about `limit` bytes (at least 128 KiB) and 256 messages, as one long datagram; `more`: there may be more. `drops`: how many messages were lost since it was
   * opened, because the buffer was full. Synchronous: never waits. Throws EBADF after `letterboxClose`.
   */
  letterboxTake (letterbox: NativeLetterbox, limit: number): { data: Buffer, drops: number, more: boolean }
  /** Twice is fine. */
  letterboxClose (letterbox: NativeLetterbox): void
  /** if_nametoindex in `netns`, 0 where there is none. */
  ifindex (netns: number, name: string): Promise<number>
  /** Effective capabilities of this process as a bit set (capget). Synchronous. */
  capabilities (): bigint
  /** gettid(2): the kernel's number of the calling thread, in the main thread the process's. Synchronous. */
  threadId (): number
}

/** Where the addon lies, relative to this file's compiled place. */
export const addonPath: string = fileURLToPath(new URL('../../../native-shims/build/netwright.node', import.meta.url))
/** The program that clears up after a process that has died: native-shims/reaper.c, built with the addon. */
export const reaperPath: string = fileURLToPath(new URL('../../../native-shims/build/netwright-reaper', import.meta.url))
export const buildCommand = 'npx netwright-build'

let loaded: Native | undefined

/** The addon, loaded on first use. Throws NETWRIGHT_ADDON_MISSING naming the one command that builds it. */
export function native (): Native {
  if (loaded !== undefined) return loaded
  try {
    loaded = createRequire(import.meta.url)(addonPath) as Native
    return loaded
  } catch (cause) {
    throw new NetwrightError('NETWRIGHT_ADDON_MISSING', `netwright's native addon cannot be loaded from ${addonPath}: ${isError(cause) ? cause.message.split('\n')[0] ?? '' : String(cause)}`, { cause, remedy: buildCommand })
  }
}

/** Whether this is the thread that the process began with; the kernel numbers it as it does the process. Loading node:worker_threads to ask takes milliseconds. */
export function isMainThread (): boolean { return native().threadId() === process.pid }
