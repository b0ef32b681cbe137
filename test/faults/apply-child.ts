/** One apply, killed before its nth step. */
import { openHost } from '../../src/engine/host.js'
import { after, source } from './apply-lab.js'

const { netns, guest, root, step } = JSON.parse(process.argv[2] ?? '{}') as { netns: string, guest: string, root: string, step: number }
/** As in the test. */
const BEHIND = new Set(['look at links', 'delete buried links', 'close the grave'])
let count = 0
const host = await openHost({ netns, root, supervise: false }, { hook: (name) => { if (!BEHIND.has(name) && ++count === step) process.kill(process.pid, 'SIGKILL') } })
await host.apply(after({ netns, guest, root }), { source, prune: true })
await host.close()
