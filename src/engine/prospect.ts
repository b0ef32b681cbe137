/** Before anything is made: would these networks get in anybody's way? Only reads. Callers hold the namespace's lock. */
import { NetwrightError } from '../errors.js'
import { readLink } from '../kernel/link-state.js'
import { conflicts, describeConflict } from '../kernel/conflict.js'
import { readRoutes } from '../kernel/route.js'
import { reaches } from '../network/expand.js'
import type { Definition } from '../network/spec.js'
import { cidrSize, parseCidr } from '../values/cidr.js'
import { ipToBigInt } from '../values/ip.js'
import type { Context } from './context.js'

/** Throws NETWRIGHT_ACTIVE, NETWRIGHT_NAME_IN_USE or NETWRIGHT_SUBNET_IN_USE, naming what is in the way. */
export async function prospect (context: Context, definitions: readonly Definition[]): Promise<void> {
  const running = new Set((await context.book.standing()).flatMap(({ networks }) => networks.map(({ definition }) => definition.name)))
  for (const { name } of definitions) if (running.has(name)) throw new NetwrightError('NETWRIGHT_ACTIVE', `network ${name} is already active`)
  apart(definitions)
  await freeNames(context, definitions)
  await freeSubnets(context, definitions)
}

/** Networks of one batch must not get in each other's way either. */
function apart (definitions: readonly Definition[]): void {
  const names = new Map<string, string>()
  for (const definition of definitions) {
    for (const name of [`network ${definition.name}`, `bridge ${definition.bridge.name}`]) {
      const other = names.get(name)
      if (other !== undefined) throw new NetwrightError('NETWRIGHT_NAME_IN_USE', `${name} is named twice in one batch`, { conflict: { kind: 'network', name: other } })
      names.set(name, definition.name)
    }
  }
  // Sorted by where they begin, an overlap is with the neighbour before that reaches furthest.
  const subnets = definitions.flatMap((definition) => reaches(definition).map((text) => subnetIn(definition.name, text))).sort((a, b) => a.from < b.from ? -1 : a.from > b.from ? 1 : 0)
  let furthest = subnets[0]
  for (const subnet of subnets.slice(1)) {
    if (furthest !== undefined && subnet.from <= furthest.to && subnet.network !== furthest.network) {
      throw taken(subnet.network, `${subnet.text} overlaps ${furthest.text} of network ${furthest.network}`, { kind: 'network', name: furthest.network, detail: furthest.text })
    }
    if (furthest === undefined || subnet.to > furthest.to) furthest = subnet
  }
}

interface Subnet { readonly network: string, readonly text: string, readonly from: bigint, readonly to: bigint }

/** As a span of numbers; those of IPv4 lie below all of IPv6 that can be routed. */
function subnetIn (network: string, text: string): Subnet {
  const cidr = parseCidr(text)
  const from = ipToBigInt(cidr.address)
  return { network, text, from, to: from + cidrSize(cidr) - 1n }
}

async function freeNames (context: Context, definitions: readonly Definition[]): Promise<void> {
  const links = await Promise.all(definitions.map(async ({ bridge }) => await readLink(context.rtnl, { name: bridge.name })))
  for (const [i, definition] of definitions.entries()) {
    const link = links[i]
    if (link === undefined) continue
    throw new NetwrightError('NETWRIGHT_NAME_IN_USE', `network ${definition.name}: a link named ${definition.bridge.name} exists already and is not ours`, {
      conflict: { kind: link.kind ?? 'link', name: link.name }, remedy: `give the network another bridge name, or see what it is: ip -d link show ${link.name}`,
    })
  }
}

async function freeSubnets (context: Context, definitions: readonly Definition[]): Promise<void> {
  if (definitions.every((definition) => reaches(definition).length === 0)) return
  const routes = await readRoutes(context.rtnl)
  for (const definition of definitions) {
    const [conflict] = conflicts(reaches(definition), routes, new Set())
    if (conflict === undefined) continue
    const { dev, destination } = conflict.route
    const link = dev === undefined ? undefined : await readLink(context.rtnl, { index: dev })
    const names = new Map(link === undefined ? [] : [[link.index, link.name]])
    throw taken(definition.name, describeConflict(conflict, names), { kind: 'route', name: destination, detail: link === undefined ? 'no device' : `dev ${link.name}` })
  }
}

function taken (network: string, why: string, conflict: { readonly kind: string, readonly name: string, readonly detail: string }): NetwrightError {
  return new NetwrightError('NETWRIGHT_SUBNET_IN_USE', `network ${network}: the subnet is already in use: ${why}`, {
    conflict, remedy: 'choose another subnet, or let netwright choose one: subnet: \'auto/24\'',
  })
}
