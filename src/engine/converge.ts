/**
 * Puts running networks back that an update has changed half-way: the update failed, or its process is dead. Each part can be repeated, whatever was done
 * before. Callers hold the lock.
 */
import type { NetworkRecord } from './record.js'
import { loosen, restore } from './commit.js'
import type { Context } from './context.js'
import type { Daemons } from './daemons.js'
import { difference } from './difference.js'
import { dismiss, dismissed, enlist, switchOn, type Need } from './forwarding.js'
import { daemonNeed } from './live.js'
import { lost } from './lost.js'
import { putBack } from './make.js'
import type { BatchRecord, UpdateRecord } from './record.js'
import type { Steps } from './steps.js'
import type { Left } from './teardown.js'

export interface Converge { readonly context: Context, readonly daemons: Daemons, readonly steps: Steps }

/** Makes every network that the record updates as it was `before`. What could not be put back is returned by name. */
export async function converge ({ updates: all = [] }: BatchRecord, { context, daemons, steps }: Converge): Promise<readonly Left[]> {
  if (all.length === 0) return []
  const standing = await context.book.look()
  // One that has been stopped since has nothing to be put back.
  const updates = all.filter(({ before: { definition, bridge } }) => standing.network(definition.name)?.bridge.index === bridge.index)
  const left: Left[] = []
  const attempt = async (part: string, some: readonly UpdateRecord[], work: (update: UpdateRecord) => Promise<void>): Promise<void> => {
    for (const update of some) {
      const { name } = update.before.definition
      try { await steps.before(`put back ${part}`); await work(update) } catch (error) {
        left.push({ what: `update of network ${name}`, error })
        context.logger.error({ err: error, network: name, part }, `${part} of network ${name} could not be put back`)
      }
    }
  }
  await attempt('links', updates, async (update) => { await links(update, { context, steps }) })
  await attempt('nft elements', updates, async (update) => { await elements(update, updates, context) })
  await attempt('forwarding', updates.filter(({ before, after }) => before.forwarding.ipv4 !== after.forwarding.ipv4 || before.forwarding.ipv6 !== after.forwarding.ipv6), async (update) => { await forwarding(update, context) })
  await attempt('dnsmasq', updates.filter(({ before, after }) => daemonNeed(after.definition, before.definition) !== 'nothing'), async (update) => { await daemon(update, { context, daemons }) })
  return left
}

async function links ({ before, after }: UpdateRecord, { context, steps }: Pick<Converge, 'context' | 'steps'>): Promise<void> {
  const { name } = before.definition
  const ports = (await context.book.look()).ports([name])
  await putBack({ after: before, difference: difference(after, before, ports, { ipv6: context.ipv6 }), about: { network: name } }, { context, step: steps, signal: undefined })
}

async function elements ({ before, after }: UpdateRecord, all: readonly UpdateRecord[], context: Context): Promise<void> {
  const { removed, chains } = difference(after, before, [], { ipv6: context.ipv6 })
  const need = needOf(before)
  if (need !== undefined) await enlist(context, [need])
  await restore(context, { before, beside: all.map((one) => one.before), away: removed, chains: chains.removed })
}

async function forwarding ({ before }: UpdateRecord, context: Context): Promise<void> {
  const need = needOf(before)
  const loss = await dismiss(context, [before.bridge.name], need === undefined ? [] : [need])
  await loosen(context, loss)
  await dismissed(context, loss)
  if (need !== undefined) await switchOn(context, [need])
}

/** What a network needs of forwarding; undefined where it needs none. */
export function needOf ({ bridge: { name }, forwarding: { ipv4, ipv6 } }: NetworkRecord): Need | undefined {
  return ipv4 || ipv6 ? { bridge: name, ipv4, ipv6 } : undefined
}

/** However far the change has got, one with the old configuration answers in the end. */
async function daemon ({ before, after }: UpdateRecord, { context, daemons }: Pick<Converge, 'context' | 'daemons'>): Promise<void> {
  const { name } = before.definition
  if ((await lost(context, [before])).size > 0) { context.logger.warn({ network: name, bridge: before.bridge.name }, `network ${name} has lost its bridge ${before.bridge.name}: no dnsmasq can serve it`); return }
  const ports = (await context.book.look()).ports([name])
  if (daemonNeed(after.definition, before.definition) === 'reload') await daemons.reload(before, ports)
  else await daemons.replace(before, { signal: undefined, ports })
}
