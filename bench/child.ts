/**
 * Programs that are measured as whole processes. Each prints one line of JSON.
 *
 *     child.js make NETNS COUNT            a user's program: opens the host, makes the networks with two TAPs each, closes
 *     child.js destroy NETNS               another one: destroys all networks at once, closes
 */
import { openHost } from 'netwright'
import { batch } from './objects.js'

const [verb, netns = '', count = '0'] = process.argv.slice(2)

async function make (): Promise<object> {
  const host = await openHost({ netns })
  const start = performance.now()
  await host.create(batch({ count: Number(count), taps: true }))
  const ms = performance.now() - start
  await host.close()
  return { ms }
}

async function destroy (): Promise<object> {
  const host = await openHost({ netns })
  const start = performance.now()
  await Promise.all((await host.networks()).map(async ({ name }) => { await (await host.network(name)).destroy() }))
  const ms = performance.now() - start
  await host.close()
  return { ms }
}

const verbs: Readonly<Record<string, () => Promise<object>>> = { make, destroy }
const run = verbs[verb ?? '']
if (run === undefined) throw new Error(`no such program: ${verb ?? ''}`)
process.stdout.write(`${JSON.stringify(await run())}\n`)
