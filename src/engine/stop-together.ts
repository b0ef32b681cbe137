/**
 * Stops that are asked for while another is under way are done together, a few at a time: one journal record, one send and one commit for all of
 * them. Not all, since everybody else waits for the lock meanwhile.
 */
import { NetwrightError } from '../errors.js'
import { turn } from '../netlink/breathe.js'
import type { Context } from './context.js'
import { find } from './inventory.js'
import { stopIfAborted } from './steps.js'
import { stop, type Stop } from './stop.js'
import { typed } from './system-error.js'

interface Asked extends Stop {
  readonly name: string
  readonly done: () => void
  readonly failed: (error: unknown) => void
  /** Takes its listener off the caller's signal. */
  readonly leave: () => void
}

/** About a tenth of a second's work. */
const MOST = 128

/** By host; there while one of its stops is under way. */
const queues = new WeakMap<Context, Asked[]>()

/** Stops one network: as `stop`, with the same errors, and NETWRIGHT_NOT_FOUND. One that is not stored loses its ports: nobody could bring them back. */
export async function stopTogether (name: string, options: Stop): Promise<void> {
  const { context, signal } = options
  stopIfAborted(signal, `stop ${name}`)
  await new Promise<void>((done, failed) => {
    const abort = (): void => {
      const queue = queues.get(context) ?? []
      queue.splice(queue.indexOf(asked), 1)
      asked.leave()
      failed(new NetwrightError('NETWRIGHT_ABORTED', `stop ${name} was aborted`, { cause: signal?.reason }))
    }
    const asked: Asked = { ...options, name, done, failed, leave: () => { signal?.removeEventListener('abort', abort) } }
    signal?.addEventListener('abort', abort)
    const queue = queues.get(context)
    if (queue !== undefined) { queue.push(asked); return }
    const own = [asked]
    queues.set(context, own)
    void drain(own, context)
  })
}

async function drain (queue: Asked[], context: Context): Promise<void> {
  await gathered(queue)
  for (let group = next(queue); group.length > 0; group = next(queue)) {
    const known = await looked(group, context)
    for (const ports of ['keep', 'remove'] as const) await settle(known.filter((one) => one.ports === ports))
  }
  queues.delete(context)
}

/** Those that are there, with what becomes of their ports. The others have their answer then. */
async function looked (group: readonly Asked[], context: Context): Promise<readonly Asked[]> {
  const looks = await Promise.allSettled(group.map(async ({ name }) => await typed(async () => await find(context, name))))
  return group.flatMap((asked, i): Asked[] => {
    const look = looks[i]
    if (look?.status === 'fulfilled') return [look.value.stored === undefined ? { ...asked, ports: 'remove' } : asked]
    asked.failed(look?.reason)
    return []
  })
}

/** As long as more are asked for in each turn of the event loop, they are waited for. */
async function gathered (queue: readonly Asked[]): Promise<void> {
  for (let before = 0; queue.length > before && queue.length < MOST;) {
    before = queue.length
    await turn()
  }
}

/** Takes the first that waits, and those behind it that are about other networks. */
function next (queue: Asked[]): Asked[] {
  const group: Asked[] = []
  const names = new Set<string>()
  for (const asked of queue) {
    if (group.length === MOST || names.has(asked.name)) break
    names.add(asked.name)
    group.push(asked)
  }
  queue.splice(0, group.length)
  for (const { leave } of group) leave()
  return group
}

/** Where the group cannot be stopped (one of them is not active, or busy), each is tried by itself and has its own answer. */
async function settle (group: readonly Asked[]): Promise<void> {
  const [first] = group
  if (first === undefined) return
  const signals = group.flatMap(({ signal }) => signal ?? [])
  try {
    await stop(group.map(({ name }) => name), { ...first, signal: signals.length > 1 ? AbortSignal.any(signals) : signals[0] })
    for (const { done } of group) done()
  } catch (error) {
    if (group.length > 1 && !isHalfDone(error)) for (const one of group) await settle([one])
    else for (const { failed } of group) failed(error)
  }
}

const isHalfDone = (error: unknown): boolean => error instanceof NetwrightError && error.code === 'NETWRIGHT_UNDO_INCOMPLETE'
