/** Connections that a live change forbids: they are forgotten, since nothing else ends what is answered from the other side only. */
import { isDeepStrictEqual } from 'node:util'
import type { Entry } from '../netlink/ct/entry.js'
import { ctStatus } from '../netlink/nft/expr/ct.js'
import { covers } from '../kernel/conntrack.js'
import { reaches } from '../network/expand.js'
import type { Definition } from '../network/spec.js'
import { judge, modePasses, type Packet } from '../network/verdict.js'
import type { Forgotten } from './flows.js'
import type { Pairs } from './peering.js'
import type { NetworkRecord } from './record.js'

type Within = (address: string) => boolean
const oneOf = (prefixes: readonly string[]): Within => { const each = prefixes.map(covers); return (address) => each.some((within) => within(address)) }

/** As `forward` sees the first packet of a connection. */
function packetOf ({ original, reply }: Entry): Packet | undefined {
  const [from, to, protocol] = [original?.ip?.src4 ?? original?.ip?.src6, reply?.ip?.src4 ?? reply?.ip?.src6, original?.protocol?.number]
  return from === undefined || to === undefined || protocol === undefined ? undefined : { from, to, protocol, port: reply?.protocol?.sourcePort }
}

function forgotten ({ definition, bridge }: Pick<NetworkRecord, 'definition' | 'bridge'>, which: (entry: Entry) => boolean): Forgotten[] {
  return reaches(definition).filter((prefix) => !prefix.endsWith('/0')).map((prefix) => ({ prefix, bridge: bridge.index, which }))
}

const parts = ({ rules, addressSets, forward: { mode } }: Definition): unknown => [rules, addressSets, mode]

/** Those that the rules and the mode of a network let pass, and do no more. */
export function cutFlows (before: NetworkRecord, after: NetworkRecord): Forgotten[] {
  if (isDeepStrictEqual(parts(before.definition), parts(after.definition))) return []
  const own = oneOf(reaches(after.definition))
  const [old, fresh] = [judge(before.definition), judge(after.definition)]
  return forgotten(after, (entry) => {
    const packet = packetOf(entry)
    if (packet === undefined || own(packet.from) === own(packet.to)) return false
    const direction = own(packet.from) ? 'out' : 'in'
    const [was, is] = [old(direction, packet), fresh(direction, packet)]
    if (is !== undefined) return is === 'deny' && was !== 'deny'
    const translated = ((entry.status ?? 0) & ctStatus.dnat) !== 0 && (after.definition.forwards ?? []).length > 0
    return !translated && !modePasses(after.definition, direction) && (was === 'allow' || (was === undefined && modePasses(before.definition, direction)))
  })
}

/** Those between networks that are no peers any more. */
export function partedFlows (pairs: Pairs): Forgotten[] {
  return [...pairs.values()].flatMap(({ from, to }) => {
    const [source, destination] = [oneOf(reaches(from.definition)), oneOf(reaches(to.definition))]
    return forgotten(from, (entry) => {
      const packet = packetOf(entry)
      return packet !== undefined && source(packet.from) && destination(packet.to)
    })
  })
}
