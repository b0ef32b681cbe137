/**
 * Connections that a live change forbids: they are forgotten, since nothing else ends what is answered from the other side only, nor what a network
 * that takes replies has once let in. Those that something else permits still are left alone.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Entry } from '../netlink/ct/entry.js'
import { ctStatus } from '../netlink/nft/expr/ct.js'
import { covers } from '../kernel/conntrack.js'
import { reaches } from '../network/expand.js'
import type { Definition } from '../network/spec.js'
import { judge, modePasses, opensForward, type Packet } from '../network/verdict.js'
import type { Forgotten } from './flows.js'
import type { Pair, Pairs } from './peering.js'
import type { UpdateRecord } from './record.js'

type Within = (address: string) => boolean
const oneOf = (prefixes: readonly string[]): Within => { const each = prefixes.map(covers); return (address) => each.some((within) => within(address)) }

/** Which pairs of peers talked, and which do now. */
export interface Peering { readonly had: Pairs, readonly have: Pairs }

/** What updates forbid: by their rules and modes, and between networks that are no peers any more. */
export function cutFlows (updates: readonly UpdateRecord[], { had, have }: Peering): Forgotten[] {
  const fresh = new Map(updates.map(({ after }) => [after.definition.name, after]))
  const now = (network: Pair['from']): Pair['from'] => fresh.get(network.definition.name) ?? network
  const parted = [...had].flatMap(([key, { from, to }]) => have.has(key) ? [] : [{ from: now(from), to: now(to) }])
  return [...updates.flatMap((update) => filtered(update, have)), ...parted.flatMap(between)]
}

/** As `forward` sees the first packet of a connection. */
function packetOf ({ original, reply }: Entry): Packet | undefined {
  const [from, to, protocol] = [original?.ip?.src4 ?? original?.ip?.src6, reply?.ip?.src4 ?? reply?.ip?.src6, original?.protocol?.number]
  return from === undefined || to === undefined || protocol === undefined ? undefined : { from, to, protocol, port: reply?.protocol?.sourcePort }
}

const isForwarded = ({ status = 0 }: Entry): boolean => (status & ctStatus.dnat) !== 0

function forgotten ({ definition, bridge }: Pair['from'], which: (entry: Entry) => boolean): Forgotten[] {
  return reaches(definition).filter((prefix) => !prefix.endsWith('/0')).map((prefix) => ({ prefix, bridge: bridge.index, which }))
}

const parts = ({ rules, addressSets, forward: { mode } }: Definition): unknown => [rules, addressSets, mode]

/** Those that the rules, the mode and the peers of a network let pass, and do no more. */
function filtered ({ before, after }: UpdateRecord, have: Pairs): Forgotten[] {
  if (isDeepStrictEqual(parts(before.definition), parts(after.definition))) return []
  const own = oneOf(reaches(after.definition))
  const [old, fresh] = [judge(before.definition), judge(after.definition)]
  const { bridge: { name } } = after
  const peers = { out: peersOf(have, ({ from, to }) => from.bridge.name === name ? to : undefined), in: peersOf(have, ({ from, to }) => to.bridge.name === name ? from : undefined) }
  return forgotten(after, (entry) => {
    const packet = packetOf(entry)
    if (packet === undefined || own(packet.from) === own(packet.to)) return false
    const direction = own(packet.from) ? 'out' : 'in'
    const [was, is] = [old(direction, packet), fresh(direction, packet)]
    if (is !== undefined) return is === 'deny' && was !== 'deny'
    const translated = isForwarded(entry) && (after.definition.forwards ?? []).length > 0
    if (translated || modePasses(after.definition, direction) || peers[direction](direction === 'out' ? packet.to : packet.from)) return false
    return was === 'allow' || (was === undefined && modePasses(before.definition, direction))
  })
}

/** Whether an address is of a network that one of these pairs is with. */
const peersOf = (pairs: Pairs, other: (pair: Pair) => Pair['from'] | undefined): Within => oneOf([...pairs.values()].flatMap((pair) => { const network = other(pair); return network === undefined ? [] : reaches(network.definition) }))

/** Those that only the peering let pass. */
function between ({ from, to }: Pair): Forgotten[] {
  const [source, destination] = [oneOf(reaches(from.definition)), oneOf(reaches(to.definition))]
  const passes = { out: passage(from.definition, 'out'), in: passage(to.definition, 'in') }
  return forgotten(from, (entry) => {
    const packet = packetOf(entry)
    if (packet === undefined || !source(packet.from) || !destination(packet.to)) return false
    return !passes.out(packet) || !(passes.in(packet) || (isForwarded(entry) && opensForward(to.definition, packet)))
  })
}

/** What a network lets pass from or to another one that is no peer; one with `forward dev` only knows that device. */
function passage (definition: Definition, direction: 'in' | 'out'): (packet: Packet) => boolean {
  const rules = judge(definition)
  const mode = definition.forward.dev === undefined && modePasses(definition, direction)
  return (packet) => { const said = rules(direction, packet); return said === undefined ? mode : said === 'allow' }
}
