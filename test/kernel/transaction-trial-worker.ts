/**
 * A process that makes a transaction on trial and is killed before its nth step: `node transaction-trial-worker.js '{"confirmWithin":…}'`. Says each step on a
 * line of its own, `trial` when it stands, and then how it ended.
 */
import { openHost } from '../../src/engine/host.js'
import { everything } from './transaction-trial-work.js'

export interface Order {
  readonly netns: string
  readonly guest: string
  readonly root: string
  readonly confirmWithin: number
  readonly lifetime?: 'process'
  /** Its end is confirmed. */
  readonly confirm?: boolean
  /** From 1; 0: none. */
  readonly kill?: number
}

const order = JSON.parse(process.argv[2] ?? '{}') as Order
let count = 0
const hook = (step: string): void => {
  count++
  console.log(`step ${String(count)} ${step}`)
  if (count === order.kill) process.kill(process.pid, 'SIGKILL')
}

const host = await openHost({ netns: order.netns, root: order.root, supervise: false, ...order.lifetime === undefined ? {} : { lifetime: order.lifetime } }, { hook })
const trial = await host.transaction(everything(order), { confirmWithin: order.confirmWithin, probe: 'none' })
console.log('trial')
if (order.confirm === true) await trial.confirm()
console.log(await trial.outcome)
await host.close()
