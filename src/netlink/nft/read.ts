/** Reading back: `nft list table`, `nft list chains`, `nft list set`, decoded. */
import { mapSlowly } from '../breathe.js'
import { isErrno } from '../errno.js'
import { dump, get } from '../call.js'
import type { Transport } from '../transport.js'
import type { Message } from '../header.js'
import type { Request } from '../request.js'
import { chain } from './chain.js'
import { gen } from './gen.js'
import type { NfFamily } from './header.js'
import type { NftMessage, NftObject } from './message.js'
import { rule } from './rule.js'
import { elements, set } from './set.js'
import { table } from './table.js'
import type { Table } from '../attr.js'

export type NftTable = NftMessage<typeof table.table>
export type NftChain = NftMessage<typeof chain.table>
export type NftRule = NftMessage<typeof rule.table>
export type NftSet = NftMessage<typeof set.table>
export type NftElement = NonNullable<NftMessage<typeof elements.table>['elements']>[number]

/** Which table: family and name. */
export interface TableKey { readonly family: NfFamily, readonly table: string }

async function one<T extends Table> (transport: Transport, object: NftObject<T>, request: Request): Promise<NftMessage<T> | undefined> {
  let found: Message[]
  try { found = await get(transport, request) } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
  const [first] = found
  return first === undefined ? undefined : object.decode(first)
}

async function all<T extends Table> (transport: Transport, object: NftObject<T>, request: Request): Promise<NftMessage<T>[]> {
  return await mapSlowly(await dump(transport, request), (message) => object.decode(message))
}

/** A table, undefined where there is none. Throws KernelError, NETWRIGHT_UNKNOWN_OUTCOME. */
export async function getTable (transport: Transport, { family, table: name }: TableKey): Promise<NftTable | undefined> {
  return one(transport, table, table.get({ family, name }))
}

/** Every table of a family, or of all. `nft list tables`. */
export async function listTables (transport: Transport, family: NfFamily = 'unspec'): Promise<NftTable[]> {
  return all(transport, table, table.dump({ family }))
}

/** The chains of a table, or of every table where none is given. `nft list chains`. */
export async function listChains (transport: Transport, key?: TableKey): Promise<NftChain[]> {
  const found = await all(transport, chain, chain.dump(key === undefined ? {} : { family: key.family }))
  // The kernel does not narrow a dump of chains by table.
  return key === undefined ? found : found.filter((item) => item.table === key.table)
}

/** The rules of a table or one of its chains in order, or of every table where none is given. */
export async function listRules (transport: Transport, key?: TableKey & { readonly chain?: string }): Promise<NftRule[]> {
  if (key === undefined) return all(transport, rule, rule.dump({}))
  const { family, table: name, chain: of } = key
  return all(transport, rule, rule.dump({ family, table: name, ...(of === undefined ? {} : { chain: of }) }))
}

/** The sets and maps of a table, anonymous ones included. `nft list sets`. */
export async function listSets (transport: Transport, { family, table: name }: TableKey): Promise<NftSet[]> {
  return all(transport, set, set.dump({ family, table: name }))
}

/** The elements of a set or map. Throws KernelError ENOENT where there is no such set. `nft list set`. */
export async function listElements (transport: Transport, key: TableKey & { readonly set: string }): Promise<NftElement[]> {
  const found = await all(transport, elements, elements.dump({ family: key.family, table: key.table, set: key.set }))
  return found.flatMap((message) => message.elements ?? [])
}

/** The ruleset's generation, for `nftBatch`'s `genid`; it counts everybody's commits. */
export async function readGeneration (transport: Transport): Promise<number> {
  return (await one(transport, gen, gen.get({})))?.id ?? 0
}
