/** Tables. Source: include/uapi/linux/netfilter/nf_tables.h, NFTA_TABLE_*. */
import { be32, be64, string } from '../../bytes/codec.js'
import { attr } from '../attr.js'
import { nftObject } from './message.js'
import { userdata } from './userdata.js'

export const NFT_TABLE_F_DORMANT = 0x1
/** Every other socket gets EPERM, and the table dies with its socket: netwright never sets it. */
export const NFT_TABLE_F_OWNER = 0x2

/** `nft add table FAMILY NAME`. */
export const table = nftObject('TABLE', { new: 0, get: 1, del: 2 }, {
  name: attr('NFTA_TABLE_NAME', 1, string),
  flags: attr('NFTA_TABLE_FLAGS', 2, be32),
  use: attr('NFTA_TABLE_USE', 3, be32),
  handle: attr('NFTA_TABLE_HANDLE', 4, be64),
  userdata: attr('NFTA_TABLE_USERDATA', 6, userdata),
  owner: attr('NFTA_TABLE_OWNER', 7, be32),
}, ({ name }) => [name])
