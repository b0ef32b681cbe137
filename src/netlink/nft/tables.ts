/** Every table and struct of nf_tables with the headers that prove them, for scripts/check-uapi. */
import type { Struct } from '../../bytes/struct.js'
import type { Table } from '../attr.js'
import { chain, hook } from './chain.js'
import { data, verdict } from './data.js'
import { expr, expressions } from './expr.js'
import { gen } from './gen.js'
import { batchTable, nfgenmsg } from './header.js'
import { compat, rule } from './rule.js'
import { element, elements, set, setDescription, setField } from './set.js'
import { table } from './table.js'

const inside = Object.fromEntries(Object.entries(expressions).map(([name, codec]) => [`nft expression ${name}`, codec.table]))

export const uapi: { readonly includes: readonly string[], readonly tables: Readonly<Record<string, Table>>, readonly structs: readonly Struct<unknown>[] } = {
  includes: ['linux/netfilter.h', 'linux/netfilter/nfnetlink.h', 'linux/netfilter/nf_tables.h', 'linux/netfilter/nf_tables_compat.h'],
  tables: {
    'nft batch': batchTable, 'nft table': table.table, 'nft chain': chain.table, 'nft hook': hook.table, 'nft rule': rule.table, 'nft rule compat': compat.table,
    'nft set': set.table, 'nft set description': setDescription.table, 'nft set field': setField.table, 'nft element': element.table, 'nft elements': elements.table,
    'nft gen': gen.table, 'nft expression': expr.table, 'nft data': data.table, 'nft verdict': verdict.table, ...inside,
  },
  structs: [nfgenmsg],
}
