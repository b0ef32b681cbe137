/** Links and addresses only, through `netwright/rtnl`, beside the same bytes from C. */
import { open } from 'node:fs/promises'
import { openChannel, send } from 'netwright/rtnl'
import { row, type Row } from './figures.js'
import { floor, linkMessages } from './floor.js'
import { within } from './namespace.js'
import { timed } from './peers.js'
import { model, repeat } from './rig.js'

const COUNT = 100
const NETLINK_ROUTE = 0
/** What issue 3 asks for. */
const BOUND = 1.3

export async function links (runs: number): Promise<Row[]> {
  const requests = linkMessages(await model(COUNT, false))
  const c = await floor(requests)
  const ours: number[] = []
  const theirs: number[] = []
  await repeat(runs, async (counted) => {
    const mine = await within(async (name) => {
      const file = await open(`/run/netns/${name}`, 'r')
      const channel = await openChannel({ protocol: NETLINK_ROUTE, netns: file.fd })
      try {
        return await timed(async () => {
          const bad = (await send(channel, requests)).find(({ error, acknowledged }) => error !== undefined || !acknowledged)
          if (bad !== undefined) throw bad.error ?? new Error(`${bad.request.object}: no answer`)
        })
      } finally { await channel.close(); await file.close() }
    })
    const floored = await within(c)
    if (counted) { ours.push(mine); theirs.push(floored.ms) }
  })
  return [row({ row: `make links and addresses of ${COUNT} networks`, unit: 'ms', ours, peer: ['C, one sendmsg', theirs], atMost: BOUND, note: 'frame, send, read and decode every answer' })]
}
