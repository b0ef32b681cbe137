/** A stranger who holds RTNL for seconds: one deletion of a whole link group (kernel.md, Netlink 16), by iproute2, in a namespace of his own. */
import { must } from '../test/harness/command.js'
import { timed } from './peers.js'

/** Each bridge costs the kernel some 20 ms, during which nobody else changes a link anywhere on the machine. */
export const HELD_BRIDGES = 100
const GROUP = 7

/** Bridges to be deleted, up, each with a TAP. */
export async function prepareHold (netns: string, bridges = HELD_BRIDGES): Promise<void> {
  const lines = Array.from({ length: bridges }, (_, i) => [
    `link add name hold${i} group ${GROUP} type bridge`, `link set dev hold${i} up`, `tuntap add dev held${i} mode tap`, `link set dev held${i} master hold${i} group ${GROUP} up`,
  ].join('\n'))
  await must('ip', ['-n', netns, '-batch', '-'], { input: `${lines.join('\n')}\n`, timeoutMs: 120_000 })
}

/** Deletes them all in one request; resolves with the milliseconds for which RTNL was held. */
export async function hold (netns: string): Promise<number> {
  return await timed(async () => { await must('ip', ['-n', netns, 'link', 'del', 'group', String(GROUP)], { timeoutMs: 120_000 }) })
}
