/** When does each network answer a DHCPDISCOVER with an OFFER? One probe for everybody: probe.c. */
import { background } from '../test/harness/command.js'
import { compiled } from './compile.js'

/** Milliseconds of CLOCK_MONOTONIC at which the first and the last network offered. */
export interface Offered { readonly first: number, readonly last: number }

/** Seconds after which a network that has not offered is an error. */
const PATIENCE = 120

/** Starts the probe for the bridges `nb0` … in a namespace, runs `work`, and resolves when all have offered. */
export async function whileProbing (netns: string, count: number, work: () => Promise<void>): Promise<Offered> {
  const probe = background('ip', ['netns', 'exec', netns, await compiled('probe'), 'nb', String(count), String(PATIENCE)])
  try {
    await probe.until(/ready/)
    await work()
    const [, text = ''] = await probe.until(/^(\{.*\})$/m, PATIENCE * 1000)
    const { first, last } = JSON.parse(text) as Offered
    return { first: first / 1e6, last: last / 1e6 }
  } finally { await probe.stop() }
}
