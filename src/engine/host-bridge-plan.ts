/** Which links a host bridge is of: those that are there and those to be made. Changes nothing. */
import { NetwrightError } from '../errors.js'
import { belongings, readFootprint } from '../kernel/footprint.js'
import type { Indexes, Known } from '../kernel/link.js'
import { readRawLink, requireUplink } from '../kernel/uplink.js'
import type { LinkMessage } from '../netlink/rtnl/link.js'
import type { Context } from './context.js'
import type { HostBridgeDefinition } from './host-bridge-store.js'

export interface Planned {
  readonly bridge: Known
  readonly port: Known
  /** Links beside the bridge. */
  readonly made: readonly Known[]
  /** Whose addresses move to the bridge. */
  readonly sources: readonly (Known & { readonly mac: string, readonly addrGenMode?: number })[]
  /** What the bridge takes its MAC and settings from. */
  readonly like: LinkMessage
}

/** Throws NETWRIGHT_UPLINK_UNFIT, NETWRIGHT_NOT_FOUND, NETWRIGHT_NAME_IN_USE, NETWRIGHT_ACTIVE, NETWRIGHT_UNSUPPORTED. */
export async function planned ({ name, uplink = '', vlan, bond }: HostBridgeDefinition, context: Context, { boot, index }: { readonly boot: boolean, readonly index: Indexes }): Promise<Planned> {
  const { rtnl } = context
  if (vlan !== undefined || bond !== undefined) throw new NetwrightError('NETWRIGHT_UNSUPPORTED', 'bridges over a VLAN or a bond that is yet to be made')
  if (await readRawLink(rtnl, { name }) !== undefined) throw new NetwrightError('NETWRIGHT_NAME_IN_USE', `a link named ${name} exists already`, { conflict: { kind: 'link', name }, remedy: `ip link show ${name}` })
  const like = await requireUplink(rtnl, uplink, { carrier: !boot })
  const source = await sourceOf(like, context)
  return { bridge: { name, index: index.next() }, port: source, made: [], sources: [source], like }
}

async function sourceOf (link: LinkMessage, { rtnl, book }: Context): Promise<Planned['sources'][number]> {
  const { index = 0, ifname = '', address = '', afSpec } = link
  const standing = await book.look()
  const network = standing.side(index)
  if (network !== undefined) throw new NetwrightError('NETWRIGHT_ACTIVE', `${ifname} belongs to network ${network}`, { remedy: `netwright net-destroy ${network}` })
  const object = belongings(await readFootprint(rtnl, index)).routes.find(({ nhId }) => nhId !== undefined)
  if (object !== undefined) throw new NetwrightError('NETWRIGHT_UNSUPPORTED', `${ifname}: the route to ${object.dst ?? 'everywhere'} is by nexthop object ${String(object.nhId)}, which cannot be moved`, { remedy: 'ip nexthop show' })
  const mode = afSpec?.inet6?.addrGenMode
  return { name: ifname, index, mac: address, ...mode === undefined ? {} : { addrGenMode: mode } }
}
