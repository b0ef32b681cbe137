/** header + table -> create, replace, change, remove, get, dump, decode: one declaration for a whole rtnetlink family. */
import type { Struct } from '../bytes/struct.js'
import { Writer } from '../bytes/writer.js'
import { DecodeError } from '../errors.js'
import { decodeTable, encodeTable, type Table, type TableValue } from './attr.js'
import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE, type Message } from './header.js'
import type { Request } from './request.js'

/** A decoded (or to be encoded) message: the struct's members and the attributes in one plain object. A name that is in both is the attribute's. */
export type MessageOf<H, T extends Table> = Partial<Omit<H, keyof T>> & TableValue<T>

export interface Family<H, T extends Table> {
  /** `LINK`, as in RTM_NEWLINK. */
  readonly name: string
  readonly types: { readonly new: number, readonly del: number, readonly get: number }
  readonly header: Struct<H>
  readonly table: T
  /** NEW with CREATE and EXCL: never changes what is there. */
  create (message: MessageOf<H, T>, object: string): Request
  /** NEW with CREATE and REPLACE. Only for objects whose key the caller owns. */
  replace (message: MessageOf<H, T>, object: string): Request
  /** NEW without CREATE: changes what is there, never creates. */
  change (message: MessageOf<H, T>, object: string): Request
  remove (message: MessageOf<H, T>, object: string): Request
  get (message: MessageOf<H, T>, object: string): Request
  dump (filter?: MessageOf<H, T>): Request
  /** A NEW or DEL message. Throws DecodeError. */
  decode (message: Pick<Message, 'type' | 'payload'>): MessageOf<H, T>
}

/**
 * Declares a family. `prefix` is `RTM` for rtnetlink.
 * `guard` refuses messages that must never be sent (a link change without index or name would hit a whole group).
 */
export function family<H extends object, T extends Table> (name: string, types: { new: number, del: number, get: number }, header: Struct<H>, table: T, guard: (verb: 'create' | 'replace' | 'change' | 'remove' | 'get', message: MessageOf<H, T>) => void = () => undefined): Family<H, T> {
  const request = (verb: 'NEW' | 'DEL' | 'GET', flags: number, message: MessageOf<H, T>, object: string): Request => {
    const w = new Writer(128)
    header.encodePartial(w, message as Partial<H>)
    w.align()
    encodeTable(table, w, message)
    const type = verb === 'NEW' ? types.new : verb === 'DEL' ? types.del : types.get
    return { type, flags, body: w.take(), name: `RTM_${verb}${name}`, object, shape: { header: (header.size + 3) & ~3, table } }
  }
  return {
    name, types, header, table,
    create: (message, object) => { guard('create', message); return request('NEW', NLM_F_CREATE | NLM_F_EXCL, message, object) },
    replace: (message, object) => { guard('replace', message); return request('NEW', NLM_F_CREATE | NLM_F_REPLACE, message, object) },
    change: (message, object) => { guard('change', message); return request('NEW', 0, message, object) },
    remove: (message, object) => { guard('remove', message); return request('DEL', 0, message, object) },
    get: (message, object) => { guard('get', message); return request('GET', 0, message, object) },
    dump: (filter = {}) => request('GET', NLM_F_DUMP, filter, 'dump'),
    decode: ({ type, payload }) => {
      if (type !== types.new && type !== types.del) throw new DecodeError(`RTM_*${name}`, `unexpected message type ${String(type)}`)
      try {
        return decodeTable(table, payload.subarray((header.size + 3) & ~3), header.decode(payload)) as MessageOf<H, T>
      } catch (error) {
        throw error instanceof DecodeError ? new DecodeError(`RTM_${type === types.new ? 'NEW' : 'DEL'}${name}.${error.path}`, error.reason) : error
      }
    },
  }
}
