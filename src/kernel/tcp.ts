/** A TCP connection as the kernel sees it. Source: Documentation/networking/proc_net_tcp.rst; net/ipv4/tcp_ipv4.c, get_tcp4_sock(). */
import { hostOrder } from '../bytes/writer.js'
import { native } from '../netlink/native.js'
import { ipFromBytes } from '../values/ip.js'

/** Addresses in canonical text. */
export interface Connection { readonly local: string, readonly localPort: number, readonly remote: string, readonly remotePort: number }

export interface TcpState {
  readonly established: boolean
  /** Bytes that were sent and not acknowledged. */
  readonly unacknowledged: number
}

/** Of the thread that reads: the process's own is another namespace's. */
const FILES = ['/proc/thread-self/net/tcp', '/proc/thread-self/net/tcp6']
/** Bytes: some hundred thousand connections. */
const LIMIT = 32 << 20
const TCP_ESTABLISHED = 1

/** `ss -tn`: one connection in a namespace; undefined where there is none. Throws KernelError. */
export async function tcpState (netns: number, connection: Connection): Promise<TcpState | undefined> {
  for (const content of await native().filesRead(netns, FILES, LIMIT)) {
    const state = content === null ? undefined : find(content.toString('latin1'), connection)
    if (state !== undefined) return state
  }
  return undefined
}

/** One of a table's lines: `0: 0100007F:1F90 0200007F:9C40 01 00000000:00000000 …`. Exported for its test. */
export function find (table: string, { local, localPort, remote, remotePort }: Connection): TcpState | undefined {
  const ports = [localPort, remotePort].map((port) => port.toString(16).toUpperCase().padStart(4, '0'))
  for (const line of table.split('\n')) {
    const [, from = '', to = '', state = '', queues = ''] = line.trim().split(/\s+/)
    if (!from.endsWith(`:${ports[0] ?? ''}`) || !to.endsWith(`:${ports[1] ?? ''}`)) continue
    if (addressOf(from) !== local || addressOf(to) !== remote) continue
    return { established: Number.parseInt(state, 16) === TCP_ESTABLISHED, unacknowledged: Number.parseInt(queues, 16) }
  }
  return undefined
}

/** Words of 32 bits in the host's order; IPv4 in IPv6 is IPv4. */
function addressOf (text: string): string {
  const bytes = Buffer.from(text.slice(0, text.indexOf(':')), 'hex')
  if (hostOrder.little) bytes.swap32()
  const four = bytes.length === 16 && bytes.subarray(0, 12).equals(MAPPED) ? bytes.subarray(12) : bytes
  return ipFromBytes(four)
}

const MAPPED = Buffer.from('00000000000000000000ffff', 'hex')
