/** Before a running network is changed: would its new subnets get in anybody's way? Only reads. Callers hold the namespace's lock. */
import { NetwrightError } from '../errors.js'
import { describeConflict, overlapFinder, type Conflict } from '../kernel/conflict.js'
import { readLink } from '../kernel/link-state.js'
import { readRoutes, type RouteState } from '../kernel/route.js'
import { mapSlowly } from '../netlink/breathe.js'
import { reaches } from '../network/expand.js'
import type { Definition } from '../network/spec.js'
import type { Context } from './context.js'

/** A running network and what it becomes. */
export interface Becoming { readonly before: Definition, readonly after: Definition, /** Of its bridge. */ readonly index: number }

/** `others`: what the same batch makes. Throws NETWRIGHT_SUBNET_IN_USE, naming what is in the way; `network` says whose subnet it is. */
export async function prospectUpdates (context: Context, updates: readonly Becoming[], others: readonly Definition[]): Promise<void> {
  const wanted = updates.flatMap((update) => {
    const had = new Set(reaches(update.before))
    return reaches(update.after).filter((text) => !had.has(text)).map((text) => ({ ...update, text }))
  })
  if (wanted.length === 0) return
  const overlaps = overlapFinder([...new Set(wanted.map(({ text }) => text))])
  for (const definition of [...others, ...updates.map(({ after }) => after)]) for (const text of reaches(definition)) {
    const conflict = overlaps(asRoute(text))[0]
    const mine = conflict === undefined ? undefined : wanted.find((one) => one.text === conflict.wanted && one.after.name !== definition.name)
    if (mine !== undefined) throw taken(mine.after.name, `${mine.text} overlaps ${text} of network ${definition.name}`, { kind: 'network', name: definition.name, detail: text })
  }
  const owners = new Map(wanted.map(({ text, index }) => [text, index]))
  // Its own routes are no obstacle: a subnet may grow.
  const found = (await mapSlowly(await readRoutes(context.rtnl), overlaps)).flat().find((conflict) => conflict.route.dev !== owners.get(conflict.wanted))
  if (found !== undefined) throw await inTheWay(context, found, wanted.find(({ text }) => text === found.wanted)?.after.name ?? '')
}

async function inTheWay (context: Context, conflict: Conflict, network: string): Promise<NetwrightError> {
  const { dev, destination } = conflict.route
  const link = dev === undefined ? undefined : await readLink(context.rtnl, { index: dev })
  const names = new Map(link === undefined ? [] : [[link.index, link.name]])
  return taken(network, describeConflict(conflict, names), { kind: 'route', name: destination, detail: link === undefined ? 'no device' : `dev ${link.name}` })
}

const asRoute = (destination: string): RouteState => ({ destination, table: 254, type: 'unicast', protocol: 0, metric: 0 })

function taken (network: string, why: string, conflict: { readonly kind: string, readonly name: string, readonly detail: string }): NetwrightError {
  return new NetwrightError('NETWRIGHT_SUBNET_IN_USE', `network ${network}: the subnet is already in use: ${why}`, { conflict, network, remedy: 'choose another subnet' })
}
