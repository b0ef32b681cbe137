/**
 * `netwright/nft`: nf_tables over any Transport.
 *
 *     await nftBatch(transport, [table.create({ family: 'inet', name: 'demo' }), chain.create({ family: 'inet', table: 'demo', name: 'c' })])
 */
export { nftBatch, type BatchOptions } from './batch.js'
export { chain, hook } from './chain.js'
export { data, register, verdict as verdictCodec, verdictRegister, verdicts } from './data.js'
export { packFields, typeLength, typeNumber, typeUserdata, unpackFields, type DataTypeName, type Fields, type FieldValue } from './datatype.js'
export { expr, expressions, isExpr, makeExpr, type Expr, type ExprName, type ExprOf } from './expr.js'
export { ctDirections, ctKeys, ctStates, ctStatus } from './expr/ct.js'
export { foreignBaseChains, type BaseChain } from './foreign.js'
export { gen } from './gen.js'
export { families, hooks, NFNLGRP_NFTABLES, type NfFamily } from './header.js'
export type { NftMessage, NftObject } from './message.js'
export { getTable, listChains, listElements, listRules, listSets, listTables, readGeneration } from './read.js'
export type { NftChain, NftElement, NftRule, NftSet, NftTable, TableKey } from './read.js'
export { rule } from './rule.js'
export { elementFlags, elements, set, setFlags, verdictDataType } from './set.js'
export { anyBit, compare, counter, ct, fib, lookup, masquerade, meta, nat, payload, reject, verdict } from './statement.js'
export { table } from './table.js'
export { byteorder, comment, commentOf, setCommentType, type Userdatum } from './userdata.js'
