/**
 * A process that makes or removes a host bridge and is killed (or fails) before its nth step: `node host-bridge-worker.js '{"verb":"create",…}'`. Says each step on a line
 * of its own, `trial` when the change is on trial, and then how it ended.
 */
import { openHost } from '../../src/engine/host.js'

export interface Order {
  readonly netns: string
  readonly root: string
  readonly verb: 'create' | 'remove' | 'open'
  /** From 1; 0: none. */
  readonly kill?: number
  readonly fail?: number
  readonly confirmWithin?: number
  readonly probe?: 'refuses'
}

const order = JSON.parse(process.argv[2] ?? '{}') as Order
let count = 0
const hook = (step: string): void => {
  count++
  console.log(`step ${String(count)} ${step}`)
  if (count === order.kill) process.kill(process.pid, 'SIGKILL')
  if (count === order.fail) throw new Error(`fault at ${step}`)
}

const host = await openHost({ netns: order.netns, root: order.root, supervise: false }, { hook })
if (order.verb !== 'open') {
  const options = { confirmWithin: order.confirmWithin ?? 60, ...order.probe === undefined ? {} : { probe: () => false } }
  const trial = order.verb === 'create' ? await host.hostBridge.create({ name: 'br0', uplink: 'eth0' }, options) : await host.hostBridge.remove('br0', options)
  console.log('trial')
  console.log(await trial.outcome)
}
await host.close()
