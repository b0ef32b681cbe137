/** Values in registers, keys and elements, and verdicts. Source: include/uapi/linux/netfilter/nf_tables.h, NFTA_DATA_*, NFTA_VERDICT_*. */
import { be32, bytes, string } from '../../bytes/codec.js'
import { attr, nest } from '../attr.js'
import { word } from './word.js'

/** Verdicts: NF_* for a packet's fate, NFT_* (negative) for control flow. The upper half of `queue` is the queue's number. */
export const verdicts = {
  drop: 0, accept: 1, stolen: 2, queue: 3, repeat: 4,
  continue: 0xffffffff, break: 0xfffffffe, jump: 0xfffffffd, goto: 0xfffffffc, return: 0xfffffffb,
} as const
export const verdictCode = word(be32, verdicts)

/** A verdict: `accept`, `jump chain`. */
export const verdict = nest({
  code: attr('NFTA_VERDICT_CODE', 1, verdictCode),
  chain: attr('NFTA_VERDICT_CHAIN', 2, string),
  chainId: attr('NFTA_VERDICT_CHAIN_ID', 3, be32),
})

/** Either bytes or a verdict. */
export const data = nest({
  value: attr('NFTA_DATA_VALUE', 1, bytes),
  verdict: attr('NFTA_DATA_VERDICT', 2, verdict),
})

/**
 * The register that starts `offset` bytes into the register file of 64 bytes: NFT_REG_1 to NFT_REG_4 where it falls on
 * 16 bytes, else NFT_REG32_00 + offset / 4. The kernel reads registers back by the same rule. Throws RangeError on an offset that is none.
 */
export function register (offset: number): number {
  if (!Number.isInteger(offset) || offset < 0 || offset > 60 || offset % 4 !== 0) throw new RangeError(`${String(offset)} is no register's offset`)
  return offset % 16 === 0 ? 1 + offset / 16 : 8 + offset / 4
}
/** NFT_REG_VERDICT: where `immediate` puts a verdict. */
export const verdictRegister = 0
