/** Stops that meet are done together. */
import { NetwrightError } from '../errors.js'
import type { Context } from './context.js'
import { find } from './inventory.js'
import { placeAt } from './lock.js'
import { stop, type Stop } from './stop.js'
import { typed } from './system-error.js'
import { BusyNow, Together, type Asked, type Turn } from './together.js'

interface One extends Stop { readonly name: string }

const together = new WeakMap<Context, Together<One, undefined>>()

/** Stops one network: as `stop`, with the same errors, and NETWRIGHT_NOT_FOUND. One that is not stored loses its ports: nobody could bring them back. */
export async function stopTogether (name: string, options: Stop): Promise<void> {
  const { context, signal } = options
  await context.sexton.room(signal)
  const stops = together.get(context) ?? new Together<One, undefined>({ act, divide, isFinal, place: () => placeAt(context.places.lock) })
  together.set(context, stops)
  await stops.ask('', { item: { ...options, name }, names: [name], signal, purpose: `stop ${name}` })
}

async function act (group: readonly One[], turn: Turn): Promise<readonly undefined[]> {
  const [first] = group
  if (first !== undefined) await stop(group.map(({ name }) => name), { ...first, signal: turn.signal, turn })
  return group.map(() => undefined)
}

/** Those that are there, with what becomes of their ports. The others have their answer then. */
async function divide (group: readonly Asked<One, undefined>[]): Promise<readonly (readonly Asked<One, undefined>[])[]> {
  const looks = await Promise.allSettled(group.map(async ({ item: { context, name } }) => await typed(async () => await find(context, name))))
  const known = group.flatMap((asked, i): Asked<One, undefined>[] => {
    const look = looks[i]
    if (look?.status === 'fulfilled') return [look.value.stored === undefined ? { ...asked, item: { ...asked.item, ports: 'remove' } } : asked]
    asked.failed(look?.reason)
    return []
  })
  return (['keep', 'remove'] as const).map((ports) => known.filter(({ item }) => item.ports === ports))
}

/** What has begun to go is tried again by the next command; whoever did not get the lock would wait for it in vain once more. */
export function isFinal (error: unknown): boolean {
  return !(error instanceof BusyNow) && error instanceof NetwrightError && (error.code === 'NETWRIGHT_UNDO_INCOMPLETE' || error.code === 'NETWRIGHT_LOCKED')
}
