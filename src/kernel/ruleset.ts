/**
 * Netwright's firewall: one `inet` table of constant shape. Networks come and go as elements of its sets and maps.
 * The rules are in rules.ts; who belongs into which set is for network/firewall.ts to say.
 */
import type { Request } from '../netlink/request.js'
import type { Transport } from '../netlink/transport.js'
import { mapSlowly } from '../netlink/breathe.js'
import { chain } from '../netlink/nft/chain.js'
import { packFields, typeLength, typeNumber, typeUserdata, unpackFields, type Fields } from '../netlink/nft/datatype.js'
import { hooks } from '../netlink/nft/header.js'
import { getTable, listChains, listElements, listRules, listSets, type NftChain, type NftElement, type NftRule, type NftSet, type NftTable } from '../netlink/nft/read.js'
import { rule } from '../netlink/nft/rule.js'
import { elements, set, setFlags, verdictDataType } from '../netlink/nft/set.js'
import { table } from '../netlink/nft/table.js'
import { byteorder, comment, commentOf, setDataByteorderType } from '../netlink/nft/userdata.js'
import type { MemberObject } from './object.js'
import { chains, type Hooked, type Plain } from './rules.js'

/** One element of a set or map: names of interfaces, addresses in canonical text, numbers of families, protocols and ports. */
export type Membership = Pick<MemberObject, 'set' | 'key' | 'data'>

/** `verdict`: a map of chains. */
interface SetShape { readonly key: Fields, readonly value?: Fields | 'verdict' }

const names: SetShape = { key: ['ifname'] }
const pairs: SetShape = { key: ['ifname', 'ifname'] }

const sets = {
  /** bridge . itself: frames that stay inside. */
  same: pairs,
  /** Every bridge of ours. */
  ours: names,
  /** The source must be routed back: nat, route, isolated. */
  rpf: names,
  /** May send out, anywhere. */
  out: names,
  /** bridge . device: may send out through that device only. */
  outdev: pairs,
  /** Forwarded ports may come in. */
  indnat: names,
  /** Replies may come in, from anywhere. */
  est: names,
  /** device . bridge: replies may come in from that device only. */
  estdev: pairs,
  /** Anything may come in. */
  inall: names,
  /** device . bridge: anything may come in from that device. */
  indev: pairs,
  /** bridge . bridge: guests of the one may begin to talk with guests of the other. */
  peers: pairs,
  /** The same the other way round: answers pass. */
  answers: pairs,
  /** Networks with rules of their own: bridge : its chain. */
  inrules: { key: ['ifname'], value: 'verdict' },
  outrules: { key: ['ifname'], value: 'verdict' },
  /** Guests do not reach the host … */
  nohost: names,
  /** … but by bridge . protocol, and bridge . protocol . port. */
  hostproto: { key: ['ifname', 'inet_proto'] },
  hostports: { key: ['ifname', 'inet_proto', 'inet_service'] },
  /** IPv4 and IPv6 from that bridge leave with the host's address. */
  masq4: names,
  masq6: names,
  /** bridge : source address to leave with, instead of the device's. */
  snat4: { key: ['ifname'], value: ['ipv4_addr'] },
  /** address . protocol . port : guest's address . port. */
  dnat4: { key: ['ipv4_addr', 'inet_proto', 'inet_service'], value: ['ipv4_addr', 'inet_service'] },
  dnat6: { key: ['ipv6_addr', 'inet_proto', 'inet_service'], value: ['ipv6_addr', 'inet_service'] },
  /** protocol . port of whichever address of the host : guest's address . port. */
  dnatall4: { key: ['inet_proto', 'inet_service'], value: ['ipv4_addr', 'inet_service'] },
  dnatall6: { key: ['inet_proto', 'inet_service'], value: ['ipv6_addr', 'inet_service'] },
  /** guest's address . protocol . port: a forwarded port that guests of other networks may use too. */
  dnatnet4: { key: ['ipv4_addr', 'inet_proto', 'inet_service'] },
  dnatnet6: { key: ['ipv6_addr', 'inet_proto', 'inet_service'] },
  /** bridge . its gateway's address. */
  gate4: { key: ['ifname', 'ipv4_addr'] },
  gate6: { key: ['ifname', 'ipv6_addr'] },
  /** Every gateway's address. */
  gw4: { key: ['ipv4_addr'] },
  gw6: { key: ['ipv6_addr'] },
} as const satisfies Readonly<Record<string, SetShape>>

