/** Sets, maps, verdict maps and their elements. Source: include/uapi/linux/netfilter/nf_tables.h, NFTA_SET_*. */
import { be32, be64, string } from '../../bytes/codec.js'
import { attr, list, nest } from '../attr.js'
import { data } from './data.js'
import { expr } from './expr.js'
import { nftObject } from './message.js'
import { userdata } from './userdata.js'

/** enum nft_set_flags. */
export const setFlags = { anonymous: 0x1, constant: 0x2, interval: 0x4, map: 0x8, timeout: 0x10, eval: 0x20, object: 0x40, concat: 0x80, expr: 0x100 } as const
/** enum nft_set_elem_flags. */
export const elementFlags = { intervalEnd: 0x1, catchall: 0x2 } as const
/** NFT_DATA_VERDICT: the data type of a verdict map. */
export const verdictDataType = 0xffffff00

/** One field of a concatenation: its length in bytes, before padding. */
export const setField = nest({ length: attr('NFTA_SET_FIELD_LEN', 1, be32) })

/** How many elements to expect, and the fields of an interval concatenation. */
export const setDescription = nest({
  size: attr('NFTA_SET_DESC_SIZE', 1, be32),
  concat: attr('NFTA_SET_DESC_CONCAT', 2, list('NFTA_LIST_ELEM', 1, setField)),
})

/** `nft add set FAMILY TABLE NAME { type …; }`, `nft add map …`. Lengths are bytes, times milliseconds. */
export const set = nftObject('SET', { new: 9, get: 10, del: 11 }, {
  table: attr('NFTA_SET_TABLE', 1, string),
  name: attr('NFTA_SET_NAME', 2, string),
  flags: attr('NFTA_SET_FLAGS', 3, be32),
  keyType: attr('NFTA_SET_KEY_TYPE', 4, be32),
  keyLength: attr('NFTA_SET_KEY_LEN', 5, be32),
  dataType: attr('NFTA_SET_DATA_TYPE', 6, be32),
  dataLength: attr('NFTA_SET_DATA_LEN', 7, be32),
  policy: attr('NFTA_SET_POLICY', 8, be32),
  description: attr('NFTA_SET_DESC', 9, setDescription),
  id: attr('NFTA_SET_ID', 10, be32),
  timeoutMs: attr('NFTA_SET_TIMEOUT', 11, be64),
  gcIntervalMs: attr('NFTA_SET_GC_INTERVAL', 12, be32),
  userdata: attr('NFTA_SET_USERDATA', 13, userdata),
  objectType: attr('NFTA_SET_OBJ_TYPE', 15, be32),
  handle: attr('NFTA_SET_HANDLE', 16, be64),
  expr: attr('NFTA_SET_EXPR', 17, expr),
  expressions: attr('NFTA_SET_EXPRESSIONS', 18, list('NFTA_LIST_ELEM', 1, expr)),
}, ({ table, name }) => [table, name])

/** One element. An interval of a plain set is two elements, the second with `intervalEnd`; of a concatenation one with `keyEnd` (inclusive). */
export const element = nest({
  key: attr('NFTA_SET_ELEM_KEY', 1, data),
  data: attr('NFTA_SET_ELEM_DATA', 2, data),
  flags: attr('NFTA_SET_ELEM_FLAGS', 3, be32),
  timeoutMs: attr('NFTA_SET_ELEM_TIMEOUT', 4, be64),
  expirationMs: attr('NFTA_SET_ELEM_EXPIRATION', 5, be64),
  userdata: attr('NFTA_SET_ELEM_USERDATA', 6, userdata),
  expr: attr('NFTA_SET_ELEM_EXPR', 7, expr),
  objectReference: attr('NFTA_SET_ELEM_OBJREF', 9, string),
  keyEnd: attr('NFTA_SET_ELEM_KEY_END', 10, data),
  expressions: attr('NFTA_SET_ELEM_EXPRESSIONS', 11, list('NFTA_LIST_ELEM', 1, expr)),
})

/** `nft add element FAMILY TABLE SET { … }`. */
export const elements = nftObject('SETELEM', { new: 12, get: 13, del: 14 }, {
  table: attr('NFTA_SET_ELEM_LIST_TABLE', 1, string),
  set: attr('NFTA_SET_ELEM_LIST_SET', 2, string),
  elements: attr('NFTA_SET_ELEM_LIST_ELEMENTS', 3, list('NFTA_LIST_ELEM', 1, element)),
  setId: attr('NFTA_SET_ELEM_LIST_SET_ID', 4, be32),
}, ({ table, set }) => [table, set])
