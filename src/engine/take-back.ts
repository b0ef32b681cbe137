/**
 * The program that takes a host bridge back: `node take-back.js '{"path":…,"lock":…,"complaints":…}'`, in the network namespace that it is about. A reaper
 * becomes it when the process that made the change has died, or when the time to confirm it is over. Nobody reads what it prints: what it could
 * not do is written to a file that the next host of this owner logs.
 */
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import * as v from 'valibot'
import { silent } from '../log.js'
import { openChannel } from '../netlink/channel.js'
import { NETLINK_ROUTE } from '../netlink/header.js'
import { editInside, written } from './files.js'
import { takeBack } from './host-bridge-undo.js'

const form = v.object({ path: v.string(), lock: v.string(), complaints: v.string() })
/** What the reaper hands to this program, as JSON. */
export type Duty = v.InferOutput<typeof form>

/** Milliseconds between attempts. */
const PAUSES = [50, 200, 1_000, 5_000, 15_000]

/** Returns what could not be taken back. */
async function attempt (duty: Duty): Promise<readonly string[]> {
  try {
    await using rtnl = await openChannel({ protocol: NETLINK_ROUTE })
    const { left } = await takeBack(duty, { rtnl, netns: { fd: -1 }, logger: silent, hook: undefined })
    return left.map(({ what, error }) => `${what}: ${String(error)}`)
  } catch (error) { return [String(error)] }
}

async function main (duty: Duty): Promise<void> {
  let left = await attempt(duty)
  for (const pause of PAUSES) {
    if (left.length === 0) return
    await sleep(pause)
    left = await attempt(duty)
  }
  if (left.length === 0) return
  await editInside(dirname(duty.complaints), [written(duty.complaints, `${left.join('\n')}\n`)])
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // Whoever ends a session or a service signals all of its processes; this one should end last.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
  await main(v.parse(form, JSON.parse(process.argv[2] ?? '')))
}
