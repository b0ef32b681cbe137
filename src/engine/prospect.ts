/** Before anything is made: would these networks get in anybody's way? Only reads. Callers hold the namespace's lock. */
import { NetwrightError } from '../errors.js'
import { isBuried } from '../kernel/burial.js'
import { readEach, readLink } from '../kernel/link-state.js'
import { describeConflict, hostsLast, overlapFinder, type Conflict } from '../kernel/conflict.js'
import { readRoutes, type RouteState } from '../kernel/route.js'
import { mapSlowly } from '../netlink/breathe.js'
import { reaches } from '../network/expand.js'
import type { Definition } from '../network/spec.js'
import { cidrSize, parseCidr } from '../values/cidr.js'
import { ipToBigInt } from '../values/ip.js'
import type { Context } from './context.js'

/** Throws NETWRIGHT_ACTIVE, NETWRIGHT_NAME_IN_USE or NETWRIGHT_SUBNET_IN_USE, naming what is in the way. */
export async function prospect (context: Context, definitions: readonly Definition[]): Promise<void> {
  const standing = await context.book.look()
  for (const { name } of definitions) if (standing.network(name) !== undefined) throw new NetwrightError('NETWRIGHT_ACTIVE', `network ${name} is already active`)
  apartInName(definitions)
  const wanted = (await mapSlowly(definitions, (definition) => reaches(definition).map((text) => ({ network: definition.name, text })))).flat()
  apartInSubnet(await mapSlowly(wanted, subnetOf))
  await freeNames(context, definitions)
  await freeSubnets(context, wanted)
}

/** A subnet that a network will be reached by. */
interface Wanted { readonly network: string, readonly text: string }

/** Networks of one batch must not get in each other's way either. */
function apartInName (definitions: readonly Definition[]): void {
  const names = new Map<string, string>()
  for (const definition of definitions) {
    for (const name of [`network ${definition.name}`, `bridge ${definition.bridge.name}`]) {
      const other = names.get(name)
      if (other !== undefined) throw new NetwrightError('NETWRIGHT_NAME_IN_USE', `${name} is named twice in one batch`, { conflict: { kind: 'network', name: other } })
      names.set(name, definition.name)
    }
  }
}

/** Sorted by where they begin, an overlap is with the neighbour before that reaches furthest. */
function apartInSubnet (subnets: Subnet[]): void {
  subnets.sort((a, b) => a.from < b.from ? -1 : a.from > b.from ? 1 : 0)
  let furthest = subnets[0]
  for (const subnet of subnets.slice(1)) {
    if (furthest !== undefined && subnet.from <= furthest.to && subnet.network !== furthest.network) {
      throw taken(subnet.network, `${subnet.text} overlaps ${furthest.text} of network ${furthest.network}`, { kind: 'network', name: furthest.network, detail: furthest.text })
    }
    if (furthest === undefined || subnet.to > furthest.to) furthest = subnet
  }
}

interface Subnet extends Wanted { readonly from: bigint, readonly to: bigint }

/** As a span of numbers; those of IPv4 lie below all of IPv6 that can be routed. */
function subnetOf ({ network, text }: Wanted): Subnet {
  const cidr = parseCidr(text)
  const from = ipToBigInt(cidr.address)
  return { network, text, from, to: from + cidrSize(cidr) - 1n }
}

async function freeNames (context: Context, definitions: readonly Definition[]): Promise<void> {
  const links = await readEach(context.rtnl, definitions.map(({ bridge: { name } }) => ({ name })))
  for (const [i, definition] of definitions.entries()) {
    const link = links[i]
    if (link === undefined) continue
    const mine = (await context.book.look()).bridge(link.index)?.definition.name
    if (mine !== undefined) {
      throw new NetwrightError('NETWRIGHT_NAME_IN_USE', `network ${definition.name}: bridge ${link.name} is that of network ${mine}, which is running`, {
        conflict: { kind: 'network', name: mine }, remedy: `give one of the two another bridge name, or none: netwright net-edit ${definition.name}`,
      })
    }
    throw new NetwrightError('NETWRIGHT_NAME_IN_USE', `network ${definition.name}: a link named ${definition.bridge.name} exists already and is not ours`, {
      conflict: { kind: link.kind ?? 'link', name: link.name }, remedy: `give the network another bridge name, or see what it is: ip -d link show ${link.name}`,
    })
  }
}

async function freeSubnets (context: Context, wanted: readonly Wanted[]): Promise<void> {
  if (wanted.length === 0) return
  const known = await context.routes.current()
  const suspects = await mapSlowly(wanted, ({ text }) => known.overlapping(parseCidr(text)))
  if (await collision(context, wanted, suspects.flat()) === undefined) return
  // What is known to be there may be gone: the kernel does not tell of all that goes.
  const conflict = await collision(context, wanted, await readRoutes(context.rtnl))
  if (conflict === undefined) { await context.routes.current({ afresh: true }); return }
  const { dev, destination } = conflict.route
  const link = dev === undefined ? undefined : await readLink(context.rtnl, { index: dev })
  const names = new Map(link === undefined ? [] : [[link.index, link.name]])
  const network = wanted.find(({ text }) => text === conflict.wanted)?.network ?? ''
  throw taken(network, describeConflict(conflict, names), { kind: 'route', name: destination, detail: link === undefined ? 'no device' : `dev ${link.name}` })
}

async function collision (context: Context, wanted: readonly Wanted[], routes: readonly RouteState[]): Promise<Conflict | undefined> {
  if (routes.length === 0) return undefined
  const found = (await mapSlowly(routes, overlapFinder(wanted.map(({ text }) => text)))).flat().sort(hostsLast)
  // Addresses that somebody gave to a bridge of ours are local until it is deleted: the network itself is stopped.
  const plots = found.length === 0 ? [] : (await context.graves.all()).flatMap((grave) => grave.plots)
  for (const conflict of found) {
    const { dev } = conflict.route
    if (dev === undefined || !plots.some(({ links }) => links.some(({ index }) => index === dev))) return conflict
    // One that was taken out of the pool since has another group.
    const state = await readLink(context.rtnl, { index: dev })
    if (state !== undefined && !plots.some((plot) => isBuried(state, plot))) return conflict
  }
  return undefined
}

function taken (network: string, why: string, conflict: { readonly kind: string, readonly name: string, readonly detail: string }): NetwrightError {
  return new NetwrightError('NETWRIGHT_SUBNET_IN_USE', `network ${network}: the subnet is already in use: ${why}`, {
    conflict, remedy: 'choose another subnet, or let netwright choose one: subnet: \'auto/24\'',
  })
}
