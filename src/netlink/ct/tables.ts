/** Every table and number of ctnetlink that is declared here, for scripts/check-uapi to prove against the kernel's headers. */
import type { Table } from '../attr.js'
import type { StructNames } from '../rtnl/tables.js'
import { entryTable, statsTable } from './entry.js'
import * as header from './header.js'

/** The headers that declare them. */
export const headers: readonly string[] = ['linux/netfilter/nfnetlink.h', 'linux/netfilter/nfnetlink_conntrack.h']

export const tables: Readonly<Record<string, Table>> = { 'ct entry': entryTable, 'ct stats': statsTable }
export const structs: readonly StructNames[] = []

/** Numbers by their names in C. */
export const constants: Readonly<Record<string, number>> = { ...header }
