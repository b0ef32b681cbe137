/**
 * Programs that are measured as whole processes, or alone in theirs. Each prints one line of JSON.
 *
 *     child.js make NETNS COUNT            a user's program: opens the host, makes the networks, closes
 *     child.js destroy NETNS               destroys all of them at once
 *     child.js loop NETNS COUNT DYING      makes networks while the namespace DYING is torn down, and watches its event loop
 *     child.js idle NETNS MS DYING         opens the host and does nothing for so long, with the same going on: what this machine does to any program
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { must } from '../test/harness/command.js'
import { openHost } from '../src/index.js'
import { delayWhile } from './loop.js'
import { specs } from './objects.js'

const [verb, netns = '', count = '0', dying = ''] = process.argv.slice(2)

async function make (): Promise<object> {
  const host = await openHost({ netns })
  const start = performance.now()
  await host.create(specs(Number(count)))
  const ms = performance.now() - start
  await host.close()
  return { ms }
}

async function destroy (): Promise<object> {
  const host = await openHost({ netns })
  const start = performance.now()
  await Promise.all((await host.networks()).map(async ({ name }) => { await (await host.network(name)).destroy() }))
  await host.settled()
  const ms = performance.now() - start
  await host.close()
  return { ms }
}

async function loop (): Promise<object> {
  const host = await openHost({ netns })
  const wanted = specs(Number(count))
  await must('ip', ['netns', 'del', dying])
  let ms = 0
  const delay = await delayWhile(async () => {
    const start = performance.now()
    await host.create(wanted)
    ms = performance.now() - start
  })
  await host.close()
  return { ms, ...delay }
}

async function idle (): Promise<object> {
  const host = await openHost({ netns })
  await must('ip', ['netns', 'del', dying])
  const delay = await delayWhile(async () => { await sleep(Number(count)) })
  await host.close()
  return { ms: Number(count), ...delay }
}

const verbs: Readonly<Record<string, () => Promise<object>>> = { make, destroy, loop, idle }
const run = verbs[verb ?? '']
if (run === undefined) throw new Error(`no such program: ${verb ?? ''}`)
process.stdout.write(`${JSON.stringify(await run())}\n`)
