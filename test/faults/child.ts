/**
 * A process that opens a host, changes something and is killed before its nth effect: `node child.js '{"operation":…}'`.
 * Exits 0 where it came to its end. Without an operation it only opens and closes the host, so recovery is what is killed.
 */
import { openHost } from '../../src/engine/host.js'
import { isOperation, operations, type Place } from './operations.js'

/** `step` from 1; 0 counts only. `owner`, `fail`: throw in place of being killed. */
export interface Order extends Place { readonly operation: string, readonly step: number }

const order = JSON.parse(process.argv[2] ?? '{}') as Order
let count = 0
const hook = (): void => { if (++count === order.step) process.kill(process.pid, 'SIGKILL') }
const host = await openHost({ netns: order.netns, root: order.root, supervise: false }, { hook })
if (isOperation(order.operation)) await operations[order.operation].run(host, order)
await host.close()
