/** `host.pool`: what a program sees of the links that wait for the next network. */
import { assertObject, InputError } from '../errors.js'
import { requireCapabilities } from '../kernel/host.js'
import type { LinkPool, PoolSize } from './api.js'
import type { Context } from './context.js'
import { shapeWanted, BRIDGE } from './shape.js'
import { stopIfAborted } from './steps.js'
import { typed } from './system-error.js'
import type { Works } from './works.js'

/** A pool that says when its size may be another one. */
export interface WatchedPool extends LinkPool { heed (changed: () => void): void }

/** A host that keeps nothing has an empty one. */
export function linkPool ({ stock }: Pick<Context, 'stock'>, during: Works['during']): WatchedPool {
  return {
    heed: (changed) => { stock?.heed(changed) },
    get size (): PoolSize { return stock?.size ?? { bridges: 0, taps: 0 } },
    fill: async (count, options) => {
      await during(async () => {
        requireCapabilities('network')
        if (stock === undefined) throw new InputError([{ path: 'recycle', message: 'this host keeps no links: openHost({ recycle: { max } })' }])
        if (typeof count !== 'number') assertObject(count, 'count', 'a number of bridges, or { bridges, taps }')
        const { bridges = 0, taps } = typeof count === 'number' ? { bridges: count } : count
        if (taps !== undefined) assertObject(taps, 'taps', '{ count, queues, vnetHdr, owner, group }')
        const wanted = [{ path: 'bridges', shape: BRIDGE, count: bridges, most: stock.max.bridges }]
        if (taps !== undefined) wanted.push({ path: 'taps.count', shape: shapeWanted({ type: 'tap', queues: taps.queues ?? 1, vnetHdr: taps.vnetHdr ?? false, uid: taps.owner ?? -1, gid: taps.group ?? -1, persist: true }) ?? '', count: taps.count, most: stock.max.taps })
        const issues = wanted.filter(({ count: many, most }) => !Number.isInteger(many) || many < 0 || many > most)
        if (issues.length > 0) throw new InputError(issues.map(({ path, most }) => ({ path, message: `not a whole number from 0 to ${String(most)}, which is recycle.max` })))
        for (const { shape, count: many } of wanted) {
          stopIfAborted(options?.signal, 'fill the pool')
          await typed(async () => { await stock.fill(shape, many) })
        }
      })
    },
  }
}
