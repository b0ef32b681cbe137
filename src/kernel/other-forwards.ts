/** Forwarded ports of other owners: the maps of their tables. Only read when ports of ours come. */
import { isErrno } from '../netlink/errno.js'
import { listTables } from '../netlink/nft/read.js'
import type { Transport } from '../netlink/transport.js'
import { readSet } from './ruleset.js'

/** A port that somebody's table forwards. `address` is undefined for all. */
export interface OtherForward { readonly table: string, readonly proto: 'tcp' | 'udp' | 'sctp', readonly family: 4 | 6, readonly address: string | undefined, readonly port: number }

const maps = ['dnat4', 'dnat6', 'dnatall4', 'dnatall6'] as const
const protocols: Readonly<Record<number, OtherForward['proto']>> = { 6: 'tcp', 17: 'udp', 132: 'sctp' }

/** Of every table that is called as ours are, but for `own`. Throws KernelError. */
export async function readOtherForwards (transport: Transport, own: string): Promise<OtherForward[]> {
  const tables = (await listTables(transport, 'inet')).flatMap(({ name = '' }) => name !== own && (name === 'netwright' || name.startsWith('netwright-')) ? [name] : [])
  const found: OtherForward[] = []
  for (const table of tables) for (const map of maps) {
    try {
      for (const { key } of await readSet(transport, table, map)) {
        const [protocol, port] = key.slice(-2).map(Number)
        const proto = protocols[protocol ?? 0]
        if (proto !== undefined && port !== undefined) found.push({ table, proto, family: map.endsWith('6') ? 6 : 4, address: key.length > 2 ? String(key[0]) : undefined, port })
      }
    } catch (error) { if (!isErrno(error, 'ENOENT')) throw error } // the guard, or a table of another version
  }
  return found
}
