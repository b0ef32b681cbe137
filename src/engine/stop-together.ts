/** Stops that are asked for while another is under way are done together. */
import { NetwrightError } from '../errors.js'
import type { Context } from './context.js'
import { find } from './inventory.js'
import { stop, type Stop } from './stop.js'
import { typed } from './system-error.js'
import { Together, type Asked } from './together.js'

interface One extends Stop { readonly name: string }

const together = new WeakMap<Context, Together<One, undefined>>()

/** Stops one network: as `stop`, with the same errors, and NETWRIGHT_NOT_FOUND. One that is not stored loses its ports: nobody could bring them back. */
export async function stopTogether (name: string, options: Stop): Promise<void> {
  const { context, signal } = options
  const stops = together.get(context) ?? new Together<One, undefined>({ act, divide, names: (one) => [one.name], isFinal: isHalfDone })
  together.set(context, stops)
  await stops.ask('', { ...options, name }, { signal, purpose: `stop ${name}` })
}

async function act (group: readonly One[], signal: AbortSignal | undefined): Promise<readonly undefined[]> {
  const [first] = group
  if (first !== undefined) await stop(group.map(({ name }) => name), { ...first, signal })
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

const isHalfDone = (error: unknown): boolean => error instanceof NetwrightError && error.code === 'NETWRIGHT_UNDO_INCOMPLETE'
