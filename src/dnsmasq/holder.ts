/** Who holds a port: `ss -lnptu 'sport = :53'`. Only looked for when dnsmasq could not have it. */
import { readdir, readFile, readlink } from 'node:fs/promises'
import { basename } from 'node:path'
import { native } from '../netlink/native.js'
import { ipFromBytes, ipToBytes, parseIp, type Ip } from '../values/ip.js'

/** A socket that is bound to a port. */
export interface BoundSocket { readonly protocol: 'udp' | 'tcp', readonly address: Ip, readonly port: number, readonly inode: string }

const tables = ['udp', 'udp6', 'tcp', 'tcp6'] as const
/** TCP_LISTEN in include/net/tcp_states.h, as /proc/net/tcp prints it. */
const LISTEN = '0A'
/** A host with this many sockets in one table has other worries; the search stops there. */
const LIMIT = 4 * 1024 * 1024

/** `0100007F:0035`: each 32-bit word in the host's byte order. Source: net/ipv4/udp.c, udp4_format_sock(). */
function boundAt (text: string): { address: Ip, port: number } | undefined {
  const match = /^((?:[0-9A-F]{8}){1,4}):([0-9A-F]{4})$/.exec(text)
  if (match?.[1] === undefined || match[2] === undefined) return undefined
  const bytes = Buffer.from(match[1], 'hex')
  if (bytes.length !== 4 && bytes.length !== 16) return undefined
  return { address: ipFromBytes(littleEndian ? bytes.swap32() : bytes), port: Number.parseInt(match[2], 16) }
}
const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** Reads one of /proc/net/{udp,udp6,tcp,tcp6}; of TCP only those that listen. */
export function parseSockets (text: string, protocol: 'udp' | 'tcp'): BoundSocket[] {
  return text.split('\n').slice(1).flatMap((line) => {
    const columns = line.trim().split(/\s+/)
    const place = boundAt(columns[1] ?? '')
    const inode = columns[9]
    return place === undefined || inode === undefined || (protocol === 'tcp' && columns[3] !== LISTEN) ? [] : [{ protocol, ...place, inode }]
  })
}

/** 0.0.0.0 or ::. */
export const isAny = (address: Ip): boolean => ipToBytes(address).every((byte) => byte === 0)

/**
 * The processes that keep `port` of `netns` from being bound at `address` (undefined: at any): `systemd-resolve (pid 412)`.
 * Empty where they cannot be seen.
 */
export async function holders (netns: number, port: number, address?: string): Promise<string[]> {
  const wanted = address === undefined ? undefined : parseIp(address)
  return await ownersOf((await boundSockets(netns)).filter((socket) => socket.port === port && (wanted === undefined || socket.address === wanted || isAny(socket.address))))
}

/** Every socket of `netns` that is bound to a port: of TCP those that listen, of UDP all. `ss -lntu`. */
export async function boundSockets (netns: number): Promise<BoundSocket[]> {
  const texts = await native().filesRead(netns, tables.map((table) => `/proc/thread-self/net/${table}`), LIMIT)
  return texts.flatMap((text, index) => parseSockets(text?.toString('latin1') ?? '', (tables[index] ?? 'udp').startsWith('udp') ? 'udp' : 'tcp'))
}

/** The processes that have these sockets: `systemd-resolve (pid 412)`. `ss -p`. */
export async function ownersOf (sockets: readonly BoundSocket[]): Promise<string[]> {
  const links = new Set(sockets.map(({ inode }) => `socket:[${inode}]`))
  if (links.size === 0) return []
  const found: string[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const fds = await readdir(`/proc/${pid}/fd`).catch(() => []) // gone meanwhile, or not ours to see
    for (const fd of fds) {
      if (!links.has(await readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''))) continue
      found.push(`${(await nameOf(pid)).replaceAll(/[^\x20-\x7e]/g, '?')} (pid ${pid})`)
      break
    }
  }
  return found
}

/** A program may be started under any name. */
const LONGEST = 100

/** What a process calls itself; its program where that is only a thread: Node's main one is `MainThread` since 24, later `node-MainThread`. */
async function nameOf (pid: string): Promise<string> {
  const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')).trim()
  if (!name.endsWith('MainThread')) return name
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return basename(line.split('\0', 1)[0] ?? '').slice(0, LONGEST) || name
}
