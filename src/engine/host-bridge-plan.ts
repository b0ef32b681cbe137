/** Which links a host bridge is of: those that are there and those to be made. Changes nothing. */
import { NetwrightError } from '../errors.js'
import { belongings, readFootprint } from '../kernel/footprint.js'
import type { Indexes, Known } from '../kernel/link.js'
import { readRawLink, requireUplink } from '../kernel/uplink.js'
import { IFF_LOWER_UP, link, type LinkMessage } from '../netlink/rtnl/link.js'
import { BOND_MODES } from '../netlink/rtnl/kind/bond.js'
import type { Request } from '../netlink/request.js'
import type { Transport } from '../netlink/transport.js'
import type { Context } from './context.js'
import { BOND, vlanName } from './host-bridge-input.js'
import type { HostBridgeDefinition } from './host-bridge-store.js'

export interface Planned {
  readonly bridge: Known
  readonly port: Known
  /** Links beside the bridge, with how they are made: down, by index. */
  readonly made: readonly (Known & { readonly request: Request })[]
  /** What those of `sources` are ports of that are not `port` itself. */
  readonly bond?: Known
  /** Where the addresses go: the bridge, or the bond where the bridge is over a VLAN of it, since they are those of the untagged network. */
  readonly target: Known
  /** Whose addresses move. */
  readonly sources: readonly (Known & { readonly mac: string, readonly addrGenMode?: number })[]
  /** What the bridge takes its MAC and settings from. */
  readonly like: LinkMessage
}

interface Planning { readonly boot: boolean, readonly index: Indexes }

/** Throws NETWRIGHT_UPLINK_UNFIT, NETWRIGHT_NOT_FOUND, NETWRIGHT_NAME_IN_USE, NETWRIGHT_ACTIVE, NETWRIGHT_UNSUPPORTED. */
export async function planned (definition: HostBridgeDefinition, context: Context, planning: Planning): Promise<Planned> {
  const { rtnl } = context
  const { name, vlan, uplink, bond } = await resolved(definition, rtnl)
  await free(name, rtnl)
  const bridge = { name, index: planning.index.next() }
  if (bond !== undefined) return await overBond(bond, { bridge, vlan }, context, planning)
  const like = await requireUplink(rtnl, uplink, { carrier: !planning.boot })
  const source = await sourceOf(like, context)
  if (vlan === undefined) return { bridge, port: source, made: [], target: bridge, sources: [source], like }
  const made = await vlanOf(source, vlan, rtnl, planning)
  return { bridge, port: made, made: [made], target: bridge, sources: [], like } // what the uplink has is of another network, and stays
}

/** `eth0.20` that is not there is VLAN 20 of `eth0`; a VLAN that is there is an uplink as any other. */
async function resolved ({ name, uplink = '', vlan, bond }: HostBridgeDefinition, rtnl: Transport): Promise<{ readonly name: string, readonly uplink: string, readonly vlan?: number, readonly bond?: NonNullable<HostBridgeDefinition['bond']> }> {
  if (bond !== undefined) return { name, uplink, bond, ...vlan === undefined ? {} : { vlan } }
  const [, lower = '', id = ''] = /^(.+)\.(\d{1,4})$/.exec(vlan === undefined ? uplink : vlanName(uplink, vlan)) ?? []
  if (lower === '') return { name, uplink }
  const whole = `${lower}.${id}`
  const there = await readRawLink(rtnl, { name: whole })
  if (there !== undefined && (vlan === undefined || there.linkinfo?.kind === 'vlan')) return { name, uplink: whole }
  if (there === undefined && vlan === undefined && (Number(id) < 1 || Number(id) > 4094 || await readRawLink(rtnl, { name: lower }) === undefined)) return { name, uplink }
  return { name, uplink: lower, vlan: Number(id) }
}

async function free (name: string, rtnl: Transport): Promise<void> {
  if (await readRawLink(rtnl, { name }) !== undefined) throw new NetwrightError('NETWRIGHT_NAME_IN_USE', `a link named ${name} exists already`, { conflict: { kind: 'link', name }, remedy: `ip link show ${name}` })
}

/** `ip link add link LOWER name LOWER.ID type vlan id ID`. */
async function vlanOf (lower: Known, id: number, rtnl: Transport, { index }: Planning): Promise<Planned['made'][number]> {
  const made = { name: vlanName(lower.name, id), index: index.next() }
  await free(made.name, rtnl)
  return { ...made, request: link.create({ index: made.index, ifname: made.name, link: lower.index, linkinfo: { kind: 'vlan', data: { id } } }, `vlan ${made.name}`) }
}

/** Milliseconds between looks at the carriers of the members. Without them a bond never notices that one is gone. */
const MIIMON = 100

/** `ip link add bond0 address MAC type bond mode MODE miimon 100`. */
async function overBond ({ members, mode = 'balance-rr', name = BOND }: NonNullable<HostBridgeDefinition['bond']>, { bridge, vlan }: { readonly bridge: Known, readonly vlan: number | undefined }, context: Context, planning: Planning): Promise<Planned> {
  const { rtnl } = context
  await free(name, rtnl)
  const links = await Promise.all(members.map(async (member) => await requireUplink(rtnl, member, { carrier: false })))
  // One that has a carrier is enough.
  if (!planning.boot && !links.some(({ flags = 0 }) => (flags & IFF_LOWER_UP) !== 0)) await requireUplink(rtnl, members[0] ?? name)
  const sources = await Promise.all(links.map(async (one) => await sourceOf(one, context)))
  const [like] = links
  if (like === undefined) throw new NetwrightError('NETWRIGHT_UPLINK_UNFIT', `${name}: a bond without members carries nothing`, { conflict: { kind: 'bond', name, detail: 'no members' } })
  const known = { name, index: planning.index.next() }
  const bond = { ...known, request: link.create({ ...known, ifname: name, address: like.address ?? '', linkinfo: { kind: 'bond', data: { mode: BOND_MODES.indexOf(mode), miimon: MIIMON } } }, `bond ${name}`) }
  if (vlan === undefined) return { bridge, port: known, made: [bond], bond: known, target: bridge, sources, like }
  const tagged = await vlanOf(known, vlan, rtnl, planning)
  return { bridge, port: tagged, made: [bond, tagged], bond: known, target: known, sources, like }
}

async function sourceOf (found: LinkMessage, { rtnl, book }: Context): Promise<Planned['sources'][number]> {
  const { index = 0, ifname = '', address = '', afSpec } = found
  const standing = await book.look()
  const network = standing.side(index)
  if (network !== undefined) throw new NetwrightError('NETWRIGHT_ACTIVE', `${ifname} belongs to network ${network}`, { remedy: `netwright net-destroy ${network}` })
  const object = belongings(await readFootprint(rtnl, index)).routes.find(({ nhId }) => nhId !== undefined)
  if (object !== undefined) throw new NetwrightError('NETWRIGHT_UNSUPPORTED', `${ifname}: the route to ${object.dst ?? 'everywhere'} is by nexthop object ${String(object.nhId)}, which cannot be moved`, { remedy: 'ip nexthop show' })
  const mode = afSpec?.inet6?.addrGenMode
  return { name: ifname, index, mac: address, ...mode === undefined ? {} : { addrGenMode: mode } }
}