/** The sets and maps that networks are elements of. */
export type SetName = keyof typeof sets
/** All of them, in the table's order. */
export const setNames: readonly SetName[] = ['same', 'ours', 'rpf', 'out', 'outdev', 'indnat', 'est', 'estdev', 'inall', 'indev', 'peers', 'answers', 'inrules', 'outrules', 'nohost', 'hostproto', 'hostports', 'masq4', 'masq6', 'snat4', 'dnat4', 'dnat6', 'dnatall4', 'dnatall6', 'dnatnet4', 'dnatnet6', 'gate4', 'gate6', 'gw4', 'gw6']

/** What a gateway answers to its own bridge only: constant, so no member. */
const services: SetShape & { readonly elements: readonly (readonly (string | number)[])[] } = {
  key: ['nf_proto', 'inet_proto', 'inet_service'],
  elements: [
    ['ipv4', 'tcp', 53], ['ipv4', 'udp', 53], ['ipv4', 'udp', 67], ['ipv4', 'udp', 69],
    ['ipv6', 'tcp', 53], ['ipv6', 'udp', 53], ['ipv6', 'udp', 69], ['ipv6', 'udp', 547],
  ],
}

const family = 'inet'
/** Changes when sets, chains or rules do; written into the table's comment. */
const shape = 'netwright, shape 3'

/** The table of an owner: `netwright`, else `netwright-OWNER`. */
export function tableName (owner: string): string { return owner === 'system' ? 'netwright' : `netwright-${owner}` }

/** The whole table, without members. EEXIST where a table of that name is there. `nft -f ruleset.nft`. */
export function createRuleset (name: string): Request[] {
  return [
    table.create({ family, name, flags: 0, userdata: [comment(shape)] }),
    ...chains.map((hooked) => createChain(name, hooked)),
    ...setNames.map((item, index) => createSet(name, item, sets[item], index + 1)),
    createSet(name, 'services', services, setNames.length + 1),
    elements.create({ family, table: name, set: 'services', elements: services.elements.map((key) => ({ key: { value: packFields(services.key, key) } })) }),
    ...chains.flatMap((hooked) => hooked.rules.map((expressions) => rule.add({ family, table: name, chain: hooked.name, expressions }))),
  ]
}

/** The table and all that is in it. ENOENT where there is none. `nft delete table inet NAME`. */
export function deleteRuleset (name: string): Request[] { return [table.remove({ family, name })] }

function createChain (name: string, wanted: Hooked | Plain): Request {
  if (!('hook' in wanted)) return chain.create({ family, table: name, name: wanted.name })
  const { name: of, type, hook, priority } = wanted
  return chain.create({ family, table: name, name: of, type, policy: 'accept', hook: { number: hooks[hook], priority } })
}

/** NFTA_SET_DATA_TYPE and NFTA_SET_DATA_LEN; of verdicts the kernel knows the length. */
function dataOf (value: SetShape['value']): { readonly dataType?: number, readonly dataLength?: number } {
  return value === undefined ? {} : value === 'verdict' ? { dataType: verdictDataType, dataLength: 0 } : { dataType: typeNumber(value), dataLength: typeLength(value) }
}

