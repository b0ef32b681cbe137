/** What a link is like that was just made here: the measure for one that is to pass as new. */
import { readdir } from 'node:fs/promises'
import { Writer } from '../bytes/writer.js'
import { mapSlowly } from '../netlink/breathe.js'
import { dump, getEach } from '../netlink/call.js'
import { link, type LinkMessage } from '../netlink/rtnl/link.js'
import { ndtmsg, neighParms, neightbl, type NeighTable } from '../netlink/rtnl/neightbl.js'
import { makeSieve } from '../netlink/sieve.js'
import type { Transport } from '../netlink/transport.js'
import type { Buried } from './burial.js'
import { likeness } from './likeness.js'
import { readSysctls } from './sysctl.js'

export interface Pristine {
  readonly likeness: Buffer
  readonly message: LinkMessage
  /** Its IPv6 settings, by the names of the files; IPv4's are in the message, and can be set by one. */
  readonly ipv6: ReadonlyMap<string, string>
  /** How its neighbours are looked for, a table a family. */
  readonly neighbours: readonly NeighTable[]
}

const SETTINGS = '/proc/sys/net'
/** Cannot be read as long as it is not set, nor unset: see `launder`. */
const SECRET = 'stable_secret'

/** Reads a link that nobody has used: it must be down, but have been up. Throws KernelError. */
export async function readPristine (transport: Transport, netns: number, { index, name, kind }: Buried): Promise<Pristine> {
  const [answer] = await getEach(transport, [link.get({ index }, name)])
  const found = answer?.replies.find(({ type }) => type === link.types.new)
  if (found === undefined) throw answer?.error ?? new RangeError(`${name} is gone`)
  const tables = await dump(transport, neightbl.dump(), makeSieve(ndtmsg.size, [{ path: [neightbl.table.parms.number, neighParms.table.ifindex.number], width: 4, values: [exactly(index)] }]))
  const neighbours = (await mapSlowly(tables.filter(({ type }) => type === neightbl.types.new), neightbl.decode)).filter(({ parms }) => parms?.ifindex === index)
  return { likeness: likeness(found.payload, kind), message: link.decode(found), ipv6: await ipv6Settings(netns, name), neighbours }
}

function exactly (number: number): { readonly value: Uint8Array, readonly mask: Uint8Array } {
  const w = new Writer(4)
  w.u32(number)
  return { value: w.take(), mask: Uint8Array.of(0xff, 0xff, 0xff, 0xff) }
}

/** /proc/sys/net/ipv6/conf/NAME; empty where the link has no IPv6. Throws KernelError. */
export async function ipv6Settings (netns: number, name: string): Promise<ReadonlyMap<string, string>> {
  const names = (await settingNames('ipv6/conf')).filter((one) => one !== SECRET)
  const values = await readSysctls(netns, names.map((one) => ipv6Path(name, one)))
  return new Map(names.flatMap((one, i): [string, string][] => values[i] === undefined ? [] : [[one, values[i]]]))
}

export const ipv6Path = (name: string, setting: string): string => `${SETTINGS}/ipv6/conf/${name}/${setting}`

/** The same in every namespace of a kernel; without the family none. */
async function settingNames (directory: string): Promise<string[]> { return await readdir(`${SETTINGS}/${directory}/default`).catch(() => []) }

/** What new links of this namespace are given, as one text: where it changes, links that were made before are no longer as new ones. Without forwarding, which is switched for all links together. */
export async function newcomers (netns: number): Promise<string> {
  const directories = ['ipv4/conf', 'ipv6/conf', 'ipv4/neigh', 'ipv6/neigh']
  const paths = await Promise.all(directories.map(async (directory) => (await settingNames(directory)).filter((one) => one !== SECRET && one !== 'forwarding').map((one) => `${SETTINGS}/${directory}/default/${one}`)))
  return (await readSysctls(netns, [...paths.flat(), `${SETTINGS}/core/default_qdisc`])).join('\n')
}
