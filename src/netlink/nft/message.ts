/** header + table -> create, change, remove, get, dump, decode: one declaration for each object of nf_tables. */
import { Writer } from '../../bytes/writer.js'
import { DecodeError } from '../../errors.js'
import { decodeTable, encodeTable, type Table, type TableValue } from '../attr.js'
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, type Message } from '../header.js'
import type { Request } from '../request.js'
import { NFNL_SUBSYS_NFTABLES, nfFamily, nfgenmsg, type NfFamily } from './header.js'

/** A decoded (or to be encoded) message: the family of the header and the attributes in one plain object. */
export type NftMessage<T extends Table> = { family?: NfFamily } & TableValue<T>

export interface NftObject<T extends Table> {
  /** `CHAIN`, as in NFT_MSG_NEWCHAIN. */
  readonly name: string
  readonly types: { readonly new: number, readonly get: number, readonly del: number }
  readonly table: T
  /** NEW with CREATE and EXCL: EEXIST where it is there already. `nft create …`. */
  create (message: NftMessage<T>): Request
  /** NEW with CREATE: also succeeds where it is there. `nft add …`; a rule goes to the end of its chain. */
  add (message: NftMessage<T>): Request
  /** `nft delete …`. */
  remove (message: NftMessage<T>): Request
  get (message: NftMessage<T>): Request
  /** What the filter names narrows the answer where the kernel can: family, table, chain or set. `{}` is everything of every family. */
  dump (filter: NftMessage<T>): Request
  /** A NEW or DEL message. Throws DecodeError with the attribute's path. */
  readonly decode: (message: Pick<Message, 'type' | 'payload'>) => NftMessage<T>
}

/** The kernel's own name for a message, and the family as nft writes it, make an error readable. */
const words = (message: { readonly family?: NfFamily }, named: readonly (string | undefined)[]): string =>
  [message.family ?? 'unspec', ...named].filter((part) => part !== undefined).join(' ')

/** Declares an object. `named` picks the parts that name it, outermost first: table, chain. */
export function nftObject<T extends Table> (name: string, types: { new: number, get: number, del: number }, table: T, named: (message: NftMessage<T>) => readonly (string | undefined)[]): NftObject<T> {
  const request = (verb: 'NEW' | 'GET' | 'DEL', flags: number, message: NftMessage<T>): Request => {
    const type = verb === 'NEW' ? types.new : verb === 'GET' ? types.get : types.del
    const w = new Writer(256)
    putHeader(w, message.family ?? 'unspec')
    encodeTable(table, w, message)
    return { type: NFNL_SUBSYS_NFTABLES << 8 | type, flags, body: w.take(), name: `NFT_MSG_${verb}${name}`, object: words(message, named(message)), shape: { header: nfgenmsg.size, table } }
  }
  return {
    name, types, table,
    create: (message) => request('NEW', NLM_F_CREATE | NLM_F_EXCL, message),
    add: (message) => request('NEW', NLM_F_CREATE | NLM_F_APPEND, message),
    remove: (message) => request('DEL', 0, message),
    get: (message) => request('GET', 0, message),
    dump: (filter) => request('GET', NLM_F_DUMP, filter),
    decode: ({ type, payload }) => {
      const verb = type === (NFNL_SUBSYS_NFTABLES << 8 | types.new) ? 'NEW' : type === (NFNL_SUBSYS_NFTABLES << 8 | types.del) ? 'DEL' : undefined
      if (verb === undefined) throw new DecodeError(`NFT_MSG_*${name}`, `unexpected message type ${String(type)}`)
      try {
        const family = nfFamily.decode(payload.subarray(0, 1))
        return Object.assign(decodeTable(table, payload.subarray(nfgenmsg.size)), { family })
      } catch (error) {
        throw error instanceof DecodeError ? new DecodeError(`NFT_MSG_${verb}${name}.${error.path}`, error.reason) : error
      }
    },
  }
}

/** struct nfgenmsg: family, version 0, no resource. */
export function putHeader (w: Writer, family: NfFamily, resource = 0): void {
  nfFamily.encode(w, family)
  w.u8(0)
  w.be16(resource)
}
