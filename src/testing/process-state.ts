/** Netwright's processes in a namespace, and what this process has open of it, one line a thing. */
import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { isMainThread } from 'node:worker_threads'
import { native, reaperPath } from '../netlink/native.js'

const PROGRAMS = [reaperPath, 'engine/reap.js', 'dnsmasq']
/** In the environment of every dnsmasq of ours. Source: dnsmasq/process.ts, MARK. */
const MARK = 'NETWRIGHT_DNSMASQ='

interface Process { readonly pid: number, readonly command: string }

/** Processes that are ours and whose network namespace has this inode: dnsmasq and reapers, whoever started them. */
async function ours (inode: string): Promise<readonly Process[]> {
  const found: Process[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0').join(' ').trim()
    if (!PROGRAMS.some((program) => command.includes(program)) || await readlink(`/proc/${pid}/ns/net`).catch(() => '') !== `net:[${inode}]`) continue
    const isOurs = command.startsWith(reaperPath) || command.includes('engine/reap.js') || (await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')).includes(MARK)
    if (isOurs) found.push({ pid: Number(pid), command })
  }
  return found
}

/** The inodes of the netlink sockets in a namespace, whoever has them. Source: net/netlink/af_netlink.c, netlink_native_seq_show(). */
async function netlinkSockets (netns: number): Promise<ReadonlySet<string>> {
  const [table] = await native().filesRead(netns, ['/proc/thread-self/net/netlink'], 16 << 20)
  return new Set((table?.toString() ?? '').split('\n').slice(1).map((line) => `socket:[${line.trim().split(/\s+/).at(-1) ?? ''}]`))
}

/**
 * Processes, and descriptors: of the namespace, of netlink sockets in it, of those processes. Descriptors of TAPs and of processes that have ended say nothing
 * of where they belong, so they count in the main thread only: other threads have theirs in the same process.
 */
export async function processState (netns: number, inode: string): Promise<readonly string[]> {
  const [processes, sockets] = await Promise.all([ours(inode), netlinkSockets(netns)])
  const pids = new Set(processes.map(({ pid }) => pid))
  const lines = processes.map(({ command }) => `process ${command}`)
  for (const fd of await readdir('/proc/self/fd')) {
    const target = await readlink(`/proc/self/fd/${fd}`).catch(() => '')
    if (await isNamespace(fd, inode)) lines.push('descriptor of the network namespace')
    else if (sockets.has(target)) lines.push('descriptor of a netlink socket')
    else if (target === '/dev/net/tun' && isMainThread) lines.push(`descriptor of a TAP${await info(fd, 'iff')}`)
    else if (target === 'anon_inode:[pidfd]') {
      const pid = Number((await info(fd, 'Pid')).trim())
      if (pids.has(pid) || (pid === -1 && isMainThread)) lines.push('descriptor of a process')
    }
  }
  return lines
}

/** One that was opened by its name does not say that it is a namespace. */
async function isNamespace (fd: string, inode: string): Promise<boolean> {
  const [of, nsfs] = await Promise.all([`/proc/self/fd/${fd}`, '/proc/self/ns/net'].map(async (path) => await stat(path, { bigint: true }).catch(() => undefined)))
  return of !== undefined && String(of.ino) === inode && of.dev === nsfs?.dev
}

async function info (fd: string, key: string): Promise<string> {
  const text = await readFile(`/proc/self/fdinfo/${fd}`, 'utf8').catch(() => '')
  return new RegExp(`^${key}:(\\s+\\S+)$`, 'm').exec(text)?.[1]?.replace(/\s+/, ' ') ?? ''
}
