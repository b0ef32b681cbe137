/** Calls that meet: what a manager asks for that starts fifty guests and knows nothing of batches. */
import { row, type Row } from './figures.js'
import { within } from './namespace.js'
import { TAPS } from './objects.js'
import { withWorker } from './ours.js'
import { prove, proveEmpty, repeat, withInternet } from './rig.js'

const COUNT = 50
const wanted = { count: COUNT, taps: true }

export async function together (runs: number): Promise<Row[]> {
  const each: Record<'make' | 'attach' | 'detach', number[]> = { make: [], attach: [], detach: [] }
  const one: Record<'make' | 'attach' | 'detach', number[]> = { make: [], attach: [], detach: [] }
  await withWorker(async (worker) => {
    await repeat(runs, async (counted) => {
      const batch = await within(async (netns) => {
        await worker.open({ netns })
        const made = await worker.make(wanted)
        const attached = await worker.ask({ verb: 'attach', count: COUNT, each: false })
        const detached = await worker.ask({ verb: 'detach', count: COUNT, each: false })
        await worker.destroy()
        await worker.close()
        return { make: made.ms, attach: attached.ms, detach: detached.ms }
      })
      const single = await withInternet(async (netns) => {
        await worker.open({ netns })
        const made = await worker.ask({ verb: 'make', wanted, each: true }, `make ${COUNT} networks by ${COUNT} calls`)
        const attached = await worker.ask({ verb: 'attach', count: COUNT, each: true }, `attach ${COUNT} ports by ${COUNT} calls`)
        await prove(netns, COUNT)
        const detached = await worker.ask({ verb: 'detach', count: COUNT, each: true }, `detach ${COUNT} ports by ${COUNT} calls`)
        await worker.destroy()
        await worker.settled()
        await proveEmpty(netns)
        await worker.close()
        return { make: made.ms, attach: attached.ms, detach: detached.ms }
      })
      if (!counted) return
      for (const verb of ['make', 'attach', 'detach'] as const) { each[verb].push(single[verb]); one[verb].push(batch[verb]) }
    })
  })
  return [
    row({ row: `make ${COUNT} nat networks with ${TAPS} TAPs each, each by its own create(), all at once`, unit: 'ms', ours: each.make, peer: ['one create([…]) of them', one.make] }),
    row({ row: `attach ${COUNT} TAPs to one network, each by its own attach(), all at once`, unit: 'ms', ours: each.attach, peer: ['one transaction', one.attach] }),
    row({ row: `detach them, each by its own detach(), all at once`, unit: 'ms', ours: each.detach, peer: ['one transaction', one.detach] }),
  ]
}
