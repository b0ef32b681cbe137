/** The command line from process start to exit, beside Node itself doing nothing. */
import { fileURLToPath } from 'node:url'
import { must } from '../test/harness/command.js'
import { row, type Row } from './figures.js'
import { within } from './namespace.js'
import { withWorker } from './ours.js'
import { timed } from './peers.js'

const COUNT = 5
/** Each takes a tenth of a second. */
const TIMES = 4
/** What issue 3 asks for. */
const BOUND = 2
const cli = fileURLToPath(new URL('../bundle/cli/main.js', import.meta.url))

export async function startUp (runs: number): Promise<Row[]> {
  const [list, nothing]: [number[], number[]] = [[], []]
  await within(async (netns) => await withWorker(async (worker) => {
    await worker.open({ netns })
    await worker.make({ count: COUNT })
    for (let run = 0; run <= runs * TIMES; run++) {
      const ours = await timed(async () => {
        const text = await must(process.execPath, [cli, '--netns', netns, 'net-list'])
        if (text.split('\n').filter((line) => line.includes('active')).length !== COUNT) throw new Error(`net-list says\n${text}`)
      })
      const node = await timed(async () => { await must(process.execPath, ['-e', '0']) })
      if (run > 0) { list.push(ours); nothing.push(node) }
    }
    await worker.destroy()
    await worker.close()
  }))
  return [row({ row: `netwright net-list of ${COUNT} networks, from process start to exit`, unit: 'ms', ours: list, peer: ['node -e 0', nothing], atMost: BOUND })]
}
