/** The messages of test/fixtures/nft-*.hex: what nft(8) sends, captured by `nft --debug=mnl`. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { walk } from '../../../src/netlink/attr.js'
import { chain, elements, rule, set, table } from '../../../src/netlink/nft/index.js'

export interface Sent { readonly verb: string, readonly type: number, readonly payload: Buffer }

const kinds = { NEWTABLE: [0xa00, table.decode], NEWCHAIN: [0xa03, chain.decode], NEWRULE: [0xa06, rule.decode], NEWSET: [0xa09, set.decode], NEWSETELEM: [0xa0c, elements.decode] } as const

/** Decodes a message of any of the kinds above. */
export function decode (message: { readonly type: number, readonly payload: Buffer }): object {
  const kind = Object.values(kinds).find(([type]) => type === message.type)
  if (kind === undefined) throw new Error(`no decoder for message type ${String(message.type)}`)
  return kind[1](message)
}

/** Reads a fixture: `# NFT_MSG_NEWRULE`, then the body in hex. */
export async function fixture (name: string): Promise<Sent[]> {
  const text = await readFile(fileURLToPath(new URL(`../../../../test/fixtures/${name}`, import.meta.url)), 'utf8')
  return text.split('# NFT_MSG_').slice(1).map((part) => {
    const end = part.indexOf('\n')
    const found = Object.entries(kinds).find(([verb]) => verb === part.slice(0, end))
    if (found === undefined) throw new Error(`${part.slice(0, end)} in ${name}`)
    const payload = Buffer.from(part.slice(end).replace(/\s/g, ''), 'hex')
    if (found[0] === 'NEWSETELEM') numberAlike(payload)
    return { verb: found[0], type: found[1][0], payload }
  })
}

/** libnftnl counts the elements of a list up; the kernel does not look and itself sends NFTA_LIST_ELEM for each. */
function numberAlike (payload: Buffer): void {
  const top = payload.subarray(4)
  for (const { type, offset: start, payload: list } of walk(top)) {
    if (type !== 3) continue
    for (const { offset } of walk(list)) top.writeUInt16LE(0x8001, start + 4 + offset + 2)
  }
}
