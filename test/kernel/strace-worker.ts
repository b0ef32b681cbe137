/** Starts and stops red_nat twice in one process, with marks that strace sees: `node strace-worker.js '{"netns":…,"root":…}'`. */
import { readFile } from 'node:fs/promises'
import { writeSync } from 'node:fs'
import { openHost } from '../../src/engine/host.js'

const { netns, root } = JSON.parse(process.argv[2] ?? '{}') as { netns: string, root: string }
const mark = (text: string): void => { writeSync(2, `MARK ${text}\n`) }
const host = await openHost({ netns, root, supervise: false })
const net = await host.define(await readFile(new URL('../../../examples/red-nat.xml', import.meta.url), 'utf8'))
for (const which of ['first', 'second']) {
  mark(`start ${which}`)
  await net.start()
  mark(`stop ${which}`)
  await net.stop()
  mark(`settle ${which}`)
  await host.settled()
}
mark('end')
await net.undefine()
await host.close()
