/**
 * The program that a reaper becomes when its process has died: `node reap.js '{"owner":…,"root":…,"complaints":…}'`, in the process's network
 * namespace. Opening a host removes what the dead process left, so that is all it does. Nobody reads what it prints: what it could not do is
 * written to a file that the next host of this owner logs.
 */
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import * as v from 'valibot'
import { silent, type Logger } from '../log.js'
import { editInside, written } from './files.js'
import { openHost } from './host.js'
import type { Estate } from './reaper.js'

const form = v.object({ owner: v.string(), root: v.string(), complaints: v.string(), discard: v.boolean() })
/** Milliseconds between attempts. */
const PAUSES = [100, 1_000, 5_000]

/** Keeps errors. */
function listening (): { readonly logger: Logger, readonly errors: string[] } {
  const errors: string[] = []
  const logger: Logger = { ...silent, child: () => logger, error: (data, message = '') => { errors.push(`${message}${'err' in data ? `: ${String(data.err)}` : ''}`) } }
  return { logger, errors }
}

/** Returns what could not be done, each said once. */
async function attempt ({ owner, root }: Estate): Promise<readonly string[]> {
  const { logger, errors } = listening()
  try {
    const host = await openHost({ owner, root, logger, supervise: false })
    try { await host.settled() } finally { await host.close() }
  } catch (error) { errors.push(String(error)) }
  return [...new Set(errors)]
}

async function main (estate: Estate): Promise<void> {
  let errors = await attempt(estate)
  for (const pause of PAUSES) {
    if (errors.length === 0) break
    await sleep(pause)
    errors = await attempt(estate)
  }
  if (errors.length > 0) await complain(errors, estate)
  else if (estate.discard) await rm(estate.root, { recursive: true, force: true })
}

async function complain (errors: readonly string[], estate: Estate): Promise<void> {
  await editInside(dirname(estate.complaints), [written(estate.complaints, `${errors.join('\n')}\n`)])
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // Whoever ends a service signals all of its processes; this one has the least to do and should end last.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
  await main(v.parse(form, JSON.parse(process.argv[2] ?? '')))
}