function createSet (name: string, of: string, { key, value }: SetShape, id: number): Request {
  return set.create({
    family, table: name, name: of, flags: value === undefined ? 0 : setFlags.map, keyType: typeNumber(key), keyLength: typeLength(key),
    ...dataOf(value),
    // NFTA_SET_ID tells sets of one batch apart; the kernel wants it even for a named set.
    id, userdata: value === 'verdict' ? [...typeUserdata(key), byteorder(setDataByteorderType, 'mixed')] : typeUserdata(key, value),
  })
}

/** One request a set (more where it would not fit), with EXCL: a member that is there already is EEXIST. `nft create element …`. */
export function addMembers (name: string, members: readonly Membership[]): Request[] {
  return grouped(members).map(([of, part]) => elements.create({ family, table: name, set: of, elements: part.map((member) => pack(of, member)) }))
}

/** The reverse. A member that is not there is ENOENT, and the whole batch is refused. `nft delete element …`. */
export function removeMembers (name: string, members: readonly Membership[]): Request[] {
  return grouped(members).map(([of, part]) => elements.remove({ family, table: name, set: of, elements: part.map(({ key }) => ({ key: { value: packFields(sets[of].key, key) } })) }))
}

/** An attribute holds 65,535 bytes, and an element at most about 120. */
const CHUNK = 400

function grouped (members: readonly Membership[]): [SetName, readonly Membership[]][] {
  const bySet = new Map<SetName, Membership[]>(setNames.map((of) => [of, []]))
  for (const member of members) {
    if (!isSetName(member.set)) throw new RangeError(`${member.set} is no set of netwright's table`)
    bySet.get(member.set)?.push(member)
  }
  return [...bySet].flatMap(([of, own]) => Array.from({ length: Math.ceil(own.length / CHUNK) }, (_, i): [SetName, readonly Membership[]] => [of, own.slice(i * CHUNK, (i + 1) * CHUNK)]))
}

const isSetName = (text: string): text is SetName => Object.hasOwn(sets, text)

function pack (of: SetName, { key, data }: Membership): NftElement {
  const { key: fields, value }: SetShape = sets[of]
  if (data !== undefined && value === undefined) throw new RangeError(`${of} is a set, its elements have no data`)
  if (value === undefined) return { key: { value: packFields(fields, key) } }
  if (data === undefined) throw new RangeError(`${of} is a map, each element needs data`)
  return { key: { value: packFields(fields, key) }, data: value === 'verdict' ? { verdict: verdictOf(data) } : { value: packFields(value, data) } }
}

/** `jump CHAIN`, `goto CHAIN`. */
function verdictOf ([code, to]: NonNullable<Membership['data']>): { readonly code: 'jump' | 'goto', readonly chain: string } {
  if (code !== 'jump' && code !== 'goto') throw new RangeError(`${String(code)} is no way to a chain`)
  return { code, chain: String(to) }
}

/** Equal for members of the same set with the same key, however the key is spelled: to compare what is wanted with what was read. Throws RangeError. */
export function memberKey (member: Membership): string {
  if (!isSetName(member.set)) throw new RangeError(`${member.set} is no set of netwright's table`)
  return `${member.set} ${packFields(sets[member.set].key, member.key).toString('hex')}`
}

/** Whether a table was made by a netwright whose tables are as ours. */
export function isOfOurShape ({ userdata }: Pick<NftTable, 'userdata'>): boolean { return commentOf(userdata) === shape }

/** Every member of every set that is there, as `nft list table` shows them: a table that an earlier netwright made has fewer. Throws KernelError ENOENT where the table is missing. */
export async function readMembers (transport: Transport, name: string): Promise<Membership[]> {
  const there = new Set((await listSets(transport, { family, table: name })).map((one) => one.name))
  const found: Membership[] = []
  for (const of of setNames) if (there.has(of)) found.push(...await readSet(transport, name, of))
  return found
}

