/** A namespace in which netwright's networks are made, with an "internet" behind it, and proofs that they work. */
import { openHost } from 'netwright'
import { fresh, gone, within } from './namespace.js'
import { internet, picture, proveByPacket, specs, type Picture } from './objects.js'
import { withWorker, type Worker } from './ours.js'

/** Runs `times` times, after one run that is not counted: it warms caches, of the kernel too. */
export async function repeat (times: number, run: (counted: boolean) => Promise<void>): Promise<void> {
  for (let i = 0; i <= times; i++) await run(i > 0)
}

/** A namespace with an uplink. */
export async function withInternet<T> (work: (netns: string) => Promise<T>): Promise<T> {
  return await within(async (netns) => await within(async (outside) => {
    await internet(netns, outside)
    return await work(netns)
  }))
}

/** One network in ten is proved by a packet through its NAT. */
export async function prove (netns: string, count: number): Promise<void> {
  for (let i = 0; i < count; i += 10) {
    const at = await fresh()
    await proveByPacket(netns, at, i)
    await gone(at)
  }
}

/** Throws where a namespace still has something of ours. */
export async function proveEmpty (netns: string): Promise<void> {
  const left = await picture(netns)
  if (left.bridges.length > 0 || left.taps.length > 0 || left.rules.trim() !== '') throw new Error(`something is left after destroying: ${JSON.stringify(left)}`)
}

/** A picture of what netwright makes, for the peers to make the same. */
export async function model (count: number, taps: boolean): Promise<Picture> {
  return await within(async (netns) => {
    if (taps) return await withWorker(async (worker) => { await worker.open({ netns }); await worker.make({ count, taps }); return await picture(netns) })
    const host = await openHost({ netns })
    try { await host.create(specs({ count })); return await picture(netns) } finally { await host.close() }
  })
}

export type { Worker }