/** The members of one set. Throws KernelError ENOENT where it or the table is missing. */
export async function readSet (transport: Transport, name: string, of: SetName): Promise<Membership[]> {
  const { key, value }: SetShape = sets[of]
  return await mapSlowly(await listElements(transport, { family, table: name, set: of }), (element) => {
    const keys = unpackFields(key, element.key?.value ?? new Uint8Array())
    return value === undefined ? { set: of, key: keys } : { set: of, key: keys, data: value === 'verdict' ? [element.data?.verdict?.code ?? '', element.data?.verdict?.chain ?? ''] : unpackFields(value, element.data?.value ?? new Uint8Array()) }
  })
}

/** Whether the table is as `createRuleset` made it. */
export interface RulesetState {
  readonly exists: boolean
  /** What is missing or different, in words: `chain forward`, `rule 3 of chain forward`, `set same`. Empty where it is intact. */
  readonly faults: readonly string[]
}

/** Compares the table with the one `createRuleset` would make; members do not count. To repair, commit `deleteRuleset`, `createRuleset` and `addMembers` in one batch. */
export async function readRulesetShape (transport: Transport, name: string): Promise<RulesetState> {
  const key = { family, table: name } as const
  const found = await getTable(transport, key)
  if (found === undefined) return { exists: false, faults: [] }
  const faults = found.flags !== undefined && found.flags !== 0 ? ['table flags'] : []
  if (commentOf(found.userdata) !== shape) faults.push('table comment')
  faults.push(...chainFaults(await listChains(transport, key), await listRules(transport, key)))
  faults.push(...setFaults(await listSets(transport, key)))
  if (!faults.includes('set services')) faults.push(...serviceFaults(await listElements(transport, { ...key, set: 'services' })))
  return { exists: true, faults }
}

function chainFaults (found: readonly NftChain[], rules: readonly NftRule[]): string[] {
  return chains.flatMap((constant) => {
    const { name: of, rules: wanted } = constant
    const own = found.find((item) => item.name === of)
    if (own === undefined || !isLike(own, constant)) return [`chain ${of}`]
    const there = rules.filter((item) => item.chain === of)
    const different = wanted.flatMap((expressions, i) => holds(there[i]?.expressions, expressions) ? [] : [`rule ${String(i + 1)} of chain ${of}`])
    return there.length > wanted.length ? [...different, `more rules in chain ${of}`] : different
  })
}

function isLike (found: NftChain, wanted: Hooked | Plain): boolean {
  if (!('hook' in wanted)) return found.hook === undefined
  return found.type === wanted.type && found.policy === 'accept' && found.hook?.number === hooks[wanted.hook] && found.hook.priority === wanted.priority
}

function setFaults (found: readonly NftSet[]): string[] {
  const wanted: readonly (readonly [string, SetShape])[] = [...setNames.map((of) => [of, sets[of]] as const), ['services', services]]
  return wanted.flatMap(([of, { key, value }]) => {
    const own = found.find((item) => item.name === of)
    const same = own?.keyType === typeNumber(key) && own.keyLength === typeLength(key) && own.dataType === dataOf(value).dataType
    return same ? [] : [`set ${of}`]
  })
}

function serviceFaults (found: readonly NftElement[]): string[] {
  const there = new Set(found.map((element) => unpackFields(services.key, element.key?.value ?? new Uint8Array()).join(' ')))
  return there.size === services.elements.length && services.elements.every((key) => there.has(unpackFields(services.key, packFields(services.key, key)).join(' '))) ? [] : ['elements of set services']
}

/** Does what was read say all that was wanted? The kernel adds what it chose itself (flags, operators). */
function holds (found: unknown, wanted: unknown): boolean {
  if (wanted instanceof Uint8Array) return found instanceof Uint8Array && Buffer.compare(found, wanted) === 0
  if (typeof wanted !== 'object' || wanted === null) return found === wanted
  if (typeof found !== 'object' || found === null) return false
  if (Array.isArray(wanted) && Array.isArray(found) && wanted.length !== found.length) return false
  const there = new Map<string, unknown>(Object.entries(found))
  return Object.entries(wanted).every(([key, value]) => holds(there.get(key), value))
}
